import { checkTimeframes } from '../../../../../shared/bar_file/own_timeframe.ts';
import { legBars } from '../../../../../shared/bar_file/resampled_bars.ts';
import { SECONDS_PER_BAR, type OpenTime } from '../../../../../shared/bar.ts';
import { lowerBound, type BarColumns } from '../../../../../shared/bar_file/bar_file.ts';
import type { Executability, Manifest, ModelMetrics } from '../../../../../shared/bundle/manifest.ts';
import { servingSet, type ModelSet } from '../../../../../shared/bundle/model_set.ts';
import type { PreparedModels } from '../../../../../shared/bundle/prepared_models.ts';
import { isAtOnce } from '../../../../../shared/bundle/scoring_engine.ts';
import type { DecisionPolicy, Thresholds } from '../../../../../shared/strategies/pair_reversion/pair_input.ts';
import type { Reason } from '../../../../../shared/strategies/pair_reversion/reasons.ts';
import type { ExposurePolicy } from '../../../../../shared/core/position/exposure.ts';
import { perModel, type ModelName } from '../../../../../shared/core/features/feature.ts';
import { MinutehandError } from '../../../../../shared/errors.ts';
import type { Pair } from '../../../../../shared/pair.ts';
import { pairCosts, type TradingCosts } from '../../../../../shared/policy/costs.ts';
import { refuseUnsoundLegs } from '../../../data_quality/unsound_legs.ts';
import { refuseForeseeingFormulas } from '../../../feature_checks/leg_series.ts';
import { withOtherBars } from '../../../../../shared/bar_file/other_bars.ts';
import type { DatasetPolicy } from '../dataset/dataset.ts';
import { countCommonMinutes, historyColumns } from '../../../history/pair_history.ts';
import type { PairLabelPolicy } from '../label/pair_labels.ts';
import { EVALUATION_BARRIERS } from '../label/reversion.ts';
import { openTaskThreads, type TaskThreads } from '../../../threads/thread_tasks.ts';
import { modelMetrics } from '../../../measures/model_metrics.ts';
import { SCORE_COLUMNS, type BarScores } from './bar_scores.ts';
import { cumulate, maxDrawdown, totalCurve, type PnlChanges } from '../../../backtest/equity.ts';
import { executabilityOf } from '../../../backtest/executability.ts';
import { netInterval, type NetInterval } from '../../../backtest/net_interval.ts';
import { periodEdge, type PeriodEdge, type PeriodLook } from '../../../backtest/period_edge.ts';
import {
  columnsOfPart,
  performTask,
  runViewsJointly,
  scorePart,
  type Evaluated,
  type JudgedCandidates,
  type PairColumns,
  type PairLabels,
  type PairTask,
  type PairTaskResult,
  type PairView,
  type PartTask,
  type TradeRecord,
  type UnscoredPart,
  type ViewTask,
} from './pair_tasks.ts';
import { joinColumns, partsOf, type BarsPart } from './parts.ts';
import { performanceOf, type Performance } from '../../../backtest/performance.ts';
import { rollovers, type Rollover } from '../../../../../shared/core/cost/rollover.ts';
import { InTurn } from '../../../../../shared/in_turn.ts';

export { ROWS_PER_SCORE } from './bar_scores.ts';
export type { JudgedCandidates, TradeRecord } from './pair_tasks.ts';

/**
 * Bars per segment of a pair: long compared with the warm-up that each one repeats, short enough to occupy all threads.
 */
const BARS_PER_PART = 50_000;
const PROGRAM = new URL('./period_worker.js', import.meta.url);
/** Two views of a bundle: all pairs as if each had an edge, and as published by the daemon. */
export const VIEWS = ['all_pairs', 'edge_pairs'] as const;
export type View = (typeof VIEWS)[number];

