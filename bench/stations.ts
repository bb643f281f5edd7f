import { mkdtempSync, rmSync } from 'node:fs';
import { availableParallelism, tmpdir } from 'node:os';
import { join } from 'node:path';
import WebSocket from 'ws';
import type { Bar, OpenTime } from '../shared/bar.ts';
import { readManifest } from '../shared/bundle/bundle.ts';
import { featureSchema } from '../shared/bundle/feature_schema.ts';
import { loadModelSet } from '../shared/bundle/model_set.ts';
import { MACHINE_CLOCK } from '../shared/clock.ts';
import { naiveFeatures } from '../shared/core/features/features.oracle.ts';
import { MODEL_NAMES } from '../shared/core/features/feature.ts';
import { PairFeatures, warmupBars } from '../shared/core/features/features.ts';
import { createSimulatedMarket, recordMarket } from '../shared/market/simulated_market.ts';
import { parsePair, symbolsOf } from '../shared/pair.ts';
import { decisionPolicy, loadSettings, type Settings } from '../shared/policy/policy.ts';
import { openJournal } from '../shared/store/journal.ts';
import { createJournal } from '../daemon/journal/journal.ts';
import { Pipeline, type BatchTiming } from '../daemon/pipeline.ts';
import { createFilePublisher } from '../daemon/publish/file.ts';
import { createWebSocketPublisher } from '../daemon/publish/websocket.ts';
import { openServer } from '../daemon/serve/serve.ts';
import { train } from '../trainer/pipeline.ts';
import { percentiles, type Percentiles } from './percentiles.ts';

const TRAINING_MINUTES = 20_160;
const WARM_UP_MINUTES = 300;
const START = (Date.parse('2024-01-01T22:00:00Z') / 1000) as OpenTime;
const STATIONS = ['features', 'infer', 'decide', 'publish', 'file', 'journal'] as const;
type Station = (typeof STATIONS)[number];

export interface StationsResult {
  readonly pairs: number;
  readonly minutes: number;
  /** Trees of ai1, ai2, ai3. */
  readonly trees: readonly number[];
  /** Microseconds for one minute of all pairs. */
  readonly stations: Readonly<Record<Station, Percentiles>>;
  /** From the last leg's arrival until WebSocket has the signals. */
  readonly bar_to_signal: Percentiles;
  readonly features_us_per_pair: number;
  readonly naive_features_us_per_pair: number;
}

/**
 * Every station of a bar's way for the configured pairs, in one process: simulated bars, models really trained on them,
 * one WebSocket client, signal files and journal on disk. No failure in it is caught: a bench of something broken is none.
 */
