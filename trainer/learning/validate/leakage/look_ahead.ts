import { isoMinute } from '../../../../shared/bar.ts';
import { lowerBound, viewBars, type BarColumns } from '../../../../shared/bar_file/bar_file.ts';
import type { Pair } from '../../../../shared/pair.ts';
import { createRng } from '../../../../shared/rng.ts';
import { partOfHistory, pricesOf, wholeHistory, type KeptHistory } from '../../history/kept_history.ts';
import { matchMinutes, type PairHistory, type PriceHistory } from '../../history/pair_history.ts';
import type { ModelName } from '../../../../shared/core/features/feature.ts';
import type { Evidence, GateResult } from '../../../../shared/bundle/gates/gate_result.ts';
import { positions } from '../../dataset/rows.ts';

/** Maximum number of bars drawn per tested label. */
const DRAWN_PER_LABEL = 20;

/** A pair's history over the whole period, with its bars. */
export interface LongRun {
  readonly history: KeptHistory;
  readonly a: BarColumns;
  readonly b: BarColumns;
}

export function longRun(history: KeptHistory, a: BarColumns, b: BarColumns): LongRun {
  return { history, a, b };
}

export interface LookAheadOptions {
  /** Builds a history with the features of every bar. */
  readonly build: (pair: Pair, a: BarColumns, b: BarColumns) => PairHistory;
  /** Names of the features, in the order of their columns. */
  readonly names: readonly string[];
  /**
   * Columns of a table: the bars alone give other values. What they know of later bars is measured where the table is
   * read, and by the edge with columns one bar later.
   */
  readonly outside: readonly string[];
  /** Bars that the features need, the bar itself included. */
  readonly warmupBars: number;
  /** Tested bars or labels, drawn from all bars with kept features. */
  readonly samples: number;
  readonly seed: string;
}

/** A label, and the bar at which it was known; null when the bars end before. */
export type LabelOf = (history: PriceHistory, t: number) => { readonly label: number; readonly end: number } | null;

/**
 * Checks that no feature looks ahead: for sampled bars t, everything is recomputed from the `warmupBars` minutes up to
 * t alone, and must equal the values of the long run bit for bit.
 */
export function checkFeatureLookAhead(runs: readonly LongRun[], options: LookAheadOptions): GateResult {
  const sampled = sampleBars(runs, options);
  const differing = inOrder(runs, sampled, (run): ((bar: SampledBar) => Evidence[]) => {
    const history = wholeHistory(run.history);
    const cutOf = buildsBetween(run, history, options);
    return ({ t }) => {
      const cut = cutOf(t, t);
      if (cut.length !== 1 || cut.rows === 0 || cut.row[0] !== cut.rows - 1)
        return [{ ...placeOf(history, t), first_warm_bars: cut.length }];
      const columns = differingColumns(history, t, cut, options);
      return columns.length === 0 ? [] : [{ ...placeOf(history, t), first_columns: columns }];
    };
  }).flat();
  return {
    code: 'features_look_ahead',
    role: null,
    passed: sampled.length > 0 && differing.length === 0,
    ...differences(sampled.length, differing, {
      warm_up_bars: options.warmupBars,
      ...(options.outside.length > 0 && { not_recomputed: [...options.outside] }),
    }),
  };
}

/**
 * Checks that the stated `end` of labels is correct: for sampled bars, the label recomputed from the bars up to its
 * `end` alone must be the same. Purging relies on it.
 */
export function checkLabelEnds(
  role: ModelName,
  runs: readonly LongRun[],
  labelOf: LabelOf,
  options: LookAheadOptions,
): GateResult {
  // Not every bar has a label.
  const drawn = sampleBars(runs, { ...options, samples: options.samples * DRAWN_PER_LABEL });
  const outcomes = inOrder(runs, drawn, (run) => {
    const history = pricesOf(run.history);
    return (bar) => ({ ...bar, outcome: labelOf(history, bar.t) });
  });
  const labeled = outcomes.flatMap(({ outcome, ...bar }) => (outcome === null ? [] : [{ ...bar, outcome }]));
  const sampled = labeled.slice(0, options.samples);
  const differing = inOrder(runs, sampled, (run): ((bar: (typeof sampled)[number]) => Evidence[]) => {
    const history = pricesOf(run.history);
    const cutOf = buildsBetween(run, history, options);
    return ({ t, outcome }) => {
      const cut = cutOf(t, outcome.end);
      const again = labelOf(cut, 0);
      const same = again !== null && again.label === outcome.label && t + again.end === outcome.end;
      const found = again === null ? {} : { again_label: again.label, again_bars: again.end };
      const { label, end } = outcome;
      return same ? [] : [{ ...placeOf(history, t), label, bars: end - t, ...found }];
    };
  }).flat();
  return {
    code: 'label_ends',
    role,
    passed: sampled.length > 0 && differing.length === 0,
    ...differences(sampled.length, differing, {}),
  };
}

