import { measureRounding, type Rounding } from './rounding.ts';
import { loadSettings } from '../shared/policy/policy.ts';
import { benchBacktest, type BacktestBenchResult } from './backtest.ts';
import { benchArrival, type ArrivalResult } from './end_to_end/arrival.ts';
import { benchBrowsers, type BrowsersResult } from './end_to_end/browsers.ts';
import { benchEndToEnd, type EndToEndResult } from './end_to_end/end_to_end.ts';
import { benchFloor, type FloorResult } from './end_to_end/floor.ts';
import { benchInstruments, type InstrumentsResult } from './end_to_end/instruments.ts';
import { benchProfile, type ProfileResult } from './end_to_end/profile.ts';
import { benchRetraining, type RetrainingResult } from './end_to_end/retraining.ts';
import { benchShards, type ShardsResult } from './end_to_end/shards.ts';
import { benchSoak, type SoakResult } from './end_to_end/soak.ts';
import { benchWeather, type WeatherResult } from './end_to_end/weather.ts';
import { benchEvolve, type EvolveBenchResult } from './evolve.ts';
import { benchEngines, type EnginesResult } from './engines.ts';
import type { FeaturesResult } from './features.ts';
import { benchFirstStart, type FirstStart } from './first_start.ts';
import { benchFootprint, type Footprint } from './footprint.ts';
import type { FormulasResult } from './formulas.ts';
import type { GateSimulation } from './gates/gates.ts';
import type { GatesBenchResult } from './gates/run.ts';
import { benchGrowth, type GrowthResult } from './growth.ts';
import { benchInference, type InferenceResult } from './inference.ts';
import { describeMachine, type Machine } from './machine.ts';
import type { Part } from './part_names.ts';
import { benchQueue, type QueueResult } from './queue.ts';
import { benchSearch, type SearchBenchResult } from './search.ts';
import { benchSequences, type SequencesResult } from './sequences.ts';
import { benchStations, type StationsResult } from './stations.ts';
import { runTrainerBench, type TrainerResult } from './trainer.ts';
import { benchTraining, type WholeTrainings } from './training.ts';

/** Measurements; parts that were not requested are absent. */
export interface BenchResult {
  readonly machine: Machine;
  readonly end_to_end?: readonly EndToEndResult[];
  /** The same subjects in one daemon and in several. */
  readonly shards?: ShardsResult;
  /** Daemon and null daemon beside round trips without our code. */
  readonly floor?: FloorResult;
  /** Where the time of many pairs goes. */
  readonly profile?: ProfileResult;
  /** Engines of the server, alone. */
  readonly engines?: EnginesResult;
  readonly arrival?: readonly ArrivalResult[];
  readonly instruments?: InstrumentsResult;
  readonly stations?: StationsResult;
  readonly inference?: InferenceResult;
  readonly features?: FeaturesResult;
  readonly formulas?: FormulasResult;
  readonly sequences?: SequencesResult;
  readonly growth?: GrowthResult;
  readonly rounding?: Rounding;
  readonly trainer?: TrainerResult;
  /** Whole trainings, with their memory. */
  readonly training?: WholeTrainings;
  readonly search?: SearchBenchResult;
  readonly evolve?: EvolveBenchResult;
  /** What the queue of a fleet adds to a fit. */
  readonly queue?: QueueResult;
  readonly gates?: GatesBenchResult;
  readonly backtest?: BacktestBenchResult;
  /** First with training and swaps, then with many swaps only. */
  readonly swaps?: readonly WeatherResult[];
  /** The daemon during a full retrain, against the same daemon without. */
  readonly retraining?: RetrainingResult;
  /** The daemon with open dashboards and a training, against the same daemon without. */
  readonly browsers?: BrowsersResult;
  /** What an installation takes of memory and disk. */
  readonly footprint?: readonly Footprint[];
  /** `npm start` in a fresh copy, by version of Node. */
  readonly first_start?: readonly FirstStart[];
  readonly soak?: SoakResult;
  /** Parts of later runs than that of `machine`; see `withParts`. */
  readonly again?: readonly { readonly machine: Machine; readonly parts: readonly string[] }[];
}