export interface PeriodOptions {
  readonly pairs: readonly Pair[];
  /** Bars before `from` warm up the features; there are none from `to` on. */
  readonly bars: ReadonlyMap<string, BarColumns>;
  readonly from: OpenTime;
  /** Models loaded for `ROWS_PER_SCORE` rows: of one bundle, or of several on the same bars. */
  readonly sets: readonly ModelSet[];
  /** The same bundles, for scoring on threads; without them, or for onnxruntime, the calling thread scores. */
  readonly prepared?: readonly PreparedModels[];
  /** Overrides the bundle's thresholds. */
  readonly thresholds?: Partial<Thresholds>;
  readonly policy: DecisionPolicy;
  /** Windows are those of each bundle. */
  readonly labels: Pick<DatasetPolicy, 'windows' | 'risk' | 'scale'>;
  readonly costs: Readonly<Record<string, TradingCosts>>;
  /** Threads that do the work; 0 = the calling one. Affects speed only, not results. */
  readonly workers: number;
  /**
   * Counts a look at the decided bars by each bundle, before its result is known, and gives its number, from 1. Not
   * called for a bundle that has learned from some of them. Absent: no edge is claimed.
   */
  countLook?(look: PeriodLook): number;
  onProgress(done: number, total: number): void;
}

export interface ViewResult {
  readonly total: Performance;
  readonly pairs: Readonly<Record<string, Performance>>;
  /** Ordered by pair, then time. */
  readonly trades: readonly TradeRecord[];
  readonly judged: Readonly<Record<string, JudgedCandidates>>;
  /** Net value at every minute of the period, over all pairs. */
  readonly curve: Float64Array;
  readonly changes: Readonly<Record<string, PnlChanges>>;
  /** Net results of the trading days, ascending. */
  readonly days: readonly number[];
  /** The same trades without leverage_reduction_rate; null where the policy has no steps. */
  readonly fullLeverage: Pick<Performance, 'net_return' | 'max_drawdown'> | null;
  readonly executability: Executability;
  /** Interval of these trades at full size. */
  readonly interval: NetInterval;
}

/** Result of one bundle in the period. */
export interface BundleResult extends Readonly<Record<View, ViewResult>> {
  readonly version: string;
  readonly thresholds: Thresholds;
  readonly models: Readonly<Record<ModelName, ModelMetrics>>;
  /** AI1's answers to the candidates of its evaluation label, and the labels: of each pair with bars. */
  readonly ai1: Readonly<Record<string, Evaluated>>;
  /** Pairs without an edge by this bundle. */
  readonly noEdge: readonly string[];
  /** What its trades in this period claim; null where nothing is claimed: in-sample, or looks are not counted. */
  readonly edge: PeriodEdge | null;
}

export interface PeriodResult {
  readonly pairs: readonly string[];
  /** Opens of the first and last bar that a pair could decide on. */
  readonly first: OpenTime;
  readonly last: OpenTime;
  /** Number of decided bars, in total and by pair. */
  readonly bars: number;
  readonly barsOf: Readonly<Record<string, number>>;
  /** Opens of the first bars of the trading days, ascending; `days` of a view refer to them. */
  readonly days: readonly number[];
  /** Epoch seconds of the candidates in `ai1` of each bundle, by pair. */
  readonly ai1Times: Readonly<Record<string, Float64Array>>;
  readonly bundles: readonly BundleResult[];
}

/**
 * Trades of every bundle on the same bars, by the daemon's features, scores, decision and position, bar by bar.
 * @throws MinutehandError DATA_MISSING, DATA_TOO_SHORT, MODEL_OUTPUT, LEG_LAGS, SERIES_FORESIGHT, DATA_FORMAT as
 * `checkTimeframes`
 */
export async function backtestPeriod(options: PeriodOptions): Promise<PeriodResult> {
  const { sets, prepared } = options;
  const hashes = [...new Set(sets.map(({ schema }) => schema.hash))];
  const results: PeriodResult[] = [];
  for (const hash of hashes) {
    const isOf = (_: unknown, i: number): boolean => sets[i]!.schema.hash === hash;
    const own = sets.filter(isOf);
    const labels = { ...options.labels, windows: own[0]!.schema.windows };
    const ofSchema = { ...options, labels, sets: own, ...(prepared && { prepared: prepared.filter(isOf) }) };
    results.push(await backtestSets(ofSchema));
  }
  return joined(results, hashes, options);
}

