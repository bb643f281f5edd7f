import { join } from 'node:path';
import WebSocket from 'ws';
import type { OpenTime } from '../shared/bar.ts';
import { featureSchema } from '../shared/bundle/feature_schema.ts';
import { loadModelSet, type ModelSet } from '../shared/bundle/model_set.ts';
import { MACHINE_CLOCK, MACHINE_SCHEDULER } from '../shared/clock.ts';
import { MODEL_NAMES } from '../shared/core/features/feature.ts';
import { warmupBars } from '../shared/core/features/features.ts';
import { parsePair } from '../shared/pair.ts';
import { loadSettings, type Settings } from '../shared/policy/policy.ts';
import { openJournal } from '../shared/store/journal.ts';
import { tuneEngine } from '../daemon/v8_flags.ts';
import { createJournal } from '../daemon/journal/journal.ts';
import { openJournalThread, type JournalThread } from '../daemon/journal/journal_thread.ts';
import type { BatchTiming } from '../daemon/publish/stopwatch.ts';
import { Pipeline } from '../daemon/pipeline.ts';
import { pipelineSettings } from '../daemon/options/pipeline_options.ts';
import { createFileThread } from '../daemon/publish/file_thread.ts';
import type { Publisher } from '../daemon/publish/publish.ts';
import type { TransportName } from '../daemon/publish/transports.ts';
import { createWebSocketPublisher } from '../daemon/publish/websocket.ts';
import { openServer } from '../daemon/serve/serve.ts';
import { startRedis } from './end_to_end/process.ts';
import { benchMarket } from './market.ts';
import { benchModels, treesOf } from './models.ts';
import { openRedisPublisher } from './redis_publisher.ts';
import { percentiles, type Percentiles } from './percentiles.ts';
import { percentileRatio, type Turns, type TurnsRatio } from './turns_ratio.ts';
import { openTemporaryFolder } from './temporary_folder.ts';
import { barInput } from '../daemon/queue/input.ts';

const WARM_UP_MINUTES = 300;
const START = (Date.parse('2024-01-01T22:00:00Z') / 1000) as OpenTime;
const STATIONS = ['features', 'infer', 'decide', 'encode', 'websocket', 'redis', 'file', 'journal'] as const;
export type Station = (typeof STATIONS)[number];

export interface StationsResult {
  readonly pairs: number;
  readonly minutes: number;
  readonly warm_up_minutes: number;
  /** Trees of ai1, ai2, ai3. */
  readonly trees: readonly number[];
  readonly engines: readonly string[];
  /** Main-thread microseconds for one minute of all pairs. The Redis station is absent without a server. */
  readonly stations: Readonly<Partial<Record<Station, Percentiles>>>;
  /** From the last leg's arrival until WebSocket and Redis have all signals. */
  readonly bar_to_signal: Percentiles;
  /** Alternating turns of 25 minutes: one model set, and both sets of a rollout. */
  readonly by_turns: {
    readonly one_set: Percentiles;
    readonly both_sets: Percentiles;
    /** p99 with both sets over p99 with one, with its 95 % bootstrap interval over pairs of turns. */
    readonly p99_ratio: TurnsRatio;
  };
}

type MinuteTimes = Record<Station | 'bar_to_signal', number>;

/**
 * Every station of the hot path for the configured pairs, in one process: simulated bars, models trained on them, one
 * WebSocket client, a Redis server, signal files and journal on disk. Failures are not caught: the bench of a broken
 * system is invalid.
 */
