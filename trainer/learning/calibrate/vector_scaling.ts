import { ln, softmaxRows } from '../../../shared/elementary.ts';
import type { TreeModel } from '../../../shared/bundle/onnx/tree_ensemble.ts';
import { solve } from '../statistics/linear_solve.ts';

/** Slope and intercept of the logit of each class; the softmax of the scaled logits is calibrated. [classes] each. */
export interface VectorScaling {
  /** ≥ 0; all 0 = a constant prediction of the base rates. */
  readonly slope: readonly number[];
  readonly intercept: readonly number[];
  /** Fitted slopes: one per class, one for all, or none if higher logits were not more often right. */
  readonly kind: 'per_class' | 'shared' | 'constant';
}

/** Rows that the model was not trained on. */
export interface ScoredRows {
  readonly classes: number;
  /** Raw scores, one array [rows] per class. */
  readonly logits: readonly ArrayLike<number>[];
  /** 0 … classes − 1, [rows]. */
  readonly labels: ArrayLike<number>;
  /** Number of the slope and the intercept of each class: classes with the same one share both. Default: none does. */
  readonly groups?: readonly number[];
}

const MAX_STEPS = 60;
const RIDGE = 1e-9;
const SUFFICIENT = 1e-4;

/**
 * Calibration per class with normalization (vector scaling: Guo et al. 2017): maximum-likelihood slopes and intercepts
 * by Newton's method with backtracking. The intercepts make mean probabilities equal the base rates of these rows,
 * independent of weights or sampling in training.
 * @throws RangeError without rows, or if a class has none
 */
export function fitVectorScaling(rows: ScoredRows): VectorScaling {
  const { classes, labels } = rows;
  const counts = new Array<number>(classes).fill(0);
  for (let row = 0; row < labels.length; row++) counts[labels[row]!]!++;
  const empty = counts.findIndex((count) => count === 0);
  if (empty >= 0) throw new RangeError(`no row of class ${empty} among ${labels.length} to calibrate on`);
  const groups = rows.groups ?? counts.map((_, k) => k);
  const perClass = fit(rows, groups, groups);
  if (perClass.slope.every((slope) => slope > 0)) return { ...perClass, kind: 'per_class' };
  const oneSlope = counts.map(() => 0);
  const shared = fit(rows, oneSlope, groups);
  if (shared.slope[0]! > 0) return { ...shared, kind: 'shared' };
  const rates = groups.map((group) => {
    const own = counts.filter((_, k) => groups[k] === group);
    return ln(own.reduce((sum, count) => sum + count, 0) / own.length / labels.length);
  });
  return { slope: counts.map(() => 0), intercept: rates, kind: 'constant' };
}

/** Probabilities of every row, [rows × classes]. */
export function scaledProbabilities(
  logits: readonly ArrayLike<number>[],
  { slope, intercept }: Pick<VectorScaling, 'slope' | 'intercept'>,
): Float64Array {
  const classes = logits.length;
  const rows = logits[0]!.length;
  const answers = new Float64Array(rows * classes);
  for (let row = 0; row < rows; row++)
    for (let k = 0; k < classes; k++) answers[row * classes + k] = slope[k]! * logits[k]![row]! + intercept[k]!;
  return softmaxRows(answers, classes);
}

/** The calibrated model: leaves and base scores are scaled, so that it remains a sum of trees. */
export function vectorScaled(model: TreeModel, { slope, intercept }: VectorScaling): TreeModel {
  if (model.link !== 'softmax' || model.ensembles.length !== slope.length)
    throw new RangeError(`${model.ensembles.length} × ${model.link}, expected ${slope.length} × softmax`);
  return {
    link: 'softmax',
    ensembles: model.ensembles.map((own, k) => ({
      columns: own.columns,
      baseScore: Math.fround(slope[k]! * own.baseScore + intercept[k]!),
      trees: own.trees.map((tree) => ({ ...tree, value: tree.value.map((value) => slope[k]! * value) })),
    })),
  };
}

