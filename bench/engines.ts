/**
 * The time from a request for ten signals until a WebSocket client has all of them, through each engine of the server,
 * alone and by turns: no pipeline, no journal, no file. Client and server are two processes. Both servers have the Node
 * that loads uWebSockets.js, with a newer C library where this machine's is too old (bin/newer_libc.mjs).
 */
import { fork, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { WebSocket } from 'ws';
import type { Engine } from '../daemon/serve/server.ts';
import { loadUwebsockets } from '../daemon/serve/uwebsockets.ts';
import { packageRoot } from '../shared/root.ts';
import { percentiles, type Percentiles } from './percentiles.ts';

export const SIGNALS = 10;
export const SIGNAL_BYTES = 600;
const WARM_UP = 2000;
const REQUESTS = 5000;
const TURNS = 5;

/** What `engine_server.ts` says once it listens. */
export interface Listening {
  readonly engine: Engine;
  readonly port: number;
  /** Version of the C library; null where it is not glibc. */
  readonly glibc: string | null;
}

export interface EnginesResult {
  readonly signals: number;
  readonly signal_bytes: number;
  /** Version of the C library under both servers; absent in results of earlier versions. */
  readonly glibc?: string | null;
  /** Why `ws` was measured alone; null where it was not, absent in results of earlier versions. */
  readonly missing?: string | null;
  readonly engines: readonly { readonly engine: Engine; readonly request_us: Percentiles }[];
}

interface Served {
  readonly child: ChildProcess;
  readonly engine: Engine;
  readonly socket: WebSocket;
  readonly times: number[];
}

export async function benchEngines(print: (line: string) => void): Promise<EnginesResult> {
  const served: Served[] = [];
  const { execPath, missing } = await nodeToMeasure();
  let glibc: string | null = null;
  try {
    for (const engine of missing === null ? (['uwebsockets', 'ws'] as const) : (['ws'] as const)) {
      const child = fork(fileURLToPath(new URL('engine_server.js', import.meta.url)), [engine], { execPath });
      const [listening] = (await once(child, 'message')) as [Listening];
      glibc = listening.glibc;
      const socket = new WebSocket(`ws://127.0.0.1:${listening.port}/`);
      served.push({ child, engine, socket, times: [] });
      await once(socket, 'open');
    }
    for (let turn = 0; turn < TURNS; turn++)
      for (const { socket, times, engine } of served) {
        const took = await measure(socket);
        times.push(...(turn === 0 ? took.slice(WARM_UP) : took));
        print(`engines: ${engine}, turn ${turn + 1} of ${TURNS}`);
      }
  } finally {
    for (const { socket, child } of served) {
      socket.terminate();
      child.disconnect();
    }
  }
  const engines = served.map(({ engine, times }) => ({ engine, request_us: percentiles(times) }));
  return { signals: SIGNALS, signal_bytes: SIGNAL_BYTES, glibc, missing, engines };
}

/** @returns `missing`: why no Node loads uWebSockets.js here */
async function nodeToMeasure(): Promise<{ readonly execPath: string; readonly missing: string | null }> {
  try {
    loadUwebsockets();
    return { execPath: process.execPath, missing: null };
  } catch {
    // The installed one does not load.
  }
  const library = pathToFileURL(join(packageRoot(), 'bin', 'newer_libc.mjs')).href;
  const { nodeWithUwebsockets } = (await import(library)) as { nodeWithUwebsockets(): Promise<string> };
  try {
    return { execPath: await nodeWithUwebsockets(), missing: null };
  } catch (error) {
    return { execPath: process.execPath, missing: (error as Error).message };
  }
}

/** Times of `REQUESTS` answers, one request after the other, µs. */
async function measure(socket: WebSocket): Promise<number[]> {
  const times: number[] = [];
  let begunMs = 0;
  let missing = 0;
  const { promise, resolve } = withResolvers();
  const ask = (): void => {
    missing = SIGNALS;
    begunMs = performance.now();
    socket.send('next');
  };
  socket.on('message', () => {
    if (--missing > 0) return;
    times.push((performance.now() - begunMs) * 1000);
    if (times.length === REQUESTS) resolve();
    else ask();
  });
  ask();
  await promise;
  socket.removeAllListeners('message');
  return times;
}

function withResolvers(): { readonly promise: Promise<void>; readonly resolve: () => void } {
  let resolve = (): void => undefined;
  const promise = new Promise<void>((done) => (resolve = done));
  return { promise, resolve };
}
