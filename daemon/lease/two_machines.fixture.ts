import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { Redis } from 'ioredis';
import { WebSocket } from 'ws';
import type { OpenTime } from '../../shared/bar.ts';
import type { HomePaths } from '../../shared/policy/home.ts';
import type { Settings } from '../../shared/policy/policy.ts';
import type { Rng } from '../../shared/ports.ts';
import { createConsumer, type Verdict } from '../../shared/signal/consumer.ts';
import type { Signal } from '../../shared/signal/signal.ts';
import { verifySignal } from '../../shared/signal/verify.ts';
import type { RunningProgram } from '../../test/program.ts';
import { freePort, type RedisServer } from '../../test/redis_server.ts';
import { makeHome, type Minute } from '../handover.fixture.ts';
import type { HealthReport } from '../health/health.ts';
import { SIGNALS_CHANNEL } from '../publish/redis_bus.ts';
import { openCuttablePath, type CuttablePath } from './cut.fixture.ts';

/** part: only the way to the lease server is cut. */
export const EVENTS = ['kill', 'end', 'cut', 'part', 'pause', 'clock'] as const;
export type EventKind = (typeof EVENTS)[number];

export interface TwoMachinesOptions {
  readonly folder: string;
  readonly settings: Settings;
  readonly bundle: string;
  readonly redis: RedisServer;
  /** Of the lease, where it is not that Redis: its port on 127.0.0.1, and the URL with another port. */
  readonly leaseServer?: { readonly port: number; url(port: number): string };
  readonly leaseSeconds: number;
  readonly events: readonly EventKind[];
  /** How long a stopped machine stays stopped after the take-over. */
  readonly pauseMs: number;
  /** Real milliseconds of a market minute. */
  readonly minuteMs: number;
  readonly history: readonly Minute[];
  readonly minutes: readonly Minute[];
  readonly rng: Rng;
  start(args: readonly string[], env: NodeJS.ProcessEnv): RunningProgram;
}

export interface HeardSignal {
  readonly signal: Signal;
  readonly verdict: Verdict;
  /** How it came first. */
  readonly by: 'redis' | 'websocket';
  /** When, by the clock of the market. */
  readonly atMs: number;
}

export interface TwoMachinesReport {
  readonly homes: readonly HomePaths[];
  readonly heard: readonly HeardSignal[];
  readonly sent: readonly OpenTime[];
  /** By event: what, and real milliseconds until a signal of another fence was obeyed. */
  readonly takeovers: readonly { readonly kind: EventKind; readonly ms: number }[];
}

const RETRY_MS = 20;
const HOUR_MS = 3_600_000;

/** A daemon with its home and its own way to the servers. */
class Machine {
  readonly paths: HomePaths;
  readonly url: string;
  readonly #start: () => RunningProgram;
  /** To the lease server, to Redis. */
  readonly ways: readonly CuttablePath[];
  program: RunningProgram;
  #socket: WebSocket | null = null;
  #isOver = false;

  private constructor(
    paths: HomePaths,
    port: number,
    ways: readonly CuttablePath[],
    start: () => RunningProgram,
    hear: (text: string) => void,
  ) {
    this.paths = paths;
    this.url = `http://127.0.0.1:${port}`;
    this.ways = ways;
    this.#start = start;
    this.program = start();
    this.#listen(hear);
  }

  static async open(
    name: string,
    options: TwoMachinesOptions,
    clock: NodeJS.ProcessEnv,
    hear: (text: string) => void,
  ): Promise<Machine> {
    const { folder, settings, redis, leaseServer, leaseSeconds } = options;
    const way = await openCuttablePath(redis.port);
    const leaseWay = await openCuttablePath(leaseServer?.port ?? redis.port);
    const address = (of: number): string => `redis://127.0.0.1:${of}`;
    const port = await freePort();
    const { transports } = settings.minutehand;
    const { paths, file } = makeHome(
      join(folder, name),
      {
        ...settings,
        minutehand: {
          ...settings.minutehand,
          lease: { url: (leaseServer?.url ?? address)(leaseWay.port), seconds: leaseSeconds },
          transports: {
            ...transports,
            daemon: { ...transports.daemon, port },
            redis: { ...transports.redis, enabled: 'auto', url: address(way.port) },
          },
        },
      },
      options.bundle,
    );
    const start = (): RunningProgram => options.start([file], { MINUTEHAND_HOME: paths.home, ...clock });
    return new Machine(paths, port, [leaseWay, way], start, hear);
  }

  async health(): Promise<HealthReport | null> {
    try {
      const response = await fetch(`${this.url}/healthz`, { signal: AbortSignal.timeout(2000) });
      return (await response.json()) as HealthReport;
    } catch {
      return null;
    }
  }

  async restart(): Promise<void> {
    await this.program.ended;
    this.program = this.#start();
  }

  async close(): Promise<void> {
    this.#isOver = true;
    this.#socket?.terminate();
    this.program.process.kill('SIGCONT');
    await this.program.kill('SIGTERM');
    for (const way of this.ways) await way.close();
  }

