import { mkdirSync, renameSync, writeFileSync } from 'node:fs';
import { connect, type Socket } from 'node:net';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { Redis } from 'ioredis';
import { benchModels } from '../models.ts';
import { percentiles, type Percentiles } from '../percentiles.ts';
import { openTemporaryFolder } from '../temporary_folder.ts';
import type { CpuPlaces } from './cpu_profile.ts';
import { openField, TRANSPORTS, type Field, type Latencies, type Target, type Transport } from './field.ts';
import { instantNs } from './instant.ts';
import { startHelper, startRedis } from './process.ts';
import { ProcessWorkMeter, type ProcessWork } from './process_work.ts';
import { perMinute, placesOf, runMinutes } from './profile.ts';
import { countSystemCalls, type SystemCalls } from './system_calls.ts';

const PAIRS = 10;
/** Twelve bars of a minute as JSON. */
const REQUEST_BYTES = 1500;
const SIGNAL_BYTES = 600;
const BLOCK_MINUTES = 25;
const WARM_UP_MINUTES = 300;
/** Minutes under the profiler, and under strace: neither is timed. */
const PROFILED_MINUTES = 500;
const TRACED_MINUTES = 50;
const NS_PER_US = 1000;

/** Microseconds of one pace. */
export interface FloorPace {
  /** Pause before each round trip; 0 = back to back. */
  readonly gap_ms: number;
  readonly minutes: number;
  /** A message of a minute's bars to another process, and the bytes of its signals back, by TCP. */
  readonly echo: Percentiles;
  /** One SET of the bytes of a signal for each pair and a PING, in one pipeline; null without a Redis server. */
  readonly redis_round_trip: Percentiles | null;
  /** A file for each pair: written under another name, and renamed. Without fsync, as the daemon writes them. */
  readonly file_write: Percentiles;
  readonly null_daemon: Readonly<Partial<Record<Transport | 'all', Percentiles>>>;
  readonly daemon: Readonly<Partial<Record<Transport | 'all', Percentiles>>>;
  /** Work of the two processes per minute of bars; null where the kernel does not count it. */
  readonly null_daemon_work: ProcessWork | null;
  readonly daemon_work: ProcessWork | null;
  /** Median of the daemon's WebSocket, and of its last transport, over the median of the echo. */
  readonly websocket_over_echo: number;
  readonly all_over_echo: number;
}

export interface FloorResult {
  readonly pairs: number;
  readonly request_bytes: number;
  readonly answer_bytes: number;
  readonly paces: readonly FloorPace[];
  /** Where each process spends its time, back to back, measured after the paces; per minute of bars. */
  readonly attribution: { readonly null_daemon: Attribution; readonly daemon: Attribution };
}

/** Per minute of bars. */
export interface Attribution {
  /** Microseconds of the main thread by place, from a sampling profiler. */
  readonly places_us: CpuPlaces;
  /** System calls of all threads; null without strace. */
  readonly system_calls: SystemCalls | null;
}

interface Samples {
  readonly echo: number[];
  readonly redis: number[];
  readonly file: number[];
  readonly real: Latencies[];
  readonly null: Latencies[];
  readonly realWork: ProcessWorkMeter;
  readonly nullWork: ProcessWorkMeter;
}

/**
 * What the machine allows: round trips of the same bytes without any of our code, beside daemon and null daemon in the
 * same run, in alternating blocks. The null daemon shows what models and decisions cost; the echo also shows what
 * server, frames, publishers and consumers cost, which both daemons share.
 */
export async function benchFloor(minutes: number, print: (line: string) => void): Promise<FloorResult> {
  const { trained } = await benchModels(print);
  const field = await openField({ pairs: PAIRS, bundles: [trained], withNull: true });
  try {
    return await measureFloor(field, minutes, print);
  } finally {
    await field.close();
  }
}

/** @param minutes of each pace, after up to 300 that are not measured */
export async function measureFloor(field: Field, minutes: number, print: (line: string) => void): Promise<FloorResult> {
  const base = await openBase();
  try {
    const paces: FloorPace[] = [];
    await measureBlocks(field, base, Math.min(WARM_UP_MINUTES, minutes), 0);
    for (const gapMs of [0, 5]) {
      print(`floor: ${minutes} minutes, ${gapMs === 0 ? 'back to back' : `${gapMs} ms of idleness before each`} …`);
      paces.push(paceOf(gapMs, await measureBlocks(field, base, minutes, gapMs)));
    }
    print('floor: where the time goes …');
    const attribution = {
      null_daemon: await attributionOf(field.null!, minutes),
      daemon: await attributionOf(field.real, minutes),
    };
    return {
      pairs: field.pairs.length,
      request_bytes: REQUEST_BYTES,
      answer_bytes: PAIRS * SIGNAL_BYTES,
      paces,
      attribution,
    };
  } finally {
    await base.close();
  }
}

async function attributionOf(target: Target, minutes: number): Promise<Attribution> {
  const profiled = Math.min(PROFILED_MINUTES, minutes);
  const traced = Math.min(TRACED_MINUTES, minutes);
  const places = await placesOf(target, profiled);
  const calls = await countSystemCalls(target.helper.pid, () => runMinutes(target, traced));
  return {
    places_us: places,
    system_calls: calls === null ? null : perMinute(calls, traced),
  };
}

