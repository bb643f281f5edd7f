import type { OpenTime } from '../../shared/bar.ts';
import type { BarColumns } from '../../shared/bar_file/bar_file.ts';
import { featureDefinitions } from '../../shared/core/features/features.ts';
import { perModel, type FeatureDefinition, type ModelName } from '../../shared/core/features/feature.ts';
import type { Windows } from '../../shared/core/features/windows.ts';
import { MinutehandError } from '../../shared/errors.ts';
import { symbolsOf, type Pair } from '../../shared/pair.ts';
import type { Matrix } from '../../shared/bundle/onnx/tree_ensemble.ts';
import { isCandidate, reversionLabel, type Barriers } from '../label/reversion.ts';
import { riskLabel, type RiskLabelPolicy, type RiskOutcome } from '../label/risk.ts';
import { scaleLabel, type ScaleLabelPolicy } from '../label/scale.ts';
import { buildPairHistory, commonMinutes, type PairHistory } from './pair_history.ts';

const SECONDS_PER_MINUTE = 60;
/** Labels look an hour ahead: more than one row in five minutes adds time to the training and next to nothing to the models. */
const DENSEST_SHARE = 0.2;
const GOLDEN_RATIO = (Math.sqrt(5) - 1) / 2;

export interface DatasetPolicy {
  readonly windows: Windows;
  readonly barriers: Barriers;
  readonly risk: RiskLabelPolicy;
  readonly scale: ScaleLabelPolicy;
  /** Fraction of time at the end that no choice sees. */
  readonly holdoutFraction: number;
  /** Rows of the training period per model, at most: evenly spread over time. */
  readonly maxRows: number;
  /** A pair with fewer common bars is left out. */
  readonly minBars: number;
}

/** Labelled rows of one model, in order of pair, then time. Row i of every array belongs to row i of `x`. */
export interface LabelledRows {
  readonly x: Matrix;
  readonly y: Float64Array;
  /** Epoch seconds at which the features were known: the bar's close. */
  readonly time: Float64Array;
  /** Epoch seconds at which the label was known. */
  readonly labelEnd: Float64Array;
  /** Index into `histories`. */
  readonly pair: Int32Array;
}

export interface Dataset {
  readonly definitions: readonly FeatureDefinition[];
  readonly histories: readonly PairHistory[];
  /** Rows whose labels were known before the holdout began. */
  readonly train: Readonly<Record<ModelName, LabelledRows>>;
  /** Rows of the holdout. AI1: all candidates. AI2, AI3: thinned like the training rows. */
  readonly holdout: Readonly<Record<ModelName, LabelledRows>>;
  /** Entry candidates among the training rows, for the risk ranks: the rows of `train.ai1`. */
  readonly from: OpenTime;
  readonly to: OpenTime;
  readonly holdoutFrom: OpenTime;
  /** Share of AI2's training rows in which each part alone is 1. */
  readonly riskParts: Readonly<Record<'drawdown' | 'volatility' | 'correlation', number>>;
}

/**
 * Bars → features by the daemon's core → labels. The last part of the period is the holdout; between it and the training
 * rows nothing overlaps, for a training row's label must be known before the holdout begins.
 * @throws MinutehandError DATA_MISSING, DATA_TOO_SHORT
 */
export function buildDataset(
  pairs: readonly Pair[],
  bars: ReadonlyMap<string, BarColumns>,
  policy: DatasetPolicy,
  onProgress: (done: number, total: number, pair: string) => void,
): Dataset {
  const counted = pairs.map((pair) => ({ pair, common: countCommonMinutes(bars.get(pair.a), bars.get(pair.b)) }));
  const usable = counted.filter(({ common }) => common >= policy.minBars).map(({ pair }) => pair);
  if (usable.length === 0) throw noUsablePair(counted, bars, policy.minBars);
  const symbols = symbolsOf(usable);
  const used = symbols.map((symbol) => bars.get(symbol)!);
  const from = Math.min(...used.map(({ time }) => time[0]!)) as OpenTime;
  const to = Math.max(...used.map(({ time, length }) => time[length - 1]!)) as OpenTime;
  const holdoutMinutes = Math.floor(((to - from) / SECONDS_PER_MINUTE) * policy.holdoutFraction);
  const holdoutFrom = (to - holdoutMinutes * SECONDS_PER_MINUTE) as OpenTime;

  // AI2 and AI3 are asked at every bar but learn from a share of them: neighbours say nearly the same.
  const commonBars = counted.reduce((sum, { common }) => sum + (common >= policy.minBars ? common : 0), 0);
  const share = Math.min(DENSEST_SHARE, policy.maxRows / (commonBars * (1 - policy.holdoutFraction)));
  const isSampled = (time: OpenTime): boolean => isSampledMinute(time, share);
  const keep = (time: OpenTime, z: number): boolean =>
    time >= holdoutFrom || isSampled(time) || Math.abs(z) >= policy.barriers.z_entry;

  const definitions = featureDefinitions(policy.windows);
  const histories = usable.map((pair, done) => {
    onProgress(done, usable.length, pair.id);
    return buildPairHistory(pair, bars.get(pair.a)!, bars.get(pair.b)!, policy.windows, keep);
  });
  onProgress(usable.length, usable.length, '');

  const isSampledBar = (history: PairHistory, t: number): boolean => isSampled(history.time[t]! as OpenTime);
  const ai2 = labelBars(histories, isSampledBar, (history, t) => riskLabel(history, t, policy.risk));
  const labelled: Record<ModelName, readonly LabelledBar[]> = {
    ai1: labelBars(
      histories,
      (history, t) => isCandidate(history, t, policy.barriers),
      (history, t) => reversionLabel(history, t, policy.barriers),
    ),
    ai2,
    ai3: labelBars(histories, isSampledBar, (history, t) => scaleLabel(history, t, policy.scale)),
  };
  const isTraining = ({ pair, outcome }: LabelledBar): boolean => histories[pair]!.time[outcome.end]! < holdoutFrom;
  const isHoldout = ({ pair, bar }: LabelledBar): boolean => histories[pair]!.time[bar]! >= holdoutFrom;
  return {
    definitions,
    histories,
    train: perModel((model) =>
      gather(thin(labelled[model].filter(isTraining), policy.maxRows), histories, definitions.length),
    ),
    holdout: perModel((model) => gather(labelled[model].filter(isHoldout), histories, definitions.length)),
    from,
    to,
    holdoutFrom,
    riskParts: riskParts(ai2.filter(isTraining).map(({ outcome }) => outcome)),
  };
}