export interface BenchOptions {
  readonly parts: readonly Part[];
  /** Number of pairs for the parts that run the whole daemon; default: several sizes. */
  readonly pairs?: number;
  /** Folder of a bundle that is measured end to end in place of the bench’s own ones. */
  readonly bundle?: string;
  /** Minutes of bars for the parts that count them. */
  readonly minutes?: number;
  /** Whether to measure end to end with idle gaps, too. */
  readonly idle: boolean;
  readonly soakMs: number;
  /** Swaps of the run that observes memory; 0 skips it. */
  readonly manySwaps: number;
  /** Share of the simulated worlds of the gates; default 1. */
  readonly share?: number;
  /** Trainings of the gates that a whole simulation continues. */
  readonly knownGates?: GateSimulation | null;
  print(line: string): void;
}

const STOP_SIGNALS = ['SIGINT', 'SIGTERM', 'SIGHUP'] as const;
const PAIRS = [10, 100, 1000] as const;
const STATION_MINUTES = 3000;
const FLOOR_MINUTES = 1500;
const PROFILE_PAIRS = 1000;
const PROFILE_MINUTES = 200;
const SHARD_PAIRS = 1000;
const SHARD_MINUTES = 150;
const SHARD_DAEMONS = [1, 2, 4] as const;
const FOOTPRINT_PAIRS = [10, 1000] as const;
/** A day of ten pairs. */
const FOOTPRINT_SIGNALS = 14_400;
const INSTRUMENT_SYMBOLS = 100;
const INSTRUMENT_MINUTES = 1200;
const WEATHER_MINUTES = 600;
const WEATHER_SWAPS = 100;
const WEATHER_PACE_MS = 100;
const MANY_SWAPS_PACE_MS = 50;
const SOAK_PACE_MS = 50;
/** 100,000 minutes in 35 min, and each swap in the idle time between two. */
const COUNTED_SOAK_PACE_MS = 20;
const RETRAINING_MINUTES = 400;
/** Five minutes in all. */
const BROWSERS_MINUTES = 570;
const RETRAINING_PACE_MS = 200;
const ROUNDING_UPDATES = 10_000_000;

/** Enough for a p99.9 at 10 pairs; fewer where a minute of bars, or of waiting, takes long. */
function endToEndMinutes(pairs: number): { minutes: number; idleMinutes: number } {
  if (pairs <= 10) return { minutes: 1500, idleMinutes: 30 };
  return pairs <= 100 ? { minutes: 600, idleMinutes: 15 } : { minutes: 150, idleMinutes: 10 };
}

/** Runs the parts in sequence. On a termination signal, helper processes are ended first. */
export async function runParts(options: BenchOptions): Promise<BenchResult> {
  // By default a signal ends a process without its `exit` listeners, which would leave a Redis server running.
  const interrupt = (): never => process.exit(1);
  for (const signal of STOP_SIGNALS) process.on(signal, interrupt);
  try {
    return await measure(options);
  } finally {
    for (const signal of STOP_SIGNALS) process.off(signal, interrupt);
  }
}

async function measure(options: BenchOptions): Promise<BenchResult> {
  const { parts, minutes, print } = options;
  const wants = (part: Part): boolean => parts.includes(part);
  const machine = describeMachine();
  return {
    machine,
    ...(wants('end-to-end') && { end_to_end: await endToEnd(options) }),
    ...(wants('shards') && { shards: await shards(options) }),
    ...(wants('floor') && { floor: await benchFloor(minutes ?? FLOOR_MINUTES, print) }),
    ...(wants('profile') && {
      profile: await benchProfile({
        pairs: options.pairs ?? PROFILE_PAIRS,
        minutes: minutes ?? PROFILE_MINUTES,
        print,
      }),
    }),
    ...(wants('engines') && { engines: await benchEngines(print) }),
    ...(wants('arrival') && { arrival: await arrival(options) }),
    ...(wants('instruments') && { instruments: await instruments(options) }),
    ...(wants('stations') && { stations: await benchStations(minutes ?? STATION_MINUTES, print) }),
    ...(wants('inference') && { inference: await benchInference(print) }),
    ...(wants('features') && { features: await features(print) }),
    ...(wants('formulas') && { formulas: await formulas(print) }),
    ...(wants('sequences') && { sequences: await benchSequences(print) }),
    ...(wants('growth') && { growth: benchGrowth(print) }),
    ...(wants('rounding') && { rounding: rounding(print) }),
    ...(wants('trainer') && { trainer: await runTrainerBench(print) }),
    ...(wants('training') && { training: await benchTraining(print) }),
    ...(wants('search') && { search: benchSearch(print) }),
    ...(wants('evolve') && { evolve: benchEvolve(print) }),
    ...(wants('queue') && { queue: await benchQueue(print) }),
    ...(wants('gates') && { gates: await gates(options) }),
    ...(wants('backtest') && { backtest: await benchBacktest(print) }),
    ...(wants('swaps') && { swaps: await swaps(options) }),
    ...(wants('retraining') && { retraining: await retraining(options) }),
    ...(wants('browsers') && { browsers: await browsers(options) }),
    ...(wants('footprint') && {
      footprint: await benchFootprint({ pairs: FOOTPRINT_PAIRS, signals: FOOTPRINT_SIGNALS, print }),
    }),
    ...(wants('first-start') && { first_start: await benchFirstStart(print) }),
    ...(wants('soak') && { soak: await soak(options) }),
  };
}

