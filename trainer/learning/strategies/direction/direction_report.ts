import { ln } from '../../../../shared/elementary.ts';
import { DOWN, RANGE, UP } from './label/direction.ts';
import { quantileOf, resampledMeans } from '../../statistics/block_bootstrap.ts';
import { classMetrics, meanAndError, type ClassMetrics } from '../../measures/class_metrics.ts';
import { splitAuc } from '../../measures/split_auc.ts';
import { aucOfSplits, type AucEstimate } from '../../statistics/auc_error.ts';
import { classF1, type ClassF1 } from '../../validate/class_f1.ts';
import type { InstrumentRows } from './instrument_rows.ts';
import { CLASSES, type CalibratedBlock } from './walk_forward.ts';

const SECONDS_PER_DAY = 86_400;

/** Mean of a metric over blocks, and its standard error. */
export type BlockFigure = ReturnType<typeof meanAndError>;

/** Metrics on the evaluation label, over all evaluated blocks and by block. */
export interface DirectionMetrics extends ClassMetrics, ClassF1 {
  /** AUC of ML_UP_PROB − ML_DOWN_PROB on the rows that left the range: direction only, without volatility. */
  readonly up_or_down_auc: number | null;
  /** Standard errors by days: of each class against the rest, and of up against down. */
  readonly auc_errors: readonly (number | null)[];
  readonly up_or_down_error: number | null;
  readonly over_blocks: {
    readonly log_loss: BlockFigure;
    readonly brier: BlockFigure;
    readonly class_wise_ece: BlockFigure;
    readonly auc: readonly BlockFigure[];
    readonly up_or_down_auc: BlockFigure;
  };
}

/** Predictions of all evaluated blocks as one list. */
export interface EvaluatedAnswers {
  readonly classes: number;
  readonly probabilities: Float64Array;
  readonly labels: Float64Array;
  /** Row of `InstrumentRows` of each prediction. */
  readonly rows: Int32Array;
  /** Number of the block of each prediction, whose model is another one; absent: all are of one model. */
  readonly block?: Int32Array;
}

export function answersOfBlocks(
  rows: Pick<InstrumentRows, 'evaluation'>,
  blocks: readonly Pick<CalibratedBlock, 'split' | 'probabilities'>[],
): EvaluatedAnswers {
  const all = Int32Array.from(blocks.flatMap(({ split }) => [...split.test]));
  const probabilities = new Float64Array(all.length * CLASSES);
  blocks.reduce((at, own) => {
    probabilities.set(own.probabilities, at);
    return at + own.probabilities.length;
  }, 0);
  return {
    classes: CLASSES,
    probabilities,
    labels: Float64Array.from(all, (row) => rows.evaluation[row]!),
    rows: all,
    block: Int32Array.from(blocks.flatMap(({ split }, i) => new Array<number>(split.test.length).fill(i))),
  };
}

/** Those of the answers that are at these positions. */
export function pickAnswers(
  { classes, probabilities, labels, rows, block }: EvaluatedAnswers,
  own: Int32Array,
): EvaluatedAnswers {
  const picked = new Float64Array(own.length * classes);
  own.forEach((i, at) => picked.set(probabilities.subarray(i * classes, (i + 1) * classes), at * classes));
  return {
    classes,
    probabilities: picked,
    labels: Float64Array.from(own, (i) => labels[i]!),
    rows: own.map((i) => rows[i]!),
    ...(block && { block: own.map((i) => block[i]!) }),
  };
}

export function directionMetrics(
  rows: InstrumentRows,
  blocks: readonly Pick<CalibratedBlock, 'split' | 'probabilities'>[],
): DirectionMetrics {
  const all = answersOfBlocks(rows, blocks);
  const each = blocks.map((block) => {
    const own = answersOfBlocks(rows, [block]);
    return { ...classMetrics(own), direction: upOrDownAuc(rows, own)?.auc ?? null };
  });
  const over = (of: (own: (typeof each)[number]) => number | null): BlockFigure => meanAndError(each.map(of));
  return {
    ...evaluatedMetrics(rows, all),
    over_blocks: {
      log_loss: over(({ log_loss }) => log_loss),
      brier: over(({ brier }) => brier),
      class_wise_ece: over(({ class_wise_ece }) => class_wise_ece),
      auc: Array.from({ length: CLASSES }, (_, k) => over((own) => own.auc[k]!)),
      up_or_down_auc: over(({ direction }) => direction),
    },
  };
}

/** The same of any list of answers, without blocks. */
export function evaluatedMetrics(
  rows: Pick<InstrumentRows, 'time' | 'labelEnd'>,
  answers: EvaluatedAnswers,
): Omit<DirectionMetrics, 'over_blocks'> {
  const upOrDown = upOrDownAuc(rows, answers);
  const times = {
    time: Float64Array.from(answers.rows, (row) => rows.time[row]!),
    labelEnd: Float64Array.from(answers.rows, (row) => rows.labelEnd[row]!),
  };
  return {
    ...classMetrics(answers),
    auc: classAucs(answers),
    ...classF1(answers, times),
    auc_errors: Array.from(
      { length: CLASSES },
      (_, k) => estimateOf(rows, answers, classScores(answers, k))?.standard_error ?? null,
    ),
    up_or_down_auc: upOrDown?.auc ?? null,
    up_or_down_error: upOrDown?.standard_error ?? null,
  };
}