function countCommonMinutes(a: BarColumns | undefined, b: BarColumns | undefined): number {
  if (a === undefined || b === undefined) return 0;
  let count = 0;
  for (const _ of commonMinutes(a, b)) count++;
  return count;
}

function noUsablePair(
  counted: readonly { readonly pair: Pair; readonly common: number }[],
  bars: ReadonlyMap<string, BarColumns>,
  minBars: number,
): MinutehandError {
  const symbols = new Set(counted.flatMap(({ pair: { a, b } }) => [a, b]));
  const present = [...symbols].filter((symbol) => (bars.get(symbol)?.length ?? 0) > 0);
  if (present.length === 0)
    return new MinutehandError('DATA_MISSING', { seen: 'no bars', expected: `bars of ${[...symbols].join(', ')}` });
  const minutes = counted.map(({ pair, common }) => `${pair.id} ${common}`).join(', ');
  return new MinutehandError('DATA_TOO_SHORT', {
    seen: `minutes that both legs have: ${minutes}`,
    expected: `at least ${minBars} for a pair`,
  });
}

/**
 * Whether a minute is among the `share` that is kept: fractional parts of multiples of the golden ratio (Weyl's sequence), so that
 * the kept ones lie evenly in time and favour no minute of the hour, as every n-th would.
 */
function isSampledMinute(time: OpenTime, share: number): boolean {
  return ((time / SECONDS_PER_MINUTE) * GOLDEN_RATIO) % 1 < share;
}

/** A bar whose label is known. */
interface LabelledBar<
  Outcome extends { readonly label: number; readonly end: number } = { label: number; end: number },
> {
  readonly pair: number;
  readonly bar: number;
  readonly outcome: Outcome;
}

function labelBars<Outcome extends { readonly label: number; readonly end: number }>(
  histories: readonly PairHistory[],
  isWanted: (history: PairHistory, t: number) => boolean,
  labelOf: (history: PairHistory, t: number) => Outcome | null,
): LabelledBar<Outcome>[] {
  const bars: LabelledBar<Outcome>[] = [];
  histories.forEach((history, pair) => {
    for (let bar = 0; bar < history.length; bar++) {
      const outcome = isWanted(history, bar) ? labelOf(history, bar) : null;
      if (outcome !== null) bars.push({ pair, bar, outcome });
    }
  });
  return bars;
}

/** At most `most` rows, evenly spread. */
function thin(rows: readonly LabelledBar[], most: number): readonly LabelledBar[] {
  if (rows.length <= most) return rows;
  return Array.from({ length: most }, (_, i) => rows[Math.floor((i * rows.length) / most)]!);
}

function gather(rows: readonly LabelledBar[], histories: readonly PairHistory[], columns: number): LabelledRows {
  const values = new Float32Array(rows.length * columns);
  rows.forEach(({ pair, bar }, i) => {
    const { features, row } = histories[pair]!;
    const at = row[bar]! * columns;
    values.set(features.subarray(at, at + columns), i * columns);
  });
  return {
    x: { rows: rows.length, columns, values },
    y: Float64Array.from(rows, ({ outcome }) => outcome.label),
    time: Float64Array.from(rows, ({ pair, bar }) => histories[pair]!.time[bar]! + SECONDS_PER_MINUTE),
    labelEnd: Float64Array.from(rows, ({ pair, outcome }) => histories[pair]!.time[outcome.end]! + SECONDS_PER_MINUTE),
    pair: Int32Array.from(rows, ({ pair }) => pair),
  };
}

function riskParts(outcomes: readonly RiskOutcome[]): Dataset['riskParts'] {
  const share = (part: 'drawdown' | 'volatility' | 'correlation'): number =>
    outcomes.length === 0 ? 0 : outcomes.reduce((sum, outcome) => sum + outcome[part], 0) / outcomes.length;
  return { drawdown: share('drawdown'), volatility: share('volatility'), correlation: share('correlation') };
}
