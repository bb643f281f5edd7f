/**
 * The time from a request for ten signals until a WebSocket client has all of them, through each engine of the server
 * that this machine can load, alone and by turns: no pipeline, no journal, no file. Client and server are two
 * processes. docs/adr/0035-engine-by-platform.md has the figures by platform.
 */
import { fork, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import { WebSocket } from 'ws';
import type { Engine } from '../daemon/serve/server.ts';
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
}

export interface EnginesResult {
  readonly signals: number;
  readonly signal_bytes: number;
  /** The delivered choice of this machine first. */
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
  try {
    for (const wanted of ['auto', 'ws'] as const) {
      const child = fork(fileURLToPath(new URL('engine_server.js', import.meta.url)), [wanted]);
      const [{ engine, port }] = (await once(child, 'message')) as [Listening];
      const socket = new WebSocket(`ws://127.0.0.1:${port}/`);
      served.push({ child, engine, socket, times: [] });
      await once(socket, 'open');
      if (engine === 'ws') break; // no other one loads
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
  return { signals: SIGNALS, signal_bytes: SIGNAL_BYTES, engines };
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
