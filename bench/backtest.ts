import { execFile } from 'node:child_process';
import { mkdirSync, readFileSync } from 'node:fs';
import { availableParallelism } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { launcher } from '../shared/launcher.ts';
import type { OpenTime } from '../shared/bar.ts';
import { barReader, readBarFile, writeBarFile, type BarColumns } from '../shared/bar_file/bar_file.ts';
import { featureSchema } from '../shared/bundle/feature_schema.ts';
import { loadModelSet, type ModelSet } from '../shared/bundle/model_set.ts';
import { PairFeatures } from '../shared/core/features/features.ts';
import { recordMarket } from '../shared/market/simulated_market.ts';
import { parsePair, type Pair } from '../shared/pair.ts';
import { decisionPolicy, loadSettings, type Settings } from '../shared/policy/policy.ts';
import {
  isEvaluatedMinute,
  ROWS_PER_SCORE,
  scoreBars,
} from '../trainer/learning/strategies/pair_reversion/backtest/bar_scores.ts';
import { runBacktest } from '../trainer/learning/trades/backtest.ts';
import { markToMarket } from '../trainer/learning/backtest/equity.ts';
import { rollovers } from '../shared/core/cost/rollover.ts';
import { datasetPolicy } from '../trainer/learning/strategies/pair_reversion/dataset/dataset_policy.ts';
import { buildPairHistory, matchMinutes } from '../trainer/learning/history/pair_history.ts';
import { labelPair } from '../trainer/learning/strategies/pair_reversion/label/pair_labels.ts';
import { EVALUATION_BARRIERS } from '../trainer/learning/strategies/pair_reversion/label/reversion.ts';
import { instantNs } from './end_to_end/instant.ts';
import { benchMarket } from './market.ts';
import { benchModels } from './models.ts';
import { openTemporaryFolder } from './temporary_folder.ts';

const PAIR = parsePair('EURUSD_GBPUSD');
const START = (Date.parse('2020-01-01T22:00:00Z') / 1000) as OpenTime;

export const BACKTEST_STATIONS = ['read', 'features', 'scores', 'labels', 'decide', 'equity'] as const;
export type BacktestStation = (typeof BACKTEST_STATIONS)[number];

export interface BacktestBenchResult {
  readonly pair: string;
  readonly trees: number;
  /** Bars of each leg for the stations, and rounds from which medians are taken. */
  readonly station_bars: number;
  readonly turns: number;
  /** Processor microseconds per bar of the pair, on one thread. */
  readonly stations: Readonly<Record<BacktestStation, number>>;
  /**
   * The daemon's feature engine alone, with bars in memory: the lower bound of any backtest on one thread, in processor
   * microseconds per bar.
   */
  readonly engine_us: number;
  readonly features_by_engine: number;
  /** `minutehand backtest` on files of this many bars, from start to end. */
  readonly command: {
    readonly bars: number;
    readonly threads: number;
    readonly trades: number;
    readonly seconds: readonly number[];
    /** Processor time of all threads; null where the system does not report it. */
    readonly cpu_seconds: readonly number[] | null;
    /** Median of elapsed time. */
    readonly us_per_bar: number;
    /** The same, divided by the engine's time on one thread. */
    readonly by_engine: number;
  };
}

export interface BacktestBenchOptions {
  readonly commandBars: number;
  readonly commandRuns: number;
  readonly stationBars: number;
  readonly turns: number;
}

const DEFAULTS: BacktestBenchOptions = { commandBars: 1_000_000, commandRuns: 3, stationBars: 200_000, turns: 3 };

/** Time of each station in a backtest of one pair, and the time of a million bars with all cores. */
export async function benchBacktest(
  print: (line: string) => void,
  options: Partial<BacktestBenchOptions> = {},
): Promise<BacktestBenchResult> {
  const { commandBars, commandRuns, stationBars, turns } = { ...DEFAULTS, ...options };
  const bundle = (await benchModels(print)).random[0];
  const settings = loadSettings({ env: {} });
  const folder = openTemporaryFolder('backtest');
  const set = await loadModelSet(bundle, featureSchema(settings.minutehand.windows), ROWS_PER_SCORE);
  try {
    const short = join(folder.path, 'short');
    await writeMarket(short, stationBars);
    const measured: (StationTimes & { engine: number })[] = [];
    for (let turn = 0; turn < turns; turn++) {
      print(`backtest, ${stationBars} bars, turn ${turn + 1} of ${turns} …`);
      measured.push(await timeStations(short, set, settings));
    }
    const usOf = (name: BacktestStation | 'engine'): number => median(measured.map((times) => times[name]));
    const long = join(folder.path, 'long');
    await writeMarket(long, commandBars);
    const seconds: number[] = [];
    const cpuSeconds: number[] = [];
    let trades = 0;
    for (let run = 0; run < commandRuns; run++) {
      print(`minutehand backtest, ${commandBars} bars, run ${run + 1} of ${commandRuns} …`);
      const startNs = instantNs();
      const startCpu = childrenCpuSeconds();
      trades = await runCommand(long, bundle);
      seconds.push((instantNs() - startNs) / 1e9);
      const endCpu = childrenCpuSeconds();
      if (startCpu !== null && endCpu !== null) cpuSeconds.push(endCpu - startCpu);
    }
    const engine_us = usOf('engine');
    const us_per_bar = (median(seconds) * 1e6) / commandBars;
    return {
      pair: PAIR.id,
      trees: 300,
      station_bars: stationBars,
      turns,
      stations: Object.fromEntries(BACKTEST_STATIONS.map((name) => [name, usOf(name)])) as Record<
        BacktestStation,
        number
      >,
      engine_us,
      features_by_engine: usOf('features') / engine_us,
      command: {
        bars: commandBars,
        threads: availableParallelism(),
        trades,
        seconds,
        cpu_seconds: cpuSeconds.length === seconds.length ? cpuSeconds : null,
        us_per_bar,
        by_engine: us_per_bar / engine_us,
      },
    };
  } finally {
    await set.release();
    folder.remove();
  }
}