type Fitted = Pick<VectorScaling, 'slope' | 'intercept'>;

/** Positions of each class's slope and intercept among the fitted parameters. [classes] each. */
interface Parameters {
  readonly slopeOf: readonly number[];
  readonly interceptOf: readonly number[];
}

/** @param slopeOf number of the slope of each class. @param interceptOf number of its intercept */
function fit(rows: ScoredRows, slopeOf: readonly number[], interceptOf: readonly number[]): Fitted {
  const slopes = 1 + Math.max(...slopeOf);
  const parts: Parameters = { slopeOf, interceptOf: interceptOf.map((own) => slopes + own) };
  const size = 1 + Math.max(...parts.interceptOf);
  let parameters = new Float64Array(size).fill(1, 0, slopes);
  const unpack = (from: Float64Array): Fitted => ({
    slope: parts.slopeOf.map((own) => from[own]!),
    intercept: parts.interceptOf.map((own) => from[own]!),
  });
  let loss = meanLoss(rows, unpack(parameters));
  for (let step = 0; step < MAX_STEPS; step++) {
    const { gradient, hessian } = derivatives(rows, unpack(parameters), parts, size);
    if (gradient.every((own) => Math.abs(own) < 1e-9)) break;
    const toward = solve(hessian, gradient);
    const promised = toward.reduce((sum, own, i) => sum - own * gradient[i]!, 0);
    let share = 1;
    for (; share >= 1e-8; share /= 2) {
      const next = parameters.map((own, i) => own - share * toward[i]!);
      const nextLoss = meanLoss(rows, unpack(next));
      if (nextLoss < loss + SUFFICIENT * share * promised) {
        parameters = next;
        loss = nextLoss;
        break;
      }
    }
    if (share < 1e-8) break;
  }
  return unpack(parameters);
}

function meanLoss({ logits, labels, classes }: ScoredRows, scaling: Fitted): number {
  const probabilities = scaledProbabilities(logits, scaling);
  let sum = 0;
  for (let row = 0; row < labels.length; row++)
    sum -= ln(Math.max(probabilities[row * classes + labels[row]!]!, 1e-300));
  return sum / labels.length;
}

/** Mean first and second derivatives by the parameters: slopes, then intercepts. */
function derivatives(
  { logits, labels, classes }: ScoredRows,
  scaling: Fitted,
  { slopeOf, interceptOf }: Parameters,
  size: number,
): { gradient: Float64Array; hessian: Float64Array[] } {
  const gradient = new Float64Array(size);
  const hessian = Array.from({ length: size }, () => new Float64Array(size));
  const probabilities = scaledProbabilities(logits, scaling);
  // Derivative of logit k by parameter i: its raw score for the slope, 1 for the intercept.
  const by = Array.from({ length: classes }, () => new Float64Array(size));
  const mean = new Float64Array(size);
  const rows = labels.length;
  for (let row = 0; row < rows; row++) {
    mean.fill(0);
    for (let k = 0; k < classes; k++) {
      by[k]![slopeOf[k]!] = logits[k]![row]!;
      by[k]![interceptOf[k]!] = 1;
      const p = probabilities[row * classes + k]!;
      for (let i = 0; i < size; i++) mean[i]! += p * by[k]![i]!;
    }
    const own = by[labels[row]!]!;
    for (let i = 0; i < size; i++) {
      gradient[i]! += (mean[i]! - own[i]!) / rows;
      for (let j = 0; j < size; j++) hessian[i]![j]! -= (mean[i]! * mean[j]!) / rows;
    }
    for (let k = 0; k < classes; k++) {
      const p = probabilities[row * classes + k]! / rows;
      for (let i = 0; i < size; i++)
        if (by[k]![i] !== 0) for (let j = 0; j < size; j++) hessian[i]![j]! += p * by[k]![i]! * by[k]![j]!;
    }
  }
  // A common shift of intercepts has no effect: the ridge regularizes that direction.
  for (let i = 0; i < size; i++) hessian[i]![i]! += RIDGE;
  return { gradient, hessian };
}
