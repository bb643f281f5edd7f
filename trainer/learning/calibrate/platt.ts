import type { MarginScaling } from '../learners/contract/fitted.ts';
import { ln, sigmoid } from '../../../shared/elementary.ts';
import { logLoss } from '../measures/metrics.ts';
import type { Fold } from '../splits/purged_kfold.ts';

/** The calibrated probability of a row with logit f is sigmoid(slope·f + intercept). */
export interface Platt {
  /** > 0, so that the order of rows is preserved. */
  readonly slope: number;
  readonly intercept: number;
}

const MAX_STEPS = 100;
/** Newton's method ends when the mean gradient per weight is below this. */
const FLAT = 1e-10;
const MIN_STEP = 1e-10;
/** Fraction of the predicted decrease that a step must achieve (Armijo). */
const SUFFICIENT = 1e-4;
/** Keeps the Hessian invertible when logits hardly differ: differences below about 1e-5 are not resolved. */
const RIDGE = 1e-12;

/**
 * Platt scaling (Platt 1999): maximum-likelihood slope and intercept by Newton's method with backtracking, with targets
 * kept away from 0 and 1 by one row on each side (Lin, Lin & Weng 2007).
 * @param logits [rows], of rows that the model was not trained on
 * @param labels in [0, 1], [rows]; soft labels count proportionally for both classes
 * @param weights ≥ 0, [rows]; null = 1 each
 * @returns null when there is nothing to calibrate: one class has no weight, all logits are equal, or rows with higher
 * logits are not more often positive
 * @throws RangeError when lengths differ, a logit is not finite, or labels or weights are out of range
 */
export function fitPlatt(
  logits: ArrayLike<number>,
  labels: ArrayLike<number>,
  weights: ArrayLike<number> | null,
): Platt | null {
  checkRows(logits, labels, weights);
  const rows = logits.length;
  let positives = 0;
  let negatives = 0;
  let isConstant = true;
  for (let row = 0; row < rows; row++) {
    if (logits[row] !== logits[0]) isConstant = false;
    const weight = weights === null ? 1 : weights[row]!;
    positives += weight * labels[row]!;
    negatives += weight * (1 - labels[row]!);
  }
  if (isConstant || !(positives > 0 && negatives > 0)) return null;
  const high = (positives + 1) / (positives + 2);
  const low = 1 / (negatives + 2);
  const targets = Float64Array.from({ length: rows }, (_, row) => labels[row]! * high + (1 - labels[row]!) * low);

  const total = positives + negatives;
  let slope = 0;
  let intercept = ln((positives + 1) / (negatives + 1));
  let loss = lossOf(logits, targets, weights, slope, intercept);
  for (let step = 0; step < MAX_STEPS; step++) {
    const { bySlope, byIntercept, curveSlope, curveBoth, curveIntercept } = slopesOf(
      logits,
      targets,
      weights,
      slope,
      intercept,
    );
    if (Math.max(Math.abs(bySlope), Math.abs(byIntercept)) < FLAT * total) break;
    const determinant = curveSlope * curveIntercept - curveBoth * curveBoth;
    const towardSlope = -(curveIntercept * bySlope - curveBoth * byIntercept) / determinant;
    const towardIntercept = -(curveSlope * byIntercept - curveBoth * bySlope) / determinant;
    const promised = bySlope * towardSlope + byIntercept * towardIntercept;
    let size = 1;
    for (; size >= MIN_STEP; size /= 2) {
      const next = lossOf(logits, targets, weights, slope + size * towardSlope, intercept + size * towardIntercept);
      if (next < loss + SUFFICIENT * size * promised) {
        slope += size * towardSlope;
        intercept += size * towardIntercept;
        loss = next;
        break;
      }
    }
    if (size < MIN_STEP) break;
  }
  return slope > 0 && Number.isFinite(slope) && Number.isFinite(intercept) ? { slope, intercept } : null;
}

/** Cross-entropy of the targets: Σ w·(ln(1 + e^z) − t·z), in a form that does not overflow. */
function lossOf(
  logits: ArrayLike<number>,
  targets: Float64Array,
  weights: ArrayLike<number> | null,
  slope: number,
  intercept: number,
): number {
  let sum = 0;
  for (let row = 0; row < targets.length; row++) {
    const z = slope * logits[row]! + intercept;
    const softplus = z > 0 ? z - ln(sigmoid(z)) : -ln(sigmoid(-z));
    sum += (weights === null ? 1 : weights[row]!) * (softplus - targets[row]! * z);
  }
  return sum;
}

