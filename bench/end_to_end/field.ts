import { cpSync, mkdirSync, writeFileSync } from 'node:fs';
import { basename, join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import WebSocket from 'ws';
import { closeTimestamp, type Bar } from '../../shared/bar.ts';
import { activateUnjudged } from './activate.ts';
import { warmupBars } from '../../shared/core/features/features.ts';
import { MinutehandError } from '../../shared/errors.ts';
import type { SimulatedMarket } from '../../shared/market/simulated_market.ts';
import { parsePair, symbolsOf, type Pair } from '../../shared/pair.ts';
import { homePaths } from '../../shared/home.ts';
import { loadSettings, type Settings } from '../../shared/policy/policy.ts';
import { barsMessage, benchMarket, benchPairs, daysAgo } from '../market.ts';
import { benchSettings } from '../settings.ts';
import { openTemporaryFolder } from '../temporary_folder.ts';
import type { CpuPlaces } from './cpu_profile.ts';
import { instantNs } from './instant.ts';
import { startHelper, startRedis, type Helper } from './process.ts';

export const TRANSPORTS = ['file', 'redis', 'websocket'] as const;
export type Transport = (typeof TRANSPORTS)[number];

export interface DaemonArgument {
  readonly settingsPath: string;
  readonly home: string;
}

export interface NullArgument {
  readonly signalsFolder: string;
  /** A file with one real signal for each pair, as JSON: `[{pairId, text}]`. */
  readonly samplePath: string;
  readonly transports: Settings['minutehand']['transports'];
}

export interface SampleSignal {
  readonly pairId: string;
  readonly text: string;
}

export interface ListenerArgument {
  readonly transport: Transport;
  readonly pairs: number;
  readonly redisUrl: string | null;
  readonly targets: readonly { readonly port: number; readonly signals: string }[];
}

/** Bytes. */
export interface DaemonMemory {
  readonly rss: number;
  /** JavaScript heap in use. */
  readonly heap: number;
  readonly external: number;
}

/** A collection by V8 that held the main thread; weak: its callbacks. */
export interface Pause {
  readonly kind: 'minor' | 'major' | 'incremental' | 'weak';
  /** When it began. */
  readonly atNs: number;
  readonly us: number;
}

/** After a major collection. */
export interface CollectedMemory extends DaemonMemory {
  /** Bytes that reached the old generation since the last one. */
  readonly promoted: number;
  /** Of each collection since then that was not forced. */
  readonly pauses: readonly Pause[];
}

/** Messages from the helper processes. */
export type ProgramMessage =
  | { readonly port: number }
  | { readonly listening: true }
  | { readonly collected: true }
  | { readonly profiling: true }
  | { readonly places: CpuPlaces }
  | DaemonMemory
  | CollectedMemory
  | Pick<CollectedMemory, 'pauses'>
  | Pick<DaemonMemory, 'rss'>
  | { readonly version: string | null; readonly ready: number; readonly redis: string }
  | MinuteReport;

/** A listener has received all signals of a minute. */
export interface MinuteReport {
  readonly timestamp: string;
  /** Arrival of the last one. */
  readonly atNs: number;
  readonly version: string;
  readonly atNsByPair: Readonly<Record<string, number>>;
}

/**
 * One minute of one daemon: microseconds from sending its last bars to having all its signals, by transport. NaN: the
 * signals did not arrive, which only Redis may cause (a batch that finds it stalled is dropped by design).
 */
export type Latencies = Readonly<Record<Transport, number>> & {
  /** Version of the models that answered. */
  readonly version: string;
  /** Close of the minute. */
  readonly timestamp: string;
  /** By pair: when the later of its bars was sent. */
  readonly sentNs: readonly number[];
  /** By pair: latency of its signal since then; a transport without signals of the minute is absent. */
  readonly signals: Readonly<Partial<Record<Transport, readonly number[]>>>;
};

/** Bars of one minute that are sent in one message. */
export interface Sending {
  /** Delay from the start of the minute. */
  readonly delayMs: number;
  readonly connection: number;
  readonly bars: readonly Bar[];
}

/** Schedule of a minute's bars, ascending in time. */
export type Arrival = (bars: readonly Bar[]) => readonly Sending[];

/** All bars in one message. */
export const TOGETHER: Arrival = (bars) => [{ delayMs: 0, connection: 0, bars }];

/** A daemon fed by this process. */
export interface Target {
  readonly kind: 'real' | 'null';
  readonly helper: Helper;
  /** Sends the next minute. Resolves when all transports have its signals and the daemon has replied to the feeder. */
  minute(arrival?: Arrival): Promise<Latencies>;
  /** Runs `work` while the daemon's main thread is profiled. */
  profiled(work: () => Promise<void>): Promise<CpuPlaces>;
}

/** Both daemons and their consumers, each in its own process. */
export interface Field {
  readonly pairs: readonly string[];
  readonly transports: readonly Transport[];
  readonly real: Target;
  readonly null: Target | null;
  readonly modelsFolder: string;
  /** Home of the real daemon. */
  readonly home: string;
  readonly settingsPath: string;
  readonly journalPath: string;
  /** Logs of the real daemon. */
  readonly logFolder: string;
  /** Process of the WebSocket consumer. */
  readonly consumerPid: number;
  /** Garbage collections of the real daemon since the last call. */
  pauses(): Promise<readonly Pause[]>;
  /** Memory of the real daemon. */
  memory(): Promise<DaemonMemory>;
  /** Bytes in use after a major collection; needs `exposeGc`. */
  collect(): Promise<CollectedMemory>;
  /** Collects the garbage of the consumers, whose threads would hold processors amid a minute. */
  collectConsumers(): Promise<void>;
  close(): Promise<void>;
}

export interface FieldOptions {
  readonly pairs: number;
  /** Bundles copied into the models folder; the first one is active. */
  readonly bundles: readonly string[];
  readonly withNull: boolean;
  readonly engine?: 'auto' | 'onnxruntime';
  /** Daemon configuration, apart from what the bench sets; default: that of this installation. */
  readonly settings?: Settings;
  /** Bars before the measured ones, for formulas that look back further than hand-written features. */
  readonly backfillMinutes?: number;
  /** Lets the bench trigger garbage collections in the real daemon. */
  readonly exposeGc?: boolean;
  /** One connection per symbol instead of one per daemon. */
  readonly connectionPerSymbol?: boolean;
}

/** Minutes of all symbols in one message of the backfill. */
const BACKFILL_MINUTES = 40;
/** The two daemons receive different days, so that a signal's minute identifies its daemon. */
const REAL_DAYS_AGO = 400;
const NULL_DAYS_AGO = 1200;
const PATIENCE_MS = 30_000;
/** Maximum delay of Redis after file and WebSocket before it counts as having missed the minute. */
const REDIS_PATIENCE_MS = 3000;

/**
 * Starts a Redis server, the real daemon with warm features and active models, the null daemon with signals of the same
 * length, and one consumer per transport for both.
 * @throws MinutehandError MODEL_MISSING, and errors of the daemon's start
 */
export async function openField(options: FieldOptions): Promise<Field> {
  const { path: folder, remove } = openTemporaryFolder('home');
  const undo: Undo = [remove];
  const close = async (): Promise<void> => {
    for (const step of undo.splice(0).reverse()) await step();
  };
  try {
    return { ...(await raiseField(options, folder, undo)), close };
  } catch (error) {
    await close();
    throw error;
  }
}

/** Steps that stop what was started, in order of start. */
type Undo = (() => Promise<void> | void)[];

/** Start options shared by all processes of a field. */
interface Ground {
  readonly folder: string;
  readonly home: string;
  readonly modelsFolder: string;
  readonly settings: Settings;
  readonly settingsPath: string;
  readonly pairs: readonly string[];
  readonly redisUrl: string | null;
  readonly transports: readonly Transport[];
  readonly connections: number;
  readonly backfillMinutes: number;
  readonly undo: Undo;
}

/** A daemon's process, and the connections that feed it. */
interface FedDaemon {
  readonly helper: Helper;
  readonly port: number;
  readonly feeders: readonly Feeder[];
}

type Waiting = Map<string, (transport: Transport, report: MinuteReport) => void>;

const signalsOf = (folder: string, kind: Target['kind']): string => join(folder, kind, 'signals');

async function raiseField(options: FieldOptions, folder: string, undo: Undo): Promise<Omit<Field, 'close'>> {
  const ground = await layGround(options, folder, undo);
  const { pairs, transports, modelsFolder } = ground;
  const paths = homePaths({ MINUTEHAND_HOME: ground.home });
  const market = benchMarket(pairs, 'bench live', daysAgo(REAL_DAYS_AGO));
  const real = await startDaemon(ground, market, options.exposeGc === true);
  const sample = await firstSignals(real.feeders[0]!, market, real.port, pairs.length);
  const nullDaemon = options.withNull ? await startNullDaemon(ground, sample) : null;
  const daemons = nullDaemon === null ? [real] : [real, nullDaemon];
  const targets = [{ port: real.port, signals: signalsOf(folder, 'real') }];
  if (nullDaemon !== null) targets.push({ port: nullDaemon.port, signals: signalsOf(folder, 'null') });
  const waiting: Waiting = new Map();
  const listeners = await startListeners(ground, targets, waiting);
  const broken = firstEnd([...daemons.map(({ helper }) => helper), ...listeners]);
  const legs = new Map(pairs.map((id) => [id, parsePair(id)]));
  const target = (kind: Target['kind'], { helper, feeders }: FedDaemon, from: SimulatedMarket): Target => ({
    kind,
    helper,
    async profiled(work) {
      await ask<{ profiling: true }>(helper, { profile: 'start' }, 'profiling');
      await work();
      return (await ask<{ places: CpuPlaces }>(helper, { profile: 'stop' }, 'places')).places;
    },
    minute: (arrival = TOGETHER) =>
      Promise.race([sendMinute({ feeders, market: from, arrival, legs, transports, waiting }), broken]),
  });
  return {
    pairs,
    transports,
    modelsFolder,
    home: ground.home,
    settingsPath: ground.settingsPath,
    journalPath: paths.journal(ground.settings.minutehand.market, 'main'),
    logFolder: paths.log,
    real: target('real', real, market),
    null:
      nullDaemon === null ? null : target('null', nullDaemon, benchMarket(pairs, 'bench null', daysAgo(NULL_DAYS_AGO))),
    consumerPid: listeners[transports.indexOf('websocket')]!.pid,
    pauses: async () => (await ask<CollectedMemory>(real.helper, { pauses: true }, 'pauses')).pauses,
    memory: () => ask<DaemonMemory>(real.helper, { memory: true }, 'rss'),
    collect: () => ask<CollectedMemory>(real.helper, { collect: true }, 'rss'),
    async collectConsumers() {
      await Promise.all(listeners.map((one) => ask<{ collected: true }>(one, { collect: true }, 'collected')));
    },
  };
}

/** Starts a Redis server where installed, and prepares the files of both daemons. */
async function layGround(options: FieldOptions, folder: string, undo: Undo): Promise<Ground> {
  const redis = await startRedis();
  if (redis !== null) undo.push(() => redis.end());
  const base = options.settings ?? loadSettings({ env: {} });
  const pairs = benchPairs(options.pairs, base.minutehand.pairs);
  const settings = benchSettings({
    base,
    pairs,
    redisUrl: redis?.url ?? 'redis://127.0.0.1:1',
    ...(options.engine === undefined ? {} : { engine: options.engine }),
  });
  const home = join(folder, 'real');
  const modelsFolder = join(home, 'models');
  for (const kind of ['real', 'null'] as const) mkdirSync(signalsOf(folder, kind), { recursive: true });
  for (const bundle of options.bundles) cpSync(bundle, join(modelsFolder, basename(bundle)), { recursive: true });
  activateUnjudged(modelsFolder, basename(options.bundles[0]!));
  const settingsPath = join(folder, 'settings.json');
  writeFileSync(settingsPath, JSON.stringify(settings));
  const transports = TRANSPORTS.filter((transport) => transport !== 'redis' || redis !== null);
  const connections = options.connectionPerSymbol === true ? symbolsOf(pairs.map(parsePair)).length : 1;
  const redisUrl = redis?.url ?? null;
  return {
    folder,
    home,
    modelsFolder,
    settings,
    settingsPath,
    pairs,
    redisUrl,
    transports,
    connections,
    backfillMinutes: options.backfillMinutes ?? 2 * warmupBars(settings.minutehand.windows),
    undo,
  };
}

/** The real daemon, with warm features and active models. */
async function startDaemon(
  { settingsPath, home, backfillMinutes, pairs, redisUrl, connections, undo }: Ground,
  market: SimulatedMarket,
  exposeGc: boolean,
): Promise<FedDaemon> {
  const argument: DaemonArgument = { settingsPath, home };
  const helper = startHelper('daemon', argument, exposeGc ? ['--expose-gc'] : []);
  undo.push(() => helper.end());
  const { port } = await helper.next<{ port: number }>((message) => message.port !== undefined);
  await backfill(port, market, backfillMinutes);
  await untilReady(helper, pairs.length, redisUrl !== null);
  return { helper, port, feeders: await connectFeeders(port, connections, undo) };
}

async function startNullDaemon(
  { folder, settings, connections, undo }: Ground,
  sample: readonly SampleSignal[],
): Promise<FedDaemon> {
  const samplePath = join(folder, 'sample.json');
  writeFileSync(samplePath, JSON.stringify(sample));
  const argument: NullArgument = {
    signalsFolder: signalsOf(folder, 'null'),
    samplePath,
    transports: settings.minutehand.transports,
  };
  const helper = startHelper('null_daemon', argument);
  undo.push(() => helper.end());
  const { port } = await helper.next<{ port: number }>((message) => message.port !== undefined);
  return { helper, port, feeders: await connectFeeders(port, connections, undo) };
}

/** Starts one consumer per transport, which waits for all daemons and reports to `waiting`. */
async function startListeners(
  { transports, pairs, redisUrl, undo }: Ground,
  targets: ListenerArgument['targets'],
  waiting: Waiting,
): Promise<Helper[]> {
  const listeners: Helper[] = [];
  for (const transport of transports) {
    const argument: ListenerArgument = { transport, pairs: pairs.length, redisUrl, targets };
    const listener = startHelper('listener', argument);
    undo.push(() => listener.end());
    listeners.push(listener);
    await listener.next<{ listening: true }>((message) => message.listening === true);
    listener.onMessage((message) => {
      const report = message as MinuteReport;
      waiting.get(report.timestamp)?.(transport, report);
    });
  }
  return listeners;
}

/** Rejects when one of the processes ends. */
function firstEnd(helpers: readonly Helper[]): Promise<never> {
  const broken = Promise.race(helpers.map(({ ended }) => ended)).then((): never => {
    throw new Error('a helper process of the bench ended');
  });
  // At the end of the bench all processes end.
  broken.catch(() => undefined);
  return broken;
}

/** @param field of the answer, which no other message has at that time */
function ask<T extends object>(daemon: Helper, question: object, field: keyof T): Promise<T> {
  const answer = daemon.next<T>((message) => message[field] !== undefined);
  daemon.send(question);
  return answer;
}

async function connectFeeders(port: number, connections: number, undo: Undo): Promise<Feeder[]> {
  const feeders = await Promise.all(Array.from({ length: connections }, () => connectFeeder(port)));
  for (const feeder of feeders) undo.push(() => feeder.close());
  return feeders;
}

/** A WebSocket on `/bars`. */
export interface Feeder {
  /** Sends one message. @returns when it left, and a promise of the daemon's answer */
  send(text: string): { sentNs: number; answered: Promise<void> };
  close(): void;
}

export async function connectFeeder(port: number, query = ''): Promise<Feeder> {
  const socket = new WebSocket(`ws://127.0.0.1:${port}/bars${query}`, { perMessageDeflate: false });
  await new Promise((resolve, reject) => socket.once('open', resolve).once('error', reject));
  /** One entry per message without a reply, in order. */
  const unanswered: ((error?: Error) => void)[] = [];
  let closed: Error | null = null;
  socket.on('message', (data: Buffer) => {
    const { rejected, error } = JSON.parse(data.toString()) as { rejected?: { message: string }[]; error?: unknown };
    const refused = rejected?.[0]?.message ?? (error === undefined ? undefined : JSON.stringify(error));
    unanswered.shift()?.(refused === undefined ? undefined : new Error(`the daemon refused the bars: ${refused}`));
  });
  socket.on('close', (code) => {
    closed = new Error(`the daemon closed /bars with ${code}`);
    for (const settle of unanswered.splice(0)) settle(closed);
  });
  return {
    send(text) {
      const answered = new Promise<void>((resolve, reject) => {
        unanswered.push((error) => (error === undefined ? resolve() : reject(error)));
        if (closed !== null) reject(closed);
      });
      const sentNs = instantNs();
      socket.send(text);
      return { sentNs, answered };
    },
    close: () => socket.terminate(),
  };
}

/** Sends minutes of the past, answered in turn. */
export async function backfill(port: number, market: SimulatedMarket, minutes: number): Promise<void> {
  const feeder = await connectFeeder(port, '?backfill=1');
  try {
    for (let done = 0; done < minutes; done += BACKFILL_MINUTES) {
      const bars = Array.from({ length: Math.min(BACKFILL_MINUTES, minutes - done) }, () => market.next().bars).flat();
      await feeder.send(barsMessage(bars)).answered;
    }
  } finally {
    feeder.close();
  }
}

async function untilReady(daemon: Helper, pairs: number, withRedis: boolean): Promise<void> {
  for (const deadline = performance.now() + PATIENCE_MS; ; await sleep(50)) {
    const { version, ready, redis } = await ask<{ version: string | null; ready: number; redis: string }>(
      daemon,
      { health: true },
      'ready',
    );
    if (version !== null && ready === pairs && (redis === 'up' || !withRedis)) return;
    if (performance.now() > deadline)
      throw new MinutehandError('MODEL_MISSING', { seen: `${ready} of ${pairs} pairs ready, models ${version}` });
  }
}

/** Captures one minute of the real daemon: the signals that the null daemon then repeats. */
async function firstSignals(
  feeder: Feeder,
  market: SimulatedMarket,
  port: number,
  pairs: number,
): Promise<SampleSignal[]> {
  await feeder.send(barsMessage(market.next().bars)).answered;
  const socket = new WebSocket(`ws://127.0.0.1:${port}/signals`);
  try {
    return await new Promise((resolve, reject) => {
      const signals: SampleSignal[] = [];
      socket.on('error', reject);
      socket.on('message', (data: Buffer) => {
        const text = data.toString();
        signals.push({ pairId: (JSON.parse(text) as { pair_id: string }).pair_id, text });
        if (signals.length === pairs) resolve(signals);
      });
    });
  } finally {
    socket.terminate();
  }
}

interface SendOptions {
  readonly feeders: readonly Feeder[];
  readonly market: SimulatedMarket;
  readonly arrival: Arrival;
  readonly legs: ReadonlyMap<string, Pair>;
  readonly transports: readonly Transport[];
  readonly waiting: Waiting;
}

type Reports = Partial<Record<Transport, MinuteReport>>;

async function sendMinute({ feeders, market, arrival, legs, transports, waiting }: SendOptions): Promise<Latencies> {
  const { time, bars } = market.next();
  const sendings = arrival(bars).map((sending) => ({ ...sending, text: barsMessage(sending.bars) }));
  const reports: Reports = {};
  const timestamp = closeTimestamp(time);
  const { complete, stopWaiting } = untilReported(timestamp, transports, reports, waiting);
  try {
    const sentNs = new Map<string, number>();
    const answers: Promise<void>[] = [];
    const startMs = performance.now();
    for (const { delayMs, connection, bars: sent, text } of sendings) {
      const waitMs = startMs + delayMs - performance.now();
      if (waitMs > 0) await sleep(waitMs);
      const { sentNs: atNs, answered } = feeders[connection]!.send(text);
      answers.push(answered);
      for (const { symbol } of sent) sentNs.set(symbol, atNs);
    }
    await Promise.all([complete, ...answers]);
    return latenciesOf(timestamp, reports, sentNs, legs);
  } finally {
    stopWaiting();
  }
}

/** Resolves when all transports have reported the minute; Redis may miss it. */
function untilReported(timestamp: string, transports: readonly Transport[], reports: Reports, waiting: Waiting) {
  let timer: NodeJS.Timeout | undefined;
  const complete = new Promise<void>((resolve, reject) => {
    const missing = (): Transport[] => transports.filter((transport) => reports[transport] === undefined);
    timer = setTimeout(
      () => reject(new Error(`signals of ${timestamp} never came by ${missing().join(' and ')}`)),
      PATIENCE_MS,
    );
    waiting.set(timestamp, (transport, report) => {
      reports[transport] ??= report;
      const [first, second] = missing();
      if (first !== undefined && (first !== 'redis' || second !== undefined)) return;
      clearTimeout(timer);
      if (first === undefined) resolve();
      else timer = setTimeout(resolve, REDIS_PATIENCE_MS);
    });
  });
  const stopWaiting = (): void => {
    clearTimeout(timer);
    waiting.delete(timestamp);
  };
  return { complete, stopWaiting };
}

function latenciesOf(
  timestamp: string,
  reports: Reports,
  sentNsBySymbol: ReadonlyMap<string, number>,
  legs: ReadonlyMap<string, Pair>,
): Latencies {
  const lastSentNs = Math.max(...sentNsBySymbol.values());
  const us = (transport: Transport): number => ((reports[transport]?.atNs ?? NaN) - lastSentNs) / 1000;
  const sentNs = [...legs.values()].map(({ a, b }) => Math.max(sentNsBySymbol.get(a)!, sentNsBySymbol.get(b)!));
  const signals = Object.entries(reports).map(([transport, { atNsByPair }]) => {
    return [transport, [...legs.keys()].map((id, i) => (atNsByPair[id]! - sentNs[i]!) / 1000)] as const;
  });
  return {
    file: us('file'),
    redis: us('redis'),
    websocket: us('websocket'),
    version: reports.websocket?.version ?? '',
    timestamp,
    sentNs,
    signals: Object.fromEntries(signals),
  };
}