export async function benchStations(minutes: number, print: (line: string) => void): Promise<StationsResult> {
  tuneEngine();
  const settings = loadSettings({ env: {} });
  const { trained } = await benchModels(print);
  const { path: folder, remove } = openTemporaryFolder('stations');
  const redis = await startRedis();
  try {
    print(`${minutes} minutes through the pipeline …`);
    const { times, byTurns, engines } = await runPipeline(settings, folder, trained, redis?.url ?? null, minutes);
    return {
      pairs: settings.minutehand.pairs.length,
      minutes,
      warm_up_minutes: WARM_UP_MINUTES,
      trees: treesOf(trained),
      engines,
      stations: Object.fromEntries(
        STATIONS.filter((name) => name !== 'redis' || redis !== null).map((name) => [
          name,
          percentiles(times.map((minute) => minute[name])),
        ]),
      ),
      bar_to_signal: percentiles(times.map(({ bar_to_signal }) => bar_to_signal)),
      by_turns: {
        one_set: percentiles(byTurns.flatMap(({ one }) => one)),
        both_sets: percentiles(byTurns.flatMap(({ both }) => both)),
        p99_ratio: percentileRatio(byTurns, 0.99),
      },
    };
  } finally {
    await redis?.end();
    remove();
  }
}

async function runPipeline(
  settings: Settings,
  folder: string,
  models: string,
  redisUrl: string | null,
  minutes: number,
): Promise<{ times: MinuteTimes[]; byTurns: Turns[]; engines: string[] }> {
  const { windows, pairs, inference } = settings.minutehand;
  const transports = await openTransports(settings, folder, redisUrl);
  const journalPath = join(folder, 'journal.db');
  const store = openJournal(journalPath);
  const journal = openJournalThread({ path: journalPath, store, scheduler: MACHINE_SCHEDULER, onDeath: onFailure });
  const times: MinuteTimes[] = [];
  const pipeline = openPipeline(settings, transports, journal, (minute) => times.push(minute));
  const set = await loadModelSet(models, featureSchema(windows), pairs.length, { engine: inference.engine });
  pipeline.inputs.apply({ kind: 'swap', set: set });
  const market = benchMarket(pairs, 'bench stations', START);
  for (let i = 0; i < 2 * warmupBars(windows); i++)
    for (const bar of market.next().bars) pipeline.inputs.take(barInput(bar, true));
  await pipeline.settled();
  const minute = async (): Promise<void> => {
    for (const bar of market.next().bars) pipeline.inputs.take(barInput(bar, false));
    await pipeline.settled();
  };
  for (let i = 0; i < WARM_UP_MINUTES + minutes; i++) await minute();
  const measured = times.slice(-minutes);
  const load = (): Promise<ModelSet> => loadModelSet(models, featureSchema(windows), pairs.length, inference);
  const byTurns = await runByTurns(pipeline, set.version, load, minute, times, minutes);
  await transports.close();
  await journal.close();
  store.close();
  await set.release();
  return { times: measured, byTurns, engines: MODEL_NAMES.map((name) => set.engines[name]) };
}

const TURN_MINUTES = 25;

/** Latencies with and without a rollout, alternating; the first minute of a turn is discarded. */
async function runByTurns(
  pipeline: Pipeline,
  version: string,
  load: () => Promise<ModelSet>,
  minute: () => Promise<void>,
  times: readonly MinuteTimes[],
  minutes: number,
): Promise<Turns[]> {
  const challenger = await load();
  // Kept loaded between turns.
  const kept = { ...challenger, release: () => Promise.resolve() };
  const found: { one: number[]; both: number[] }[] = [];
  const arms = { champion: version, challenger: version };
  const rollout = {
    id: 'bench',
    stage: 'rollout',
    share: 0.7,
    ...arms,
    key: '0'.repeat(32),
    block_minutes: 60,
  } as const;
  for (let turn = 0; turn * TURN_MINUTES < minutes || turn % 2 === 1; turn++) {
    const isBoth = turn % 2 === 1;
    if (isBoth) pipeline.inputs.apply({ kind: 'rollout', rollout, set: kept });
    else found.push({ one: [], both: [] });
    if (!isBoth && turn > 0) pipeline.inputs.apply({ kind: 'rollout', rollout: null, set: null });
    for (let i = 0; i < TURN_MINUTES; i++) {
      await minute();
      if (i > 0) found.at(-1)![isBoth ? 'both' : 'one'].push(times.at(-1)!.bar_to_signal);
    }
  }
  await challenger.release();
  return found;
}