export async function benchStations(minutes: number, say: (line: string) => void): Promise<StationsResult> {
  const settings = loadSettings();
  const folder = mkdtempSync(join(tmpdir(), 'minutehand-bench-'));
  try {
    say('training the models of the bench …');
    const models = await trainModels(settings, folder);
    say(`${minutes} minutes through the pipeline …`);
    const timings = await runPipeline(settings, folder, models, minutes);
    say('features against naive recomputation …');
    const features = compareFeatures(settings);
    const stations = Object.fromEntries(
      STATIONS.map((name) => [name, percentiles(timings.map((timing) => timing[`${name}_us`]))]),
    ) as Record<Station, Percentiles>;
    return {
      pairs: settings.minutehand.pairs.length,
      minutes,
      trees: treesOf(models),
      stations,
      bar_to_signal: percentiles(timings.map(({ bar_to_signal_us }) => bar_to_signal_us)),
      ...features,
    };
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

function treesOf(bundle: string): number[] {
  const { parameters } = readManifest(bundle).engine;
  return MODEL_NAMES.map((name) => parameters[`trees_${name}`] ?? NaN);
}

async function trainModels(settings: Settings, folder: string): Promise<string> {
  const bars = recordMarket(
    createSimulatedMarket({
      seed: 'bench',
      symbols: symbolsOf(settings.minutehand.pairs.map(parsePair)),
      start: START,
    }),
    TRAINING_MINUTES,
  );
  const { path } = await train({
    settings,
    bars,
    market: 'simulated',
    seed: 1,
    gitCommit: null,
    out: join(folder, 'models'),
    created: new Date(),
    workers: availableParallelism(),
    onProgress: () => undefined,
  });
  return path!;
}

async function runPipeline(
  settings: Settings,
  folder: string,
  models: string,
  minutes: number,
): Promise<BatchTiming[]> {
  const { minutehand } = settings;
  const schema = featureSchema(minutehand.windows);
  const onFailure = (error: unknown): never => {
    throw error;
  };
  const websocket = createWebSocketPublisher({ pairIds: minutehand.pairs, onFailure });
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
  const store = openJournal(join(folder, 'journal.db'));
  const timings: BatchTiming[] = [];
  const pipeline = new Pipeline({
    pairs: minutehand.pairs.map(parsePair),
    windows: minutehand.windows,
    schema,
    policy: decisionPolicy(settings),
    policyHash: settings.policyHash,
    market: 'simulated',
    bootId: 'bench',
    feedIntervalMs: 1000,
    stragglerTimeoutMs: minutehand.feed.straggler_timeout_ms,
    clock: MACHINE_CLOCK,
    sockets: [websocket],
    files: [createFilePublisher({ folder: join(folder, 'signals'), onFailure, onRecovered: () => undefined })],
    journal: createJournal({ store, onFailure, onRecovered: () => undefined }),
    observer: {
      onSignals: (_batch, timing) => void timings.push(timing),
      onSwap: () => undefined,
      onModelFailure: onFailure,
    },
  });
  pipeline.swap(await loadModelSet(models, schema, minutehand.pairs.length));
  const market = createSimulatedMarket({
    seed: 'bench live',
    symbols: symbolsOf(settings.minutehand.pairs.map(parsePair)),
    start: START,
  });
  for (let i = 0; i < 2 * warmupBars(minutehand.windows); i++)
    for (const bar of market.next().bars) pipeline.takeBar(bar, true);
  await pipeline.settled();
  for (let i = 0; i < WARM_UP_MINUTES + minutes; i++) {
    for (const bar of market.next().bars) pipeline.takeBar(bar, false);
    await pipeline.settled();
  }
  client.terminate();
  await server.close();
  store.close();
  return timings.slice(-minutes);
}

/** One bar of one pair: the sliding folds against recomputing every feature from its window. */
function compareFeatures(
  settings: Settings,
): Pick<StationsResult, 'features_us_per_pair' | 'naive_features_us_per_pair'> {
  const { windows, pairs } = settings.minutehand;
  const pair = parsePair(pairs[0]!);
  const market = createSimulatedMarket({ seed: 'bench features', symbols: [pair.a, pair.b], start: START });
  const a: Bar[] = [];
  const b: Bar[] = [];
  for (let i = 0; i < 20_000; i++) {
    const [barA, barB] = market.next().bars;
    a.push(barA!);
    b.push(barB!);
  }
  const features = new PairFeatures(windows);
  const half = a.length / 2;
  for (let i = 0; i < half; i++) features.step(a[i]!, b[i]!);
  const fast = timeUs(() => {
    for (let i = half; i < a.length; i++) features.step(a[i]!, b[i]!);
  });
  const warmup = warmupBars(windows);
  const naiveRuns = 30;
  const naive = timeUs(() => {
    for (let i = 0; i < naiveRuns; i++) naiveFeatures(a.slice(i, i + warmup), b.slice(i, i + warmup), windows);
  });
  return { features_us_per_pair: fast / half, naive_features_us_per_pair: naive / naiveRuns };
}

function timeUs(work: () => void): number {
  const startUs = MACHINE_CLOCK.monotonicUs();
  work();
  return MACHINE_CLOCK.monotonicUs() - startUs;
}
