import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { Redis } from 'ioredis';
import { WebSocket } from 'ws';
import type { OpenTime } from '../../shared/bar.ts';
import type { HomePaths } from '../../shared/home.ts';
import type { Settings } from '../../shared/policy/policy.ts';
import type { Rng } from '../../shared/ports.ts';
import { createConsumer, type Verdict } from '../../shared/signal/consumer.ts';
import type { Signal } from '../../shared/signal/signal.ts';
import { verifySignal } from '../../shared/signal/verify.ts';
import type { RunningProgram } from '../../test/program.ts';
import { freePort } from '../../test/redis_server.ts';
import { makeHome, type Minute } from '../handover.fixture.ts';
import type { HealthReport } from '../health/health.ts';
import { SIGNALS_CHANNEL } from '../publish/redis_bus.ts';
import type { MachineNetwork, ServerPorts } from './machine_network.fixture.ts';

/** What happens to the holder. part: only its way to the lease server is cut; cut: also that to Redis. */
export const EVENTS = ['kill', 'end', 'cut', 'part', 'pause', 'clock'] as const;
/** In namespaces, too. dark: all its ways are silent; down: its interfaces are; standby, both: a cut of those. */
export const NETWORK_EVENTS = [...EVENTS, 'dark', 'down', 'standby', 'both'] as const;
/** What happens to the lease server. hang: it stands still; restart: it starts again; power: so do all daemons. */
export const SERVER_EVENTS = ['hang', 'restart', 'power'] as const;
/** older: after the next take-over the lease server is one with the row of before. */
export type EventKind = (typeof NETWORK_EVENTS)[number] | (typeof SERVER_EVENTS)[number] | 'older';
/** While they last, nobody can answer. */
export const OF_BOTH: readonly EventKind[] = ['both', ...SERVER_EVENTS, 'older'];
/** The holder lives, and cannot renew its lease. */
export const ISOLATING: readonly EventKind[] = ['cut', 'part', 'dark', 'down', 'both', 'hang'];

/** A lease server on 127.0.0.1. */
export interface LeaseServer {
  readonly port: number;
  /** @param address host and port */
  url(address: string): string;
  hang(): void;
  resume(): void;
  /** Ends it and starts it again on its port. */
  restart(): Promise<void>;
  /** Whether it then has the row of the lease. */
  readonly isDurable: boolean;
  /** Copies its data; @returns what replaces it by a server with the copy */
  replicate?(): Promise<() => Promise<void>>;
}

export interface TwoMachinesOptions {
  readonly folder: string;
  readonly settings: Settings;
  readonly bundle: string;
  /** Of bars and signals, on 127.0.0.1. */
  readonly redisPort: number;
  readonly leaseServer: LeaseServer;
  readonly leaseSeconds: number;
  readonly events: Iterable<EventKind>;
  /** How long a stopped machine stays stopped after the take-over. */
  readonly pauseMs: number;
  /** Real milliseconds of a market minute. */
  readonly minuteMs: number;
  readonly history: readonly Minute[];
  readonly minutes: readonly Minute[];
  readonly rng: Rng;
  openNetwork(ports: ServerPorts): Promise<MachineNetwork>;
  start(args: readonly string[], env: NodeJS.ProcessEnv, through: readonly string[]): RunningProgram;
}

export interface HeardSignal {
  readonly signal: Signal;
  readonly verdict: Verdict;
  /** How it came first. */
  readonly by: 'redis' | 'websocket' | 'file';
  /** When, by the clock of the market. */
  readonly atMs: number;
}

/** Times are of the market's clock. */
export interface TwoMachinesEvent {
  readonly kind: EventKind;
  /** Of the holder before it. */
  readonly fence: number;
  /** From here on it is in effect. */
  readonly struckMs: number;
  readonly healedMs: number;
  /** When the next holder's first signal had come. */
  readonly answeredMs: number;
  /**
   * Real milliseconds from there, or from the healing where nobody could answer before, until a signal of another fence
   * was accepted; null = the holder stayed.
   */
  readonly takeoverMs: number | null;
  /** Whether the holder's files ended with mode HALT, before another daemon published; null = it could not. */
  readonly saidHalt: boolean | null;
}