interface Transports {
  readonly websocket: Publisher<'websocket'>;
  readonly redis: Publisher<'redis'> | null;
  readonly files: ReturnType<typeof createFileThread>;
  close(): Promise<void>;
}

function onFailure(error: unknown): never {
  throw error;
}

/** Opens signal files, Redis, and a WebSocket server with one client. */
async function openTransports(settings: Settings, folder: string, redisUrl: string | null): Promise<Transports> {
  const websocket = createWebSocketPublisher({ pairIds: settings.minutehand.pairs, onFailure });
  const redis = redisUrl === null ? null : await connectRedis(settings, redisUrl, onFailure);
  const server = await openServer({
    host: '127.0.0.1',
    port: 0,
    engine: 'auto',
    routes: [],
    webSockets: [websocket.subscriptionRoute()],
    maxBodyBytes: 1 << 20,
    maxBufferedBytes: 1 << 24,
    onError: onFailure,
  });
  websocket.attach(server);
  const client = new WebSocket(`ws://127.0.0.1:${server.port}/signals`);
  await new Promise((resolve, reject) => client.once('open', resolve).once('error', reject));
  const files = createFileThread({
    folder: join(folder, 'signals'),
    scheduler: MACHINE_SCHEDULER,
    onFailure,
    onRecovered: () => undefined,
  });
  return {
    websocket,
    redis,
    files,
    async close() {
      client.terminate();
      await server.close();
      await redis?.close();
      await files.close();
    },
  };
}

function openPipeline(
  settings: Settings,
  { websocket, redis, files }: Transports,
  journal: JournalThread,
  onMinute: (times: MinuteTimes) => void,
): Pipeline {
  const { minutehand } = settings;
  const spent = { websocket: 0, redis: 0 };
  return new Pipeline({
    pairs: minutehand.pairs.map(parsePair),
    ...pipelineSettings(settings),
    market: 'simulated',
    bootId: 'bench',
    feedIntervalMs: 1000,
    restMs: 0,
    clock: MACHINE_CLOCK,
    scheduler: MACHINE_SCHEDULER,
    sockets: [
      timed(websocket, (us) => (spent.websocket = us)),
      ...(redis === null ? [] : [timed(redis, (us) => (spent.redis = us))]),
    ],
    files: [files],
    journal: createJournal({ writer: journal, scheduler: MACHINE_SCHEDULER, onFailure, onRecovered: () => undefined }),
    observer: {
      onSignals: (_batch, timing) => onMinute(timesOf(timing, spent)),
      onSwap: () => undefined,
      onModelFailure: onFailure,
      onShadowFailure: onFailure,
      onChallengerFailure: onFailure,
      onScreened: () => undefined,
    },
  });
}

function timesOf(timing: BatchTiming, spent: Readonly<Record<'websocket' | 'redis', number>>): MinuteTimes {
  return {
    features: timing.features_us,
    infer: timing.infer_us,
    decide: timing.decide_us,
    encode: timing.publish_us - spent.websocket - spent.redis,
    websocket: spent.websocket,
    redis: spent.redis,
    file: timing.file_us,
    journal: timing.journal_us,
    bar_to_signal: timing.bar_to_signal_us,
  };
}

/** Wraps a publisher to time `publish`. */
function timed<Name extends TransportName>(publisher: Publisher<Name>, onSpent: (us: number) => void): Publisher<Name> {
  return {
    name: publisher.name,
    get failures() {
      return publisher.failures;
    },
    publish(batch) {
      const startUs = MACHINE_CLOCK.monotonicUs();
      publisher.publish(batch);
      onSpent(MACHINE_CLOCK.monotonicUs() - startUs);
    },
    close: () => publisher.close(),
  };
}

/** Resolves when Redis answers. */
async function connectRedis(
  settings: Settings,
  url: string,
  onFailure: (error: unknown) => never,
): Promise<Publisher<'redis'>> {
  return new Promise((resolve) => {
    const publisher = openRedisPublisher(
      { ...settings.minutehand.transports.redis, url },
      {
        onState: (state) => {
          if (state === 'up') resolve(publisher);
        },
        onFailure,
      },
    );
  });
}