async function writeMarket(folder: string, minutes: number): Promise<void> {
  mkdirSync(folder, { recursive: true });
  for (const columns of recordMarket(benchMarket([PAIR.id], 'bench backtest', START), minutes).values())
    await writeBarFile(join(folder, `${columns.symbol}.csv`), columns);
}

type StationTimes = Record<BacktestStation, number>;

/** Processor microseconds per bar. */
async function timeStations(
  folder: string,
  set: ModelSet,
  settings: Settings,
): Promise<StationTimes & { engine: number }> {
  const policy = { ...decisionPolicy(settings), require_edge: false };
  const { windows, symbols } = settings.minutehand;
  const times = {} as Record<BacktestStation | 'engine', number>;
  let since = process.cpuUsage();
  const took = (name: BacktestStation | 'engine'): void => {
    const { user, system } = process.cpuUsage(since);
    times[name] = user + system;
    since = process.cpuUsage();
  };
  const a = await readBarFile(join(folder, `${PAIR.a}.csv`));
  const b = await readBarFile(join(folder, `${PAIR.b}.csv`));
  took('read');
  runEngine(PAIR, a, b, settings);
  took('engine');
  const history = buildPairHistory(PAIR, a, b, windows, () => true);
  took('features');
  const thresholds = { theta1: set.theta1, theta2: set.theta2 };
  const scores = await scoreBars(set, history, 0, policy, thresholds);
  took('scores');
  const labels = { ...datasetPolicy(settings), barriers: EVALUATION_BARRIERS };
  labelPair(history, labels, isEvaluatedMinute);
  took('labels');
  const costs = { a: symbols[PAIR.a]!, b: symbols[PAIR.b]! };
  const overnight = { rolls: rollovers(a.time[0]!, a.time.at(-1)!), swaps: costs };
  const { trades } = runBacktest(history, 0, history.length, {
    thresholds,
    policy,
    edge: true,
    costs,
    overnight,
    scores: (t) => ({ return_prob: scores.ai1[t]!, risk_score: scores.riskScore[t]! }),
    scale: (t) => scores.ai3[t]!,
  });
  took('decide');
  markToMarket(history, trades, overnight);
  took('equity');
  for (const name of Object.keys(times) as (keyof typeof times)[]) times[name] /= a.length;
  return times;
}

/** Runs only the hot path's engine, over bars in memory. */
function runEngine({ a: symbolA }: Pair, a: BarColumns, b: BarColumns, { minutehand }: Settings): void {
  const engine = new PairFeatures(minutehand.windows);
  const { length, inA, inB } = matchMinutes(a, b);
  const barOfA = barReader(a);
  const barOfB = barReader(b);
  for (let minute = 0; minute < length; minute++) engine.step(barOfA(inA[minute]!), barOfB(inB[minute]!));
  if (engine.bars !== length) throw new RangeError(`${engine.bars} of ${length} bars of ${symbolA}`);
}

/**
 * Processor time of terminated child processes, where /proc has it (proc(5): cutime and cstime, in hundredths of a
 * second).
 */
function childrenCpuSeconds(): number | null {
  try {
    const fields = readFileSync('/proc/self/stat', 'latin1').split(') ')[1]!.split(' ');
    return (Number(fields[13]) + Number(fields[14])) / 100;
  } catch {
    return null;
  }
}

/** Trades of `minutehand backtest` with this installation's configuration. */
async function runCommand(data: string, bundle: string): Promise<number> {
  const [program, ...args] = launcher();
  const { stdout } = await promisify(execFile)(
    program!,
    [...args, 'backtest', '--data', data, '--models', bundle, '--pairs', PAIR.id, '--json'],
    { maxBuffer: 1 << 26 },
  );
  return (JSON.parse(stdout) as { all_pairs: { trades: number } }).all_pairs.trades;
}

function median(values: readonly number[]): number {
  return values.toSorted((x, y) => x - y)[values.length >> 1]!;
}