/** The results of bundles with different columns, in the order of the bundles. */
function joined(results: readonly PeriodResult[], hashes: readonly string[], { sets }: PeriodOptions): PeriodResult {
  const [first, ...others] = results as [PeriodResult, ...PeriodResult[]];
  for (const other of others)
    if (other.bars !== first.bars)
      throw new MinutehandError('DATA_TOO_SHORT', {
        seen: `${first.bars} bars with warm features of ${sets[0]!.version}, and ${other.bars} with those of another bundle`,
        expected: 'the same bars for all bundles',
        next: 'Give more bars before the period: formulas look back over as many as `minutehand features` tells.',
      });
  const nextOf = results.map(({ bundles }) => bundles.values());
  return { ...first, bundles: sets.map(({ schema }) => nextOf[hashes.indexOf(schema.hash)]!.next().value!) };
}

/** Of bundles with the same columns. */
async function backtestSets(options: PeriodOptions): Promise<PeriodResult> {
  const { sets } = options;
  const bars = withOtherBars(options.bars, options.labels.windows);
  checkTimeframes(options.pairs, bars);
  refuseUnsoundLegs(options.pairs, bars);
  refuseForeseeingFormulas(options.pairs, bars, options.labels.windows);
  const pairs = options.pairs.filter(
    (pair) => countCommonMinutes(legBars(bars, pair, 'a'), legBars(bars, pair, 'b')) > 0,
  );
  if (pairs.length === 0)
    throw new MinutehandError('DATA_MISSING', { seen: 'no pair has minutes that both of its symbols have' });
  const times = pairs.flatMap(({ a, b }) => [bars.get(a)!, bars.get(b)!]);
  const rolls = rollovers(
    Math.min(...times.map(({ time }) => time[0]!)),
    Math.max(...times.map(({ time, length }) => time[length - 1]!)),
  );

  const pairParts = pairs.map((pair) => {
    const legs = { a: legBars(bars, pair, 'a')!, b: legBars(bars, pair, 'b')! };
    return partsOf(pair, legs, options.labels.windows, BARS_PER_PART);
  });
  const total = pairParts.reduce((sum, parts) => sum + parts.length, 0);
  const work = openWork(total, pairs, rolls, options);
  const memory = openMemory(Math.max(...pairParts.map(barsOf)), options);
  try {
    const results = await Promise.all(pairs.map((pair, i) => backtestPair(pair, pairParts[i]!, memory, work)));
    return assemble(results, sets, options);
  } finally {
    await work.threads.close();
  }
}

/** Inputs shared by the tasks of all pairs. */
interface Work {
  readonly threads: TaskThreads<PairTask, PairTaskResult>;
  readonly rolls: readonly Rollover[];
  readonly options: PeriodOptions;
  /** Scores a part if its thread has no models. */
  score(task: PartTask, kept: NonNullable<UnscoredPart>): Promise<void>;
  onPart(): void;
  /** Trades a pair in a view of a bundle. */
  view(name: View, bundle: number, task: ViewTask): Promise<PairView>;
}

function openWork(parts: number, pairs: readonly Pair[], rolls: readonly Rollover[], options: PeriodOptions): Work {
  const { sets, workers, onProgress, policy } = options;
  const prepared = options.prepared?.every(isScoredAtOnce) === true ? options.prepared : null;
  const threads = openTaskThreads(
    Math.min(workers, parts),
    PROGRAM,
    (task: PairTask) => performTask(task, sets),
    prepared,
  );
  let done = 0;
  // A set reuses its output memory, so parts are scored sequentially.
  const turns = new InTurn(null);
  return {
    threads,
    rolls,
    options,
    score: (task, kept) => turns.own(() => scorePart(task, kept, sets)),
    onPart: () => onProgress(++done, parts),
    view:
      policy.exposure === undefined
        ? (_name, _bundle, task) => threads.run(() => task, { isUrgent: true }) as Promise<PairView>
        : jointViews(pairs, policy.exposure),
  };
}

