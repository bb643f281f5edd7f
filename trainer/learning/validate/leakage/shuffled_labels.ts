import { createRng } from '../../../../shared/rng.ts';
import type { GateResult } from '../../../../shared/bundle/gates/gate_result.ts';
import { testedScores, validateSplits, type Scorer } from '../../learners/cross_validation.ts';
import { meanTestOf, type MeanTest } from '../../statistics/mean_test.ts';
import { rowUniqueness } from '../../dataset/noise.ts';
import { sumsOf } from '../quality_gate.ts';
import { aucShares } from '../../measures/ranking.ts';
import { isHard, pick, positions, type Fit, type ValidationRows } from '../../dataset/rows.ts';
import type { Split } from '../../splits/splits.ts';
import type { TimedRows } from '../../statistics/time_blocks.ts';

/** Length of a block of shuffled labels, in labels that share no bar. */
const LABELS_PER_BLOCK = 5;

/** Out-of-fold answers of models of shuffled labels. */
export interface ShuffledAnswers extends TimedRows {
  readonly scores: Float64Array;
  readonly labels: Float64Array;
  readonly uniqueness: Float64Array;
}

export interface ShuffleOptions {
  readonly seed: string;
  /** Share of shuffles without a leak that are beyond the error of the AUC, on either side. */
  readonly level: number;
  /**
   * The gate that must refuse models trained on shuffled labels; null runs none.
   */
  readonly gate: ((shuffled: ShuffledAnswers) => readonly GateResult[]) | null;
}

/**
 * The same learner and splits on shuffled labels: out-of-fold skill is then look-ahead leakage. The labels are shuffled
 * in blocks of consecutive rows of a pair, over all pairs, which keeps the share of each value and, within a block, the
 * similarity of neighbors that leakage through neighbors requires.
 *
 * The AUC is the mean of the splits' own, rows weighted by the uniqueness of their label (López de Prado 2018, ch. 4),
 * its error that of `meanTest` over periods of the length of a label: shuffled labels keep the dependence within a
 * block, and scores theirs, so that rows which share no bar are not independent yet. Soft labels and values are
 * positive above their median, or at it where none is above.
 * @returns `shuffled labels`, and with a gate `shuffled labels refused`
 */
export async function checkShuffledLabels<Rows extends ValidationRows, Model>(
  rows: Rows,
  splits: readonly Split[],
  fit: Fit<Rows, Model>,
  answer: Scorer<Model>,
  options: ShuffleOptions,
): Promise<GateResult[]> {
  const uniqueness = rowUniqueness(rows);
  const independent = uniqueness.reduce((sum, share) => sum + share, 0);
  const blockRows = Math.max(1, Math.round((LABELS_PER_BLOCK * rows.y.length) / independent));
  const shuffled: Rows = { ...rows, y: shuffleInBlocks(rows, blockRows, options.seed) };
  const positive = positiveLabels(shuffled.y);
  const folds = await validateSplits(shuffled, splits, fit, answer);

  const sums: number[] = [];
  let found = 0;
  let total = 0;
  for (const { test } of folds) for (const row of test) total += uniqueness[row]!;
  for (const { test, scores } of folds) {
    const weights = pick(uniqueness, test);
    const shares = aucShares(scores, pick(positive, test), weights);
    if (shares === null) continue;
    const part = weights.reduce((sum, weight) => sum + weight, 0) / total;
    const timed = { time: pick(rows.time, test), labelEnd: pick(rows.labelEnd, test) };
    for (const sum of sumsOf(shares, timed).sum as Float64Array) {
      sums.push(part * sum);
      found += part * sum;
    }
  }
  const test = meanTestOf(sums);
  const error = test === null ? 0.5 : marginOf(test, options.level / 2) * sums.length;
  const noise: GateResult = {
    code: 'shuffled_labels',
    role: null,
    passed: test !== null && Math.abs(found) <= error,
    value: test === null ? null : 0.5 + found,
    relation: found < 0 ? '>=' : '<=',
    limit: found < 0 ? 0.5 - error : 0.5 + error,
    unit: 'score',
    evidence: {
      error,
      block_rows: blockRows,
      independent_rows: Math.round(independent),
      rows: rows.y.length,
    },
  };
  if (options.gate === null) return [noise];
  const { scores, split } = testedScores(folds, rows.y.length);
  const tested = positions(rows.y.length, (row) => split[row]! >= 0);
  const verdicts = options.gate({
    scores: pick(scores, tested),
    labels: pick(shuffled.y, tested),
    uniqueness: pick(uniqueness, tested),
    time: pick(rows.time, tested),
    labelEnd: pick(rows.labelEnd, tested),
  });
  const refused_by = verdicts.filter(({ passed }) => !passed).map(({ code }) => code);
  return [
    noise,
    {
      code: 'shuffled_labels_refused',
      role: null,
      passed: refused_by.length > 0,
      value: refused_by.length,
      relation: '>=',
      limit: 1,
      unit: 'count',
      evidence: { refused_by },
    },
  ];
}