/** Number of samples that differ, with the first of them. None is allowed, and one sample is needed. */
function differences(
  sampled: number,
  differing: readonly Evidence[],
  more: Evidence,
): Pick<GateResult, 'value' | 'relation' | 'limit' | 'unit' | 'evidence'> {
  return {
    value: sampled === 0 ? null : differing.length,
    relation: '<=',
    limit: 0,
    unit: 'count',
    evidence: { sampled, ...more, ...differing[0] },
  };
}

interface SampledBar {
  readonly run: LongRun;
  readonly t: number;
}

/** Sampled bars with kept features, pairs in proportion to their number of such bars; bars may repeat. */
function sampleBars(runs: readonly LongRun[], { samples, seed }: LookAheadOptions): SampledBar[] {
  const rng = createRng(seed);
  const kept = runs.map(({ history }) => {
    const { row, length } = partOfHistory(history, 'row');
    return positions(length, (t) => row[t]! >= 0);
  });
  const total = kept.reduce((sum, { length }) => sum + length, 0);
  return Array.from({ length: total === 0 ? 0 : samples }, () => {
    let place = rng.integer(total);
    let index = 0;
    while (place >= kept[index]!.length) place -= kept[index++]!.length;
    return { run: runs[index]!, t: kept[index]![place]! };
  });
}

/** What `work` makes of each bar, in the order of the bars; the history of one run at a time is in memory. */
function inOrder<Bar extends SampledBar, Result>(
  runs: readonly LongRun[],
  bars: readonly Bar[],
  work: (run: LongRun) => (bar: Bar) => Result,
): Result[] {
  const results: Result[] = [];
  for (const run of runs) {
    const own = [...bars.entries()].filter(([, bar]) => bar.run === run);
    if (own.length === 0) continue;
    const workOn = work(run);
    for (const [i, bar] of own) results[i] = workOn(bar);
  }
  return results;
}

/** Makes the history of the warm-up of bar `t` and the bars from `t` to `end`; bar `t` is its first one. */
function buildsBetween(
  { a, b }: LongRun,
  history: PriceHistory,
  { build, warmupBars }: LookAheadOptions,
): (t: number, end: number) => PairHistory {
  const { inA, inB } = matchMinutes(a, b);
  const time = Float64Array.from(inA, (i) => a.time[i]!);
  return (t, end) => {
    // A warm bar has its warm-up before it.
    const first = lowerBound(time, history.time[t]!) - warmupBars + 1;
    const last = lowerBound(time, history.time[end]!);
    return build(history.pair, viewBars(a, inA[first]!, inA[last]! + 1), viewBars(b, inB[first]!, inB[last]! + 1));
  };
}

/** Names of the differences between bar `t` of the long run and the only bar of the short one. */
function differingColumns(
  history: PairHistory,
  t: number,
  cut: PairHistory,
  { names, outside }: Pick<LookAheadOptions, 'names' | 'outside'>,
): string[] {
  const ofBars = Object.entries(cut).flatMap(([name, values]: [string, unknown]) => {
    if (!(values instanceof Float64Array)) return [];
    const long = history[name as keyof PairHistory] as Float64Array;
    return Object.is(values[0], long[t]) ? [] : [name];
  });
  // Where models get a sequence, the short run has all of its rows.
  const columns = cut.features.length / cut.rows;
  const first = (history.row[t]! + 1) * columns - cut.features.length;
  const ofFeatures = Array.from(cut.features.keys())
    .filter((value) => !Object.is(cut.features[value], history.features[first + value]))
    .map((value) => names[value % columns]!)
    .filter((name) => !outside.includes(name));
  return [...ofBars, ...new Set(ofFeatures.map((name) => `feature ${name}`))];
}

function placeOf(history: PriceHistory, t: number): Evidence {
  return { first_pair: history.pair.id, first_time: isoMinute(history.time[t]!) };
}