export interface TwoMachinesReport {
  readonly homes: readonly HomePaths[];
  readonly heard: readonly HeardSignal[];
  readonly sent: readonly OpenTime[];
  readonly events: readonly TwoMachinesEvent[];
  /** Market milliseconds of the lease's duration. */
  readonly leaseMs: number;
}

const RETRY_MS = 20;
const FILE_POLL_MS = 100;
const HEALTH_POLL_MS = 50;
const HOUR_MS = 3_600_000;
const CONSUMER = { markets: ['live'], maxClockSkewMs: HOUR_MS / 2 } as const;
/** What has not come within this time never comes. */
const STUCK_MS = 60_000;
/** Minutes that a feeder sends again to a server that has lost its data. */
const SENT_AGAIN = 10;

/** A daemon with its home and its own ways to the servers. */
class Machine {
  readonly paths: HomePaths;
  readonly url: string;
  readonly network: MachineNetwork;
  readonly #start: () => RunningProgram;
  program: RunningProgram;
  #socket: WebSocket | null = null;
  #isOver = false;

  private constructor(
    paths: HomePaths,
    url: string,
    network: MachineNetwork,
    start: () => RunningProgram,
    hear: (text: string) => void,
  ) {
    this.paths = paths;
    this.url = url;
    this.network = network;
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
    const { folder, settings, redisPort, leaseServer, leaseSeconds } = options;
    const network = await options.openNetwork({ lease: leaseServer.port, redis: redisPort });
    const { address, host, through } = network;
    const port = await freePort();
    const { transports } = settings.minutehand;
    const { paths, file } = makeHome(
      join(folder, name),
      {
        ...settings,
        minutehand: {
          ...settings.minutehand,
          lease: { url: leaseServer.url(address.lease), seconds: leaseSeconds },
          transports: {
            ...transports,
            daemon: { ...transports.daemon, host, port },
            redis: { ...transports.redis, enabled: 'auto', url: `redis://${address.redis}` },
          },
        },
      },
      options.bundle,
    );
    const start = (): RunningProgram => options.start([file], { MINUTEHAND_HOME: paths.home, ...clock }, through);
    return new Machine(paths, `http://${host}:${port}`, network, start, hear);
  }

  async health(): Promise<HealthReport | null> {
    try {
      const response = await fetch(`${this.url}/healthz`, { signal: AbortSignal.timeout(2000) });
      return (await response.json()) as HealthReport;
    } catch {
      return null;
    }
  }

  /** The texts of its signal files. */
  files(pairs: readonly string[]): string[] {
    return pairs.flatMap((pair) => {
      try {
        return [readFileSync(join(this.paths.signals, pair, 'signal.json'), 'utf8')];
      } catch {
        return [];
      }
    });
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
    await this.network.close();
  }