/** Waits for the tasks of all pairs, and trades them together. */
function jointViews(pairs: readonly Pair[], exposure: ExposurePolicy): Work['view'] {
  const waiting = new Map<string, { readonly task: ViewTask; resolve(view: PairView): void }[]>();
  return (name, bundle, task) =>
    new Promise((resolve) => {
      const key = `${bundle} ${name}`;
      const all = [...(waiting.get(key) ?? []), { task, resolve }];
      waiting.set(key, all);
      if (all.length < pairs.length) return;
      // In the order of the pairs, whatever thread was done first.
      const ordered = pairs.map(({ id }) => all.find((own) => own.task.pair.id === id)!);
      const views = runViewsJointly(
        ordered.map((own) => own.task),
        exposure,
      );
      ordered.forEach((own, i) => own.resolve(views[i]!));
    });
}

function isScoredAtOnce({ models, groups = [] }: PreparedModels): boolean {
  const all = [models, ...groups.map((group) => group.models)].flatMap((own) => Object.values(own));
  return all.every(({ engine }) => isAtOnce(engine));
}

/**
 * Reusable memory for the pairs in progress, sized for the longest one, because collecting shared memory may take long.
 */
interface Memory {
  take(): PairColumns;
  giveBack(columns: PairColumns): void;
}

function openMemory(length: number, { sets, workers }: PeriodOptions): Memory {
  const free: PairColumns[] = [];
  const column = (): Float64Array =>
    workers === 0 ? new Float64Array(length) : new Float64Array(new SharedArrayBuffer(8 * length));
  return {
    take: () =>
      free.pop() ?? {
        history: historyColumns(column),
        scores: sets.map(
          () => Object.fromEntries(SCORE_COLUMNS.map((name) => [name, column()])) as unknown as BarScores,
        ),
      },
    giveBack: (columns) => void free.push(columns),
  };
}

/** Number of warm bars of all parts of a pair. */
function barsOf(parts: readonly BarsPart[]): number {
  return parts.at(-1)!.end;
}

/** Result of one bundle for one pair. */
interface PairBundleResult {
  readonly views: Readonly<Record<View, PairView>>;
  readonly evaluated: Readonly<Record<ModelName, Evaluated>>;
}

interface PairResult extends Pick<PairLabels, 'dayStart' | 'ai1Times'> {
  readonly pair: Pair;
  /** 0: no other field is used. */
  readonly bars: number;
  readonly first: number;
  readonly last: number;
  readonly bundles: readonly PairBundleResult[];
}

async function backtestPair(pair: Pair, parts: readonly BarsPart[], memory: Memory, work: Work): Promise<PairResult> {
  const { from, labels, policy, sets } = work.options;
  const length = barsOf(parts);
  let taken: PairColumns | undefined;
  const buildPart = async (part: BarsPart): Promise<void> => {
    let task!: PartTask;
    const makeTask = (): PartTask => {
      taken ??= memory.take();
      const thresholds = sets.map((set) => thresholdsOf(servingSet(set, pair.id), work.options.thresholds));
      const columns = columnsOfPart(taken, part);
      const { first, end, a, b } = part;
      task = {
        kind: 'part',
        pair,
        part: { first, end, a, b },
        windows: labels.windows,
        from,
        policy,
        thresholds,
        columns,
      };
      return task;
    };
    const kept = (await work.threads.run(makeTask)) as UnscoredPart;
    if (kept !== null) await work.score(task, kept);
    work.onPart();
  };
  await Promise.all(parts.map(buildPart));
  const columns = columnsOfPart(taken!, { ...parts[0]!, first: 0, end: length });
  const result = await checkPair(pair, columns, work);
  memory.giveBack(taken!);
  return result;
}