  #listen(hear: (text: string) => void): void {
    if (this.#isOver) return;
    const socket = (this.#socket = new WebSocket(`${this.url.replace('http', 'ws')}/signals`));
    socket.on('message', (data: Buffer) => hear(data.toString()));
    socket.on('error', () => undefined);
    socket.on('close', () => void setTimeout(() => this.#listen(hear), RETRY_MS));
  }
}

/** One consumer of everything that the machines publish. */
export class SignalListener {
  readonly heard: HeardSignal[] = [];
  readonly #consumer = createConsumer({ markets: ['live'], maxClockSkewMs: HOUR_MS / 2 });
  readonly #nowMs: () => number;
  readonly #subscriber: Redis;
  #onObeyed: (signal: Signal) => void = () => undefined;

  private constructor(subscriber: Redis, nowMs: () => number) {
    this.#subscriber = subscriber;
    this.#nowMs = nowMs;
  }

  static async open(redisUrl: string, nowMs: () => number): Promise<SignalListener> {
    const subscriber = new Redis(redisUrl, { protocol: 2 });
    const listener = new SignalListener(subscriber, nowMs);
    await subscriber.subscribe(SIGNALS_CHANNEL);
    subscriber.on('message', (_channel, lines: string) => lines.split('\n').forEach(listener.from('redis')));
    return listener;
  }

  /** Takes the texts of signals of one transport. */
  from(by: HeardSignal['by']): (text: string) => void {
    return (text) => {
      const atMs = this.#nowMs();
      const verdict = this.#consumer.take(text, atMs);
      if (verdict.verdict === 'refuse' && verdict.code === 'REPEATED') return;
      const signal = verifySignal(text);
      this.heard.push({ signal, verdict, by, atMs });
      if (verdict.verdict === 'obey') this.#onObeyed(signal);
    };
  }

  /** Resolves with the first obeyed signal of a higher fence than the last obeyed one has. */
  takeover(): Promise<void> {
    const fence = this.heard.findLast(({ verdict }) => verdict.verdict === 'obey')?.signal.fence ?? 0;
    return new Promise((resolve) => (this.#onObeyed = (signal) => void (signal.fence! > fence && resolve())));
  }

  close(): void {
    this.#subscriber.disconnect();
  }
}

/** A market, two machines with one lease, and one consumer of all that either publishes. */
export async function runTwoMachines(options: TwoMachinesOptions): Promise<TwoMachinesReport> {
  const { redis, history, minutes, minuteMs, rng } = options;
  const rate = 60_000 / minuteMs;
  const startMs = (minutes[0]!.time + 30) * 1000;
  const zeroMs = Date.now();
  const nowMs = (): number => startMs + rate * (Date.now() - zeroMs);
  const clock = { CLOCK_RATE: `${rate}`, CLOCK_START_MS: `${startMs}`, CLOCK_ZERO_MS: `${zeroMs}` };
  const bars = new Redis(redis.url, { protocol: 2 });
  const listener = await SignalListener.open(redis.url, nowMs);
  const send = ({ bars: ofMinute }: Minute, backfill: boolean): Promise<unknown> => {
    const text = JSON.stringify(ofMinute.map((bar) => ({ ...bar, time: bar.time * 1000 })));
    return bars.xadd('minutehand:bars', '*', 'bar', text, ...(backfill ? ['backfill', '1'] : []));
  };
  for (const minute of history) await send(minute, true);

  const machines = await Promise.all(
    ['a', 'b'].map((name) => Machine.open(name, options, clock, listener.from('websocket'))),
  );
  const sent: OpenTime[] = [];
  let feeding: NodeJS.Timeout | undefined;
  /** Sends each minute when it is over. */
  const feed = (): void => {
    let at = minutes.findIndex(({ time }) => (time + 60) * 1000 > nowMs());
    feeding = setInterval(() => {
      for (let next; (next = minutes[at]) !== undefined && (next.time + 60) * 1000 <= nowMs(); at++) {
        sent.push(next.time);
        void send(next, false);
      }
    }, 5);
  };
  const takeovers: { kind: EventKind; ms: number }[] = [];

  /** One machine holds the lease, and the other is warm and ready. */
  const holderAndStandby = async (): Promise<Machine> => {
    for (;;) {
      const healths = await Promise.all(machines.map((machine) => machine.health()));
      const roles = healths.map((health) => health?.status !== 'waiting' && health?.lease?.role);
      if (roles.includes('holder') && roles.includes('standby')) return machines[roles.indexOf('holder')]!;
      await sleep(RETRY_MS);
    }
  };
  try {
    await holderAndStandby();
    feed();
    await sleep(2 * minuteMs);
    for (const kind of options.events) {
      const holder = await holderAndStandby();
      await sleep(rng.uniform() * 3 * minuteMs);
      const taken = listener.takeover();
      const atMs = performance.now();
      const heal = strike(kind, holder);
      await taken;
      takeovers.push({ kind, ms: performance.now() - atMs });
      if (kind === 'pause') await sleep(options.pauseMs);
      await sleep(rng.uniform() * 2 * minuteMs);
      await heal();
    }
    await holderAndStandby();
    await sleep(4 * minuteMs);
    clearInterval(feeding);
    await sleep(4 * minuteMs);
  } finally {
    clearInterval(feeding);
    for (const machine of machines) await machine.close();
    listener.close();
    bars.disconnect();
  }
  return { homes: machines.map(({ paths }) => paths), heard: listener.heard, sent, takeovers };
}

/** @returns what undoes it */
function strike(kind: EventKind, machine: Machine): () => Promise<void> | void {
  const { program, ways } = machine;
  switch (kind) {
    case 'kill':
    case 'end':
      void program.kill(kind === 'kill' ? 'SIGKILL' : 'SIGTERM');
      return () => machine.restart();
    case 'cut':
    case 'part': {
      const cut = kind === 'cut' ? ways : ways.slice(0, 1);
      for (const way of cut) way.cut();
      return () => cut.forEach((way) => way.mend());
    }
    case 'pause':
      program.process.kill('SIGSTOP');
      return () => void program.process.kill('SIGCONT');
    case 'clock':
      program.process.kill('SIGUSR2');
      return () => void program.process.kill('SIGUSR2');
  }
}