  #listen(hear: (text: string) => void): void {
    if (this.#isOver) return;
    const options = { handshakeTimeout: 1000 };
    const socket = (this.#socket = new WebSocket(`${this.url.replace('http', 'ws')}/signals`, options));
    socket.on('message', (data: Buffer) => hear(data.toString()));
    socket.on('error', () => undefined);
    socket.on('close', () => void setTimeout(() => this.#listen(hear), RETRY_MS));
  }
}

/** One consumer of all that the machines publish by Redis and WebSocket, and one of their files. */
export class SignalListener {
  readonly heard: HeardSignal[] = [];
  readonly #streams = createConsumer(CONSUMER);
  readonly #files = createConsumer(CONSUMER);
  /** Texts that the consumer of files has refused, and always will. */
  readonly #refusedFiles = new Set<string>();
  readonly #nowMs: () => number;
  readonly #subscriber: Redis;
  #onAccepted: (signal: Signal) => void = () => undefined;

  private constructor(subscriber: Redis, nowMs: () => number) {
    this.#subscriber = subscriber;
    this.#nowMs = nowMs;
  }

  static async open(redisUrl: string, nowMs: () => number): Promise<SignalListener> {
    const subscriber = new Redis(redisUrl, { protocol: 2 });
    subscriber.on('error', () => undefined);
    const listener = new SignalListener(subscriber, nowMs);
    await subscriber.subscribe(SIGNALS_CHANNEL);
    subscriber.on('message', (_channel, lines: string) => lines.split('\n').forEach(listener.from('redis')));
    return listener;
  }

  /** Takes the texts of signals of one transport. */
  from(by: HeardSignal['by']): (text: string) => void {
    return (text) => {
      if (by === 'file' && this.#refusedFiles.has(text)) return;
      const atMs = this.#nowMs();
      const verdict = (by === 'file' ? this.#files : this.#streams).take(text, atMs);
      if (by === 'file' && verdict.verdict === 'refuse') this.#refusedFiles.add(text);
      if (verdict.verdict === 'refuse' && verdict.code === 'REPEATED') return;
      const signal = verifySignal(text);
      this.heard.push({ signal, verdict, by, atMs });
      if (verdict.verdict === 'accept' && by !== 'file') this.#onAccepted(signal);
    };
  }

  /** Of the last accepted signal. */
  get fence(): number {
    return this.heard.findLast(({ verdict, by }) => verdict.verdict === 'accept' && by !== 'file')?.signal.fence ?? 0;
  }

  /** Resolves with the first accepted signal of a higher fence than the last accepted one has. */
  takeover(): Promise<void> {
    const { fence } = this;
    return new Promise((resolve) => (this.#onAccepted = (signal) => void (signal.fence! > fence && resolve())));
  }

  close(): void {
    this.#subscriber.disconnect();
  }
}

/** The market: sends each minute when it is over, and the last ones again to a server that has restarted. */
class Feeder {
  readonly sent: OpenTime[] = [];
  readonly #redis: Redis;
  readonly #minutes: readonly Minute[];
  readonly #nowMs: () => number;
  #at = 0;
  #timer: NodeJS.Timeout | undefined;

  constructor(redisUrl: string, minutes: readonly Minute[], nowMs: () => number) {
    this.#minutes = minutes;
    this.#nowMs = nowMs;
    this.#redis = new Redis(redisUrl, { protocol: 2, maxRetriesPerRequest: null, retryStrategy: () => RETRY_MS });
    this.#redis.on('error', () => undefined);
    this.#redis.on('ready', () => {
      if (this.#timer !== undefined)
        for (const minute of minutes.slice(Math.max(0, this.#at - SENT_AGAIN), this.#at)) void this.send(minute, false);
    });
  }

  send({ bars }: Minute, backfill: boolean): Promise<unknown> {
    const text = JSON.stringify(bars.map((bar) => ({ ...bar, time: bar.time * 1000 })));
    const sending = this.#redis.xadd('minutehand:bars', '*', 'bar', text, ...(backfill ? ['backfill', '1'] : []));
    return sending.catch(() => undefined);
  }

  start(): void {
    const minutes = this.#minutes;
    this.#at = minutes.findIndex(({ time }) => (time + 60) * 1000 > this.#nowMs());
    this.#timer = setInterval(() => {
      for (let next; (next = minutes[this.#at]) !== undefined && (next.time + 60) * 1000 <= this.#nowMs(); this.#at++) {
        this.sent.push(next.time);
        void this.send(next, false);
      }
    }, 5);
  }

  stop(): void {
    clearInterval(this.#timer);
  }

  close(): void {
    this.stop();
    this.#redis.disconnect();
  }
}

/** A market, two machines with one lease, and one consumer of all that either publishes. */
export async function runTwoMachines(options: TwoMachinesOptions): Promise<TwoMachinesReport> {
  const { redisPort, history, minutes, minuteMs, settings, leaseSeconds } = options;
  const rate = 60_000 / minuteMs;
  const startMs = (minutes[0]!.time + 30) * 1000;
  const zeroMs = Date.now();
  const nowMs = (): number => startMs + rate * (Date.now() - zeroMs);
  const clock = { CLOCK_RATE: `${rate}`, CLOCK_START_MS: `${startMs}`, CLOCK_ZERO_MS: `${zeroMs}` };
  const redisUrl = `redis://127.0.0.1:${redisPort}`;
  const feeder = new Feeder(redisUrl, minutes, nowMs);
  const listener = await SignalListener.open(redisUrl, nowMs);
  for (const minute of history) await feeder.send(minute, true);
  const machines = await Promise.all(
    ['a', 'b'].map((name) => Machine.open(name, options, clock, listener.from('websocket'))),
  );
  const { pairs } = settings.minutehand;
  const readFiles = (): void => machines.forEach((machine) => machine.files(pairs).forEach(listener.from('file')));
  const reading = setInterval(readFiles, FILE_POLL_MS);
  const events: TwoMachinesEvent[] = [];
  try {
    await holderFirst(machines);
    feeder.start();
    await sleep(2 * minuteMs);
    for (const kind of options.events) events.push(await happen(kind, machines, listener, options, nowMs));
    await holderFirst(machines);
    await sleep(4 * minuteMs);
    feeder.stop();
    await sleep(4 * minuteMs);
  } finally {
    feeder.close();
    clearInterval(reading);
    for (const machine of machines) await machine.close();
    listener.close();
  }
  const homes = machines.map(({ paths }) => paths);
  return { homes, heard: listener.heard, sent: feeder.sent, events, leaseMs: 1000 * leaseSeconds * rate };
}

/** Waits until one machine holds the lease, and the other is warm and ready. */
async function holderFirst(machines: readonly Machine[]): Promise<[holder: Machine, standby: Machine]> {
  for (const stuckMs = performance.now() + STUCK_MS; performance.now() < stuckMs; await sleep(HEALTH_POLL_MS)) {
    const healths = await Promise.all(machines.map((machine) => machine.health()));
    // A standby that does not reach the server cannot take over.
    const roles = healths.map(
      (health) => health?.status !== 'waiting' && health?.lease?.server === 'up' && health.lease.role,
    );
    const standby = machines[roles.indexOf('standby')];
    const holder = machines[roles.indexOf('holder')];
    if (holder !== undefined && standby !== undefined) return [holder, standby];
  }
  throw await stuck('no holder with a standby', machines);
}

/** What both machines say of themselves. */
async function stuck(what: string, machines: readonly Machine[]): Promise<Error> {
  const states = machines.map(async (machine) => {
    const { exitCode, signalCode } = machine.program.process;
    const health = JSON.stringify(await machine.health());
    return `exit ${exitCode ?? signalCode}, health ${health}, stderr: ${machine.program.stderr().slice(-2000)}`;
  });
  return new Error([what, ...(await Promise.all(states))].join('\n'));
}

async function happen(
  kind: EventKind,
  machines: readonly Machine[],
  listener: SignalListener,
  options: TwoMachinesOptions,
  nowMs: () => number,
): Promise<TwoMachinesEvent> {
  const { rng, minuteMs, pauseMs, settings, leaseSeconds, leaseServer } = options;
  await sleep(rng.uniform() * 3 * minuteMs);
  // A busy machine may have lost the lease meanwhile.
  const [holder, standby] = await holderFirst(machines);
  const failOver = kind === 'older' ? await leaseServer.replicate!() : null;
  const taken = listener.takeover();
  const { fence } = listener;
  const heal = strike(kind, holder, standby, leaseServer);
  const struckMs = nowMs();
  let atMs = performance.now();
  let healedMs = 0;
  let saidHalt: boolean | null = null;
  const timeOf = async (takeover: Promise<void>): Promise<number> => {
    const isTaken = await Promise.race([takeover.then(() => true), sleep(STUCK_MS, false, { ref: false })]);
    if (!isTaken) throw await stuck(`${kind}: no take-over from fence ${fence}`, machines);
    return performance.now() - atMs;
  };
  const lookAtFiles = (): void => {
    if (!ISOLATING.includes(kind)) return;
    const { pairs } = settings.minutehand;
    const last = holder.files(pairs).map((text) => verifySignal(text));
    saidHalt = last.length === pairs.length && last.every(({ mode, fence: of }) => mode === 'HALT' && of === fence);
  };
  if (kind === 'standby') {
    await sleep(1500 * leaseSeconds);
    await heal();
    return { kind, fence, struckMs, healedMs: nowMs(), answeredMs: nowMs(), takeoverMs: null, saidHalt };
  }
  if (failOver !== null) {
    await timeOf(taken);
    const again = listener.takeover();
    const next = listener.fence;
    await failOver();
    await heal();
    healedMs = nowMs();
    atMs = performance.now();
    const takeoverMs = await timeOf(again);
    return { kind, fence: next, struckMs, healedMs, answeredMs: nowMs(), takeoverMs, saidHalt };
  }
  if (OF_BOTH.includes(kind)) {
    if (kind === 'both' || kind === 'hang') await sleep(1200 * leaseSeconds);
    lookAtFiles();
    await heal();
    healedMs = nowMs();
    atMs = performance.now();
    // A server that is back before the next renewal is due changes nothing.
    const mayStay = kind === 'restart' && leaseServer.isDurable;
    const isSame = mayStay && (await Promise.race([taken, sleep(3000 * leaseSeconds, true)])) === true;
    const takeoverMs = isSame ? null : await timeOf(taken);
    return { kind, fence, struckMs, healedMs, answeredMs: nowMs(), takeoverMs, saidHalt };
  }
  const takeoverMs = await timeOf(taken);
  const answeredMs = nowMs();
  lookAtFiles();
  if (kind === 'pause') await sleep(pauseMs);
  await sleep(rng.uniform() * 2 * minuteMs);
  await heal();
  healedMs = nowMs();
  return { kind, fence, struckMs, healedMs, answeredMs, takeoverMs, saidHalt };
}

/** @returns what undoes it */
function strike(kind: EventKind, holder: Machine, standby: Machine, server: LeaseServer): () => Promise<void> | void {
  const { program, network } = holder;
  const cut = (machine: Machine, ...args: Parameters<MachineNetwork['cut']>): (() => void) => {
    machine.network.cut(...args);
    return () => machine.network.mend();
  };
  switch (kind) {
    case 'kill':
    case 'end':
      void program.kill(kind === 'kill' ? 'SIGKILL' : 'SIGTERM');
      return () => holder.restart();
    case 'part':
      return cut(holder, ['lease'], 'silent');
    case 'cut':
    case 'older':
      return cut(holder, ['lease', 'redis'], 'silent');
    case 'standby':
      return cut(standby, ['lease', 'redis'], 'silent');
    case 'both':
      cut(standby, ['lease', 'redis'], 'silent');
      network.cut(['lease', 'redis'], 'silent');
      return () => [holder, standby].forEach((machine) => machine.network.mend());
    case 'dark':
      return cut(holder, ['lease', 'redis', 'consumers'], 'silent');
    case 'down':
      return cut(holder, ['lease', 'redis', 'consumers'], 'down');
    case 'pause':
      program.process.kill('SIGSTOP');
      return () => void program.process.kill('SIGCONT');
    case 'clock':
      program.process.kill('SIGUSR2');
      return () => void program.process.kill('SIGUSR2');
    case 'hang':
      server.hang();
      return () => server.resume();
    case 'restart':
      return () => server.restart();
    case 'power':
      for (const { program: one } of [holder, standby]) void one.kill('SIGKILL');
      return async () => {
        await server.restart();
        await Promise.all([holder.restart(), standby.restart()]);
      };
  }
}