async function checkPair(pair: Pair, columns: PairColumns, work: Work): Promise<PairResult> {
  const { threads, rolls, options } = work;
  const { policy, sets, from } = options;
  const { history } = columns;
  const { time } = history;
  const start = lowerBound(time, from);
  const costs = pairCosts(options.costs, pair);
  const urgent = { isUrgent: true };
  const view = (name: View, i: number, isGated: boolean): Promise<PairView> => {
    const set = servingSet(sets[i]!, pair.id);
    return work.view(name, i, {
      kind: 'view',
      pair,
      history,
      scores: columns.scores[i]!,
      start,
      rolls,
      options: {
        thresholds: thresholdsOf(set, options.thresholds),
        policy: { ...policy, require_edge: isGated },
        edge: !isGated,
        costs,
        ...(set.expectation && { expectation: set.expectation }),
        overnight: { rolls, swaps: costs },
      },
    });
  };
  const viewsOf = async (set: ModelSet, i: number): Promise<PairBundleResult['views']> => {
    // The views differ only if an edge is required and missing; of pairs that limit each other, if one of them does.
    const isGated = policy.require_edge && !set.hasEdge(pair.id);
    const isOwn = isGated || policy.exposure !== undefined;
    const [allPairs, gated] = await Promise.all([
      view('all_pairs', i, false),
      isOwn ? view('edge_pairs', i, isGated) : null,
    ]);
    return { all_pairs: allPairs, edge_pairs: gated ?? allPairs };
  };
  const labelTask: PairTask = { kind: 'labels', pair, columns, start, rolls, policy: labelPolicy(options) };
  const [labels, ...views] = await Promise.all([
    threads.run(() => labelTask, urgent) as Promise<PairLabels>,
    ...sets.map(viewsOf),
  ]);
  return {
    pair,
    bars: time.length - start,
    first: time[start]!,
    last: time.at(-1)!,
    dayStart: labels.dayStart,
    ai1Times: labels.ai1Times,
    bundles: views.map((own, i) => ({ views: own, evaluated: labels.evaluated[i]! })),
  };
}

function labelPolicy({ labels }: PeriodOptions): PairLabelPolicy {
  return { ...labels, barriers: EVALUATION_BARRIERS };
}

function thresholdsOf({ theta1, theta2 }: Thresholds, instead: PeriodOptions['thresholds']): Thresholds {
  return { theta1, theta2, ...instead };
}

function assemble(all: readonly PairResult[], sets: readonly ModelSet[], options: PeriodOptions): PeriodResult {
  const results = all.filter(({ bars }) => bars > 0);
  if (results.length === 0)
    throw new MinutehandError('DATA_TOO_SHORT', {
      seen: 'no bar of the period has warm features',
      next: 'Give more bars before or in the period: the longest look-back is 480 bars with the windows as delivered.',
    });
  const first = Math.min(...results.map((result) => result.first)) as OpenTime;
  const last = Math.max(...results.map((result) => result.last)) as OpenTime;
  const minutes = (last - first) / SECONDS_PER_BAR + 1;
  const dayStart = earliest(results.map((result) => result.dayStart));
  const dayIndices = [...dayStart.keys()].filter((day) => !Number.isNaN(dayStart[day]!));

  const viewOf = (view: View, i: number): ViewResult =>
    assembleView(
      results,
      results.map(({ bundles }) => bundles[i]!.views[view]),
      { first, minutes, dayIndices },
    );
  const claimed = (i: number, trades: PeriodLook['trades']): PeriodEdge | null => {
    if (options.countLook === undefined || isTrainedOn({ first }, sets[i]!.manifest)) return null;
    const look = options.countLook({ from: first, to: last, trades });
    const claiming = results.map(({ pair, bundles }) => {
      const { all_pairs, edge_pairs } = bundles[i]!.views;
      return { id: pair.id, all: all_pairs.tradeDays, published: edge_pairs.tradeDays };
    });
    return periodEdge(claiming, dayIndices, look);
  };
  const bundles = sets.map((set, i): BundleResult => {
    const evaluated = perModel((name) => pool(results.map((result) => result.bundles[i]!.evaluated[name])));
    const all_pairs = viewOf('all_pairs', i);
    const edge_pairs = viewOf('edge_pairs', i);
    return {
      version: set.version,
      thresholds: thresholdsOf(set, options.thresholds),
      models: perModel((name) => modelMetrics(evaluated[name].scores, evaluated[name].labels)),
      ai1: Object.fromEntries(results.map(({ pair, bundles }) => [pair.id, bundles[i]!.evaluated.ai1])),
      noEdge: results.map(({ pair }) => pair.id).filter((id) => !set.hasEdge(id)),
      edge: claimed(i, [...all_pairs.trades, ...edge_pairs.trades]),
      all_pairs,
      edge_pairs,
    };
  });
  return {
    pairs: results.map(({ pair }) => pair.id),
    first,
    last,
    bars: results.reduce((sum, { bars }) => sum + bars, 0),
    barsOf: Object.fromEntries(results.map(({ pair, bars }) => [pair.id, bars])),
    days: dayIndices.map((day) => dayStart[day]!),
    ai1Times: Object.fromEntries(results.map(({ pair, ai1Times }) => [pair.id, ai1Times])),
    bundles,
  };
}