async function endToEnd({ pairs, bundle, minutes, idle, print }: BenchOptions): Promise<EndToEndResult[]> {
  const results: EndToEndResult[] = [];
  for (const count of pairs === undefined ? PAIRS : [pairs]) {
    const planned = endToEndMinutes(count);
    const counts = { minutes: minutes ?? planned.minutes, idleMinutes: idle ? planned.idleMinutes : 0 };
    // Random models of one size make runs and sizes comparable; trained ones are what a daemon has.
    const own = count === 100 ? (['random'] as const) : (['trained', 'random'] as const);
    for (const models of bundle === undefined ? own : [{ bundle }])
      results.push(...(await benchEndToEnd({ pairs: count, models, ...counts, print })));
  }
  return results;
}

function arrival({ pairs = 10, minutes, print }: BenchOptions): Promise<ArrivalResult[]> {
  return benchArrival({ pairs, ...(minutes === undefined ? {} : { minutes }), print });
}

function shards({ pairs = SHARD_PAIRS, minutes = SHARD_MINUTES, print }: BenchOptions): Promise<ShardsResult> {
  return benchShards({ pairs, minutes, daemons: SHARD_DAEMONS, print });
}

function instruments({
  pairs = INSTRUMENT_SYMBOLS,
  minutes = INSTRUMENT_MINUTES,
  print,
}: BenchOptions): Promise<InstrumentsResult> {
  return benchInstruments({ symbols: pairs, minutes, print });
}

/** The peers are development dependencies: loaded only when they are asked for. */
async function features(print: (line: string) => void): Promise<FeaturesResult> {
  const { benchFeatures } = await import('./features.ts');
  return benchFeatures(print);
}

/** It loads the whole trainer. */
async function gates({ share = 1, knownGates = null, print }: BenchOptions): Promise<GatesBenchResult> {
  const { benchGates } = await import('./gates/run.ts');
  return benchGates(share, print, knownGates);
}

async function formulas(print: (line: string) => void): Promise<FormulasResult> {
  const { benchFormulas } = await import('./formulas.ts');
  return benchFormulas(print);
}

function rounding(print: (line: string) => void): Rounding {
  print(`features, ${ROUNDING_UPDATES} updates …`);
  return measureRounding(ROUNDING_UPDATES, loadSettings({ env: {} }).minutehand.windows);
}

async function swaps({ pairs = 10, minutes, manySwaps, print }: BenchOptions): Promise<WeatherResult[]> {
  const stormy = await benchWeather({
    pairs,
    minutes: minutes ?? WEATHER_MINUTES,
    paceMs: WEATHER_PACE_MS,
    swaps: WEATHER_SWAPS,
    training: true,
    withNull: true,
    print,
  });
  if (manySwaps === 0) return [stormy];
  const long = await benchWeather({
    pairs,
    minutes: 0,
    paceMs: MANY_SWAPS_PACE_MS,
    swaps: manySwaps,
    training: false,
    withNull: false,
    print,
  });
  return [stormy, long];
}

function retraining({ pairs = 10, minutes = RETRAINING_MINUTES, print }: BenchOptions): Promise<RetrainingResult> {
  return benchRetraining({ pairs, minutes, paceMs: RETRAINING_PACE_MS, print });
}

function browsers({ pairs = 10, minutes = BROWSERS_MINUTES, print }: BenchOptions): Promise<BrowsersResult> {
  return benchBrowsers({ pairs, minutes, paceMs: RETRAINING_PACE_MS, print });
}

function soak({ pairs = 10, soakMs, minutes, manySwaps, print }: BenchOptions): Promise<SoakResult> {
  if (minutes === undefined) return benchSoak({ pairs, durationMs: soakMs, paceMs: SOAK_PACE_MS, print });
  return benchSoak({ pairs, durationMs: soakMs, minutes, swaps: manySwaps, paceMs: COUNTED_SOAK_PACE_MS, print });
}