/** Distance of a mean from 0 within which chance stays but for `level` on its side. */
function marginOf(test: MeanTest, level: number): number {
  return test.mean > 0 ? test.mean - test.lowerBound(level) : test.upperBound(level) - test.mean;
}

/**
 * `checkShuffledLabels`, and again with another shuffle where it fails: a leak fails both, chance rarely does. A test
 * fails if it does in both.
 */
export async function checkShuffledTwice<Rows extends ValidationRows, Model>(
  rows: Rows,
  splits: readonly Split[],
  fit: Fit<Rows, Model>,
  answer: Scorer<Model>,
  options: ShuffleOptions,
): Promise<GateResult[]> {
  const first = await checkShuffledLabels(rows, splits, fit, answer, options);
  if (first.every(({ passed }) => passed)) return first;
  const again = await checkShuffledLabels(rows, splits, fit, answer, { ...options, seed: `${options.seed}/again` });
  return first.map((result, i) => (result.passed ? result : again[i]!));
}

/**
 * The labels in another order: each pair's, in time order, cut into blocks of `blockRows`, the blocks of all pairs
 * shuffled and concatenated over the same rows. Deterministic by seed. [rows]
 */
export function shuffleInBlocks(
  { y, time, pair }: Pick<ValidationRows, 'y' | 'time' | 'pair'>,
  blockRows: number,
  seed: string,
): Float64Array {
  const order = Int32Array.from(y.keys()).sort((a, b) => pair[a]! - pair[b]! || time[a]! - time[b]! || a - b);
  const blocks: Int32Array[] = [];
  for (let from = 0; from < order.length;) {
    const of = pair[order[from]!]!;
    let to = from + 1;
    while (to < order.length && to - from < blockRows && pair[order[to]!] === of) to++;
    blocks.push(order.subarray(from, to));
    from = to;
  }
  const rng = createRng(seed);
  for (let i = blocks.length - 1; i > 0; i--) {
    const other = rng.integer(i + 1);
    [blocks[i], blocks[other]] = [blocks[other]!, blocks[i]!];
  }
  const shuffled = new Float64Array(y.length);
  let next = 0;
  for (const block of blocks) for (const row of block) shuffled[order[next++]!] = y[row]!;
  return shuffled;
}

/**
 * 1 for labels of 1; when some are neither 0 nor 1, above the median, or at it where it is the highest value: most
 * labels of a calm pair are at their cap.
 */
function positiveLabels(y: Float64Array): Float64Array {
  if (isHard(y)) return y;
  const median = y.slice().sort()[Math.floor((y.length - 1) / 2)]!;
  const isCapped = y.every((label) => label <= median);
  return y.map((label) => ((isCapped ? label === median : label > median) ? 1 : 0));
}
