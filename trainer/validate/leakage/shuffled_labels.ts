import { createRng } from '../../../shared/rng.ts';
import type { GateResult } from '../../gate/criteria.ts';
import { testedScores, validateSplits, type Scorer } from '../cross_validation.ts';
import { auc } from '../metrics.ts';
import { aucStandardError, rowUniqueness } from '../noise.ts';
import { isHard, pick, positions, type Fit, type ValidationRows } from '../rows.ts';
import type { Split } from '../splits.ts';

/** Length of a block of shuffled labels, in labels that share no bar. */
const LABELS_PER_BLOCK = 5;

export interface ShuffleOptions {
  readonly seed: string;
  /** Maximum distance of the AUC from ½, in standard errors. */
  readonly standardErrors: number;
  /**
   * The gate that must refuse models trained on shuffled labels; null runs none. It also receives the uniqueness of the
   * labels.
   */
  readonly gate:
    | ((scores: Float64Array, labels: Float64Array, uniqueness: Float64Array) => readonly GateResult[])
    | null;
}

/**
 * The same learner and splits on shuffled labels: out-of-fold skill is then look-ahead leakage. The labels are shuffled
 * in blocks of consecutive rows of a pair, over all pairs, which keeps the share of each value and, within a block, the
 * similarity of neighbors that leakage through neighbors requires.
 *
 * The AUC is the mean of the splits' own, rows weighted by the uniqueness of their label; noise is the standard error
 * of Hanley & McNeil (1982) at ½ with the sums of that uniqueness (López de Prado 2018, ch. 4) for numbers of rows.
 * Soft labels and values are positive above their median, or at it where none is above.
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

  let weighted = 0;
  let precision = 0;
  for (const { test, scores } of folds) {
    const labels = pick(positive, test);
    const weights = pick(uniqueness, test);
    const own = auc(scores, labels, weights);
    const positives = weights.reduce((sum, weight, i) => sum + weight * labels[i]!, 0);
    const error = aucStandardError(0.5, positives, weights.reduce((sum, weight) => sum + weight, 0) - positives);
    if (own === null || !Number.isFinite(error)) continue;
    weighted += own / (error * error);
    precision += 1 / (error * error);
  }
  const found = precision > 0 ? weighted / precision : null;
  const error = precision > 0 ? 1 / Math.sqrt(precision) : Infinity;
  const noise: GateResult = {
    name: 'shuffled labels',
    passed: found !== null && Math.abs(found - 0.5) <= options.standardErrors * error,
    seen: `AUC ${found === null ? 'none' : found.toFixed(4)} out of fold, labels shuffled in blocks of ${blockRows} rows`,
    limit: `0.5 ± ${(options.standardErrors * error).toFixed(4)}, ${options.standardErrors} standard errors with ${Math.round(independent)} independent rows of ${rows.y.length}`,
  };
  if (options.gate === null) return [noise];
  const { scores, split } = testedScores(folds, rows.y.length);
  const tested = positions(rows.y.length, (row) => split[row]! >= 0);
  const verdicts = options.gate(pick(scores, tested), pick(shuffled.y, tested), pick(uniqueness, tested));
  const against = verdicts.filter(({ passed }) => !passed).map(({ name }) => name);
  return [
    noise,
    {
      name: 'shuffled labels refused',
      passed: against.length > 0,
      seen: against.length > 0 ? `refused by ${against.join(', ')}` : 'the gate let it in',
      limit: 'the gate refuses a model of shuffled labels',
    },
  ];
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