/** Round trips without our code. */
interface Base {
  echo(): Promise<void>;
  readonly redis: (() => Promise<void>) | null;
  file(): void;
  close(): Promise<void>;
}

async function openBase(): Promise<Base> {
  const answerBytes = PAIRS * SIGNAL_BYTES;
  const helper = startHelper('echo', { requestBytes: REQUEST_BYTES, answerBytes });
  const { port } = await helper.next<{ readonly port: number }>(({ port: own }) => own !== undefined);
  const socket = await connected(port);
  const request = Buffer.alloc(REQUEST_BYTES, 'x');
  const server = await startRedis();
  const client = server === null ? null : new Redis(server.url);
  const signal = 'x'.repeat(SIGNAL_BYTES);
  const folder = openTemporaryFolder('floor');
  const files = Array.from({ length: PAIRS }, (_, index) => join(folder.path, `pair_${index}`));
  for (const path of files) mkdirSync(path);
  return {
    echo: () => roundTrip(socket, request, answerBytes),
    redis:
      client === null
        ? null
        : async () => {
            const pipeline = client.pipeline();
            for (let index = 0; index < PAIRS; index++) pipeline.set(`floor:${index}`, signal);
            await pipeline.ping().exec();
          },
    file() {
      for (const path of files) {
        writeFileSync(join(path, 'signal.json.new'), signal);
        renameSync(join(path, 'signal.json.new'), join(path, 'signal.json'));
      }
    },
    async close() {
      socket.destroy();
      client?.disconnect();
      await server?.end();
      await helper.end();
      folder.remove();
    },
  };
}

function connected(port: number): Promise<Socket> {
  return new Promise((resolve, reject) => {
    const socket = connect({ port, host: '127.0.0.1', noDelay: true });
    socket.once('connect', () => resolve(socket)).once('error', reject);
  });
}

function roundTrip(socket: Socket, request: Buffer, answerBytes: number): Promise<void> {
  return new Promise((resolve, reject) => {
    let received = 0;
    const take = (chunk: Buffer): void => {
      received += chunk.length;
      if (received < answerBytes) return;
      socket.off('data', take).off('error', reject);
      resolve();
    };
    socket.on('data', take).once('error', reject);
    socket.write(request);
  });
}

interface Step {
  run(): Promise<void>;
  /** Of the process that it asks for work. */
  readonly meter?: ProcessWorkMeter;
}

async function measureBlocks(field: Field, base: Base, minutes: number, gapMs: number): Promise<Samples> {
  const samples: Samples = {
    echo: [],
    redis: [],
    file: [],
    real: [],
    null: [],
    realWork: new ProcessWorkMeter(field.real.helper.pid),
    nullWork: new ProcessWorkMeter(field.null!.helper.pid),
  };
  const pause = async (): Promise<void> => {
    if (gapMs > 0) await sleep(gapMs);
  };
  const timed = async (into: number[], work: () => Promise<void> | void): Promise<void> => {
    const startNs = instantNs();
    await work();
    into.push((instantNs() - startNs) / NS_PER_US);
  };
  const steps: readonly Step[] = [
    { run: () => timed(samples.echo, () => base.echo()) },
    {
      run: async () => {
        if (base.redis !== null) await timed(samples.redis, base.redis);
      },
    },
    { run: () => timed(samples.file, () => base.file()) },
    { run: async () => void samples.null.push(await field.null!.minute()), meter: samples.nullWork },
    { run: async () => void samples.real.push(await field.real.minute()), meter: samples.realWork },
  ];
  for (let done = 0; done < minutes; done += BLOCK_MINUTES) {
    const count = Math.min(BLOCK_MINUTES, minutes - done);
    // The order can affect the figures, so it alternates.
    const order = (done / BLOCK_MINUTES) % 2 === 0 ? steps : [...steps].reverse();
    for (const { run, meter } of order) {
      meter?.begin();
      for (let i = 0; i < count; i++) {
        await pause();
        await run();
      }
      meter?.end(count);
    }
  }
  return samples;
}

function paceOf(gapMs: number, samples: Samples): FloorPace {
  const { echo, redis, file, real, null: base, realWork, nullWork } = samples;
  const floor = percentiles(echo);
  const daemon = byTransport(real);
  return {
    gap_ms: gapMs,
    minutes: real.length,
    echo: floor,
    redis_round_trip: redis.length === 0 ? null : percentiles(redis),
    file_write: percentiles(file),
    null_daemon: byTransport(base),
    daemon,
    null_daemon_work: nullWork.result(),
    daemon_work: realWork.result(),
    websocket_over_echo: daemon.websocket!.p50 / floor.p50,
    all_over_echo: daemon.all!.p50 / floor.p50,
  };
}

/** Each transport, and `all`: until the last one has all signals. Minutes that a transport missed do not count. */
function byTransport(latencies: readonly Latencies[]): FloorPace['daemon'] {
  const came = (values: readonly number[]): number[] => values.filter((us) => !Number.isNaN(us));
  const own = Object.fromEntries(
    TRANSPORTS.map((transport) => [transport, came(latencies.map((one) => one[transport]))] as const).filter(
      ([, values]) => values.length > 0,
    ),
  );
  const known = TRANSPORTS.filter((transport) => transport in own);
  const all = came(latencies.map((one) => Math.max(...known.map((transport) => one[transport]))));
  return Object.fromEntries(
    [...Object.entries(own), ['all', all] as const].map(([name, values]) => [name, percentiles(values)]),
  );
}