/** First and second derivatives of the loss. */
function slopesOf(
  logits: ArrayLike<number>,
  targets: Float64Array,
  weights: ArrayLike<number> | null,
  slope: number,
  intercept: number,
) {
  let bySlope = 0;
  let byIntercept = 0;
  let curveSlope = RIDGE;
  let curveBoth = 0;
  let curveIntercept = RIDGE;
  for (let row = 0; row < targets.length; row++) {
    const f = logits[row]!;
    const weight = weights === null ? 1 : weights[row]!;
    const p = sigmoid(slope * f + intercept);
    const excess = weight * (p - targets[row]!);
    const curve = weight * p * (1 - p);
    bySlope += excess * f;
    byIntercept += excess;
    curveSlope += curve * f * f;
    curveBoth += curve * f;
    curveIntercept += curve;
  }
  return { bySlope, byIntercept, curveSlope, curveBoth, curveIntercept };
}

/** As `Fitted.withMargins` takes it. */
export function scalingOfPlatt({ slope, intercept }: Platt): MarginScaling {
  return { slope: [slope], intercept: [intercept] };
}

/** Rows scored by models that were not trained on them. */
export interface OutOfFold {
  /** [rows]; undefined values for rows that are in no test part. */
  readonly logits: ArrayLike<number>;
  /** In [0, 1], [rows]. */
  readonly labels: ArrayLike<number>;
  /** ≥ 0, [rows]; null = 1 each. */
  readonly weights: ArrayLike<number> | null;
  /** The folds of the logits; purging also applies to the calibration. */
  readonly folds: readonly Fold[];
}

export interface CalibrationVerdict {
  readonly helps: boolean;
  /** Mean log loss of the rows of all test parts, uncalibrated. */
  readonly before: number;
  /** The same after scaling fitted on each fold's training rows only; null if a fold had nothing to fit. */
  readonly after: number | null;
}

/**
 * Evaluates whether Platt scaling lowers the log loss of rows it was not fitted on: per fold, slope and intercept are
 * fitted on the out-of-fold logits of its training rows and evaluated on its test rows.
 * @throws RangeError as `fitPlatt`
 */
export function calibrationHelps({ logits, labels, weights, folds }: OutOfFold): CalibrationVerdict {
  const scored = new Uint8Array(logits.length);
  for (const { test } of folds) for (const row of test) scored[row] = 1;
  const evaluated = { before: [] as number[], after: [] as number[], labels: [] as number[], weights: [] as number[] };
  let isFitted = folds.length > 0;
  for (const { train, test } of folds) {
    const known = train.filter((row) => scored[row] === 1);
    const take = (values: ArrayLike<number>): Float64Array => Float64Array.from(known, (row) => values[row]!);
    const platt = fitPlatt(take(logits), take(labels), weights === null ? null : take(weights));
    if (platt === null) isFitted = false;
    for (const row of test) {
      evaluated.before.push(sigmoid(logits[row]!));
      evaluated.after.push(platt === null ? NaN : sigmoid(platt.slope * logits[row]! + platt.intercept));
      evaluated.labels.push(labels[row]!);
      evaluated.weights.push(weights === null ? 1 : weights[row]!);
    }
  }
  const before = logLoss(evaluated.before, evaluated.labels, evaluated.weights);
  const after = isFitted ? logLoss(evaluated.after, evaluated.labels, evaluated.weights) : null;
  return { helps: after !== null && after < before, before, after };
}

function checkRows(logits: ArrayLike<number>, labels: ArrayLike<number>, weights: ArrayLike<number> | null): void {
  const rows = logits.length;
  if (labels.length !== rows || (weights !== null && weights.length !== rows))
    throw new RangeError(`lengths differ: ${rows} logits, ${labels.length} labels, ${weights?.length ?? 'no'} weights`);
  for (let row = 0; row < rows; row++) {
    if (!Number.isFinite(logits[row])) throw new RangeError(`logit ${logits[row]} of row ${row}`);
    if (!(labels[row]! >= 0 && labels[row]! <= 1)) throw new RangeError(`label ${labels[row]} of row ${row}`);
    if (weights !== null && !(weights[row]! >= 0 && weights[row]! < Infinity))
      throw new RangeError(`weight ${weights[row]} of row ${row}`);
  }
}