/**
 * Each class against the rest, [classes]; null where all or no rows of every block are of it. A row is ranked among the
 * rows that the same model has answered (`aucOfSplits`).
 */
export function classAucs(answers: EvaluatedAnswers): (number | null)[] {
  return Array.from({ length: CLASSES }, (_, k) => splitAuc(classScores(answers, k)));
}

/** One class against the rest, of each model. */
function classScores(answers: EvaluatedAnswers, k: number): ClassScores[] {
  const { probabilities, labels } = answers;
  return byModel(answers, Int32Array.from(labels.keys())).map((own) => ({
    own,
    scores: Float64Array.from(own, (i) => probabilities[i * CLASSES + k]!),
    labels: Float64Array.from(own, (i) => (labels[i] === k ? 1 : 0)),
  }));
}

interface ClassScores {
  /** Places among the answers. */
  readonly own: Int32Array;
  readonly scores: Float64Array;
  readonly labels: Float64Array;
}

/** Places among the answers, apart by the model that has answered. */
function byModel({ block }: EvaluatedAnswers, places: Int32Array): Int32Array[] {
  if (block === undefined) return [places];
  return [...new Set(places.map((i) => block[i]!))].map((number) => places.filter((i) => block[i] === number));
}

function estimateOf(
  { time }: Pick<InstrumentRows, 'time'>,
  { rows: of }: EvaluatedAnswers,
  models: readonly ClassScores[],
): AucEstimate | null {
  return aucOfSplits(
    models.map(({ own, scores, labels }) => ({ scores, labels, time: Float64Array.from(own, (i) => time[of[i]!]!) })),
  );
}

/** Among the rows that left the range, each ranked among those that the same model has answered. */
export function upOrDownAuc(rows: Pick<InstrumentRows, 'time'>, answers: EvaluatedAnswers): AucEstimate | null {
  const { probabilities, labels } = answers;
  const left = Int32Array.from(labels.keys()).filter((i) => labels[i] !== RANGE);
  const models = byModel(answers, left).map((own) => ({
    own,
    scores: Float64Array.from(own, (i) => probabilities[i * CLASSES + UP]! - probabilities[i * CLASSES + DOWN]!),
    labels: Float64Array.from(own, (i) => (labels[i] === UP ? 1 : 0)),
  }));
  return estimateOf(rows, answers, models);
}

/** Baseline: the base rates of each block's training rows, over all instruments or per instrument. */
export function priorBlocks(
  rows: InstrumentRows,
  blocks: readonly CalibratedBlock[],
  byInstrument: boolean,
): Pick<CalibratedBlock, 'split' | 'probabilities'>[] {
  return blocks.map(({ split }) => {
    const groupOf = (row: number): number => (byInstrument ? rows.instrument[row]! : 0);
    const counts = new Map<number, Float64Array>();
    for (const row of split.train) {
      const own = counts.get(groupOf(row)) ?? new Float64Array(CLASSES).fill(1);
      own[rows.evaluation[row]!]!++;
      counts.set(groupOf(row), own);
    }
    const probabilities = new Float64Array(split.test.length * CLASSES);
    split.test.forEach((row, i) => {
      const own = counts.get(groupOf(row)) ?? new Float64Array(CLASSES).fill(1);
      const total = own.reduce((sum, count) => sum + count, 0);
      own.forEach((count, k) => (probabilities[i * CLASSES + k] = count / total));
    });
    return { split, probabilities };
  });
}

/** Mean log loss of one model minus another's, with its 90 % interval by a stationary bootstrap of days. */
export interface LossDifference {
  readonly mean: number;
  readonly lower_5: number | null;
  readonly upper_95: number | null;
}

/** Below 0 if `a` is better. Both must have the same rows. */
export function lossDifference(
  rows: InstrumentRows,
  a: EvaluatedAnswers,
  b: EvaluatedAnswers,
  seed: string,
): LossDifference {
  const day = (i: number): number => Math.floor(rows.time[a.rows[i]!]! / SECONDS_PER_DAY);
  let first = Infinity;
  let last = -Infinity;
  for (let i = 0; i < a.rows.length; i++) {
    first = Math.min(first, day(i));
    last = Math.max(last, day(i));
  }
  const sum = new Float64Array(last - first + 1);
  const count = new Float64Array(last - first + 1);
  const lossOf = ({ probabilities, labels }: EvaluatedAnswers, i: number): number =>
    -ln(Math.max(probabilities[i * CLASSES + labels[i]!]!, 1e-15));
  for (let i = 0; i < a.rows.length; i++) {
    sum[day(i) - first]! += lossOf(a, i) - lossOf(b, i);
    count[day(i) - first]!++;
  }
  const means = resampledMeans({ sum, count }, seed, 500);
  const mean = sum.reduce((total, own) => total + own, 0) / a.rows.length;
  return { mean, lower_5: quantileOf(means, 0.05), upper_95: quantileOf(means, 0.95) };
}