interface Span {
  readonly first: OpenTime;
  readonly minutes: number;
  readonly dayIndices: readonly number[];
}

/** @param views of the results, in their order */
function assembleView(
  results: readonly PairResult[],
  views: readonly PairBundleResult['views'][View][],
  { first, minutes, dayIndices }: Span,
): ViewResult {
  const curve = totalCurve(
    views.map(({ changes }) => changes),
    first,
    minutes,
  );
  const days = dayIndices.map((day) => views.reduce((sum, own) => sum + own.days[day]!, 0) / views.length);
  const total = performanceOf({
    trades: views.flatMap(({ run }) => run.trades),
    days,
    maxDrawdown: maxDrawdown(curve),
    bars: results.reduce((sum, { bars }) => sum + bars, 0),
    pairs: results.length,
    candidates: views.reduce((sum, { run }) => sum + run.candidates, 0),
    refusals: sumCounts(views.map(({ run }) => run.refusals)),
  });
  const pairs = results.map(({ pair, bars, dayStart: own }, i): [string, Performance] => {
    const { run, changes, days: pairDays } = views[i]!;
    return [
      pair.id,
      performanceOf({
        trades: run.trades,
        days: [...pairDays].filter((_, day) => !Number.isNaN(own[day]!)),
        maxDrawdown: maxDrawdown(cumulate(changes)),
        bars,
        pairs: 1,
        candidates: run.candidates,
        refusals: run.refusals,
      }),
    ];
  });
  return {
    total,
    pairs: Object.fromEntries(pairs),
    trades: views.flatMap(({ trades }) => trades),
    judged: Object.fromEntries(results.map(({ pair }, i) => [pair.id, views[i]!.judged])),
    curve,
    changes: Object.fromEntries(results.map(({ pair }, i) => [pair.id, views[i]!.changes])),
    days,
    fullLeverage: fullLeverageOf(
      views.flatMap(({ fullChanges }) => fullChanges ?? []),
      { first, minutes },
    ),
    executability: executabilityOf(views.map(({ tally }) => tally)),
    interval: netInterval(
      views.map((own) => own.tradeDays),
      dayIndices,
    ),
  };
}

/** Whether the bundle was trained on bars of the period, or choices used them. */
export function isTrainedOn({ first }: Pick<PeriodResult, 'first'>, { period }: Pick<Manifest, 'period'>): boolean {
  return first < Date.parse(period.holdout_from) / 1000;
}

function fullLeverageOf(
  changes: readonly PnlChanges[],
  { first, minutes }: Pick<Span, 'first' | 'minutes'>,
): ViewResult['fullLeverage'] {
  if (changes.length === 0) return null;
  const curve = totalCurve(changes, first, minutes);
  return { net_return: curve.at(-1)!, max_drawdown: maxDrawdown(curve) };
}

/** Rows of several pairs as one. */
export function pool(parts: readonly Evaluated[]): Evaluated {
  return {
    scores: joinColumns(parts.map(({ scores }) => scores)),
    labels: joinColumns(parts.map(({ labels }) => labels)),
  };
}

function sumCounts(counts: readonly Readonly<Partial<Record<Reason, number>>>[]): Partial<Record<Reason, number>> {
  const sum: Partial<Record<Reason, number>> = {};
  for (const own of counts) {
    for (const [reason, count] of Object.entries(own) as [Reason, number][]) sum[reason] = (sum[reason] ?? 0) + count;
  }
  return sum;
}

/** Elementwise minimum of the values present. */
function earliest(columns: readonly Float64Array[]): Float64Array {
  return columns[0]!.map((_, i) => {
    const there = columns.map((column) => column[i]!).filter((value) => !Number.isNaN(value));
    return there.length === 0 ? NaN : Math.min(...there);
  });
}
