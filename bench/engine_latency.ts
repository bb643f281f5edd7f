/**
 * `node dist/bench/engine_latency.js auto ws`: the time from a request for ten signals until a WebSocket client has all
 * of them, through each engine of the server alone, in turns: no pipeline, no journal, no file. Client and server are
 * two processes. Prints JSON, times in µs. docs/adr/0035-engine-by-platform.md has the figures by platform.
 */
import { fork, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import { WebSocket } from 'ws';
import { openServer } from '../daemon/serve/serve.ts';
import type { Engine } from '../daemon/serve/server.ts';
import { percentiles } from './percentiles.ts';

const SIGNALS = 10;
const SIGNAL_BYTES = 600;
const WARM_UP = 2000;
const REQUESTS = 5000;
const TURNS = 5;
const TOPIC = 'signals';

interface Listening {
  readonly engine: Engine;
  readonly port: number;
}

/** The server of one engine, until its parent disconnects. */
async function serve(engine: 'auto' | Engine): Promise<void> {
  const messages = Array.from({ length: SIGNALS }, (_, i) => ({ topic: TOPIC, text: String(i).repeat(SIGNAL_BYTES) }));
  const server = await openServer({
    host: '127.0.0.1',
    port: 0,
    engine,
    routes: [],
    webSockets: [
      {
        path: '/',
        onOpen: (connection) => connection.subscribe(TOPIC),
        onMessage: () => server.publishAll(messages),
        onClose: () => undefined,
      },
    ],
    maxBodyBytes: 1 << 20,
    maxBufferedBytes: 1 << 24,
    onError(error) {
      throw error;
    },
  });
  process.once('disconnect', () => void server.close());
  const listening: Listening = { engine: server.engine, port: server.port };
  process.send!(listening);
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

async function compare(engines: readonly string[]): Promise<void> {
  const program = fileURLToPath(import.meta.url);
  const servers: {
    readonly child: ChildProcess;
    readonly engine: Engine;
    readonly socket: WebSocket;
    times: number[];
  }[] = [];
  for (const wanted of engines) {
    const child = fork(program, ['--serve', wanted]);
    const [{ engine, port }] = (await once(child, 'message')) as [Listening];
    const socket = new WebSocket(`ws://127.0.0.1:${port}/`);
    await once(socket, 'open');
    servers.push({ child, engine, socket, times: [] });
  }
  for (let turn = 0; turn < TURNS; turn++)
    for (const server of servers) {
      const times = await measure(server.socket);
      server.times.push(...(turn === 0 ? times.slice(WARM_UP) : times));
    }
  const figures = servers.map(({ engine, times }) => ({ engine, ...percentiles(times) }));
  process.stdout.write(`${JSON.stringify({ node: process.version, figures })}\n`);
  for (const { socket, child } of servers) {
    socket.terminate();
    child.disconnect();
  }
}

const [first, second] = process.argv.slice(2);
if (first === '--serve') await serve(second as Engine);
else await compare(process.argv.length > 2 ? process.argv.slice(2) : ['auto', 'ws']);
