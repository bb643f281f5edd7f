import { ln, softmax } from '../../../../shared/elementary.ts';
import { newtonMinimum, type Slope } from '../../statistics/newton.ts';
import { noWeight } from '../contract/learner.ts';
import { RIDGE } from '../linear/standardization.ts';

/** That of the squared intercepts: a common shift of them has no effect, and a class without rows has no best one. */
const INTERCEPT_RIDGE = 1e-6;

export interface ClassValues {
  readonly classes: number;
  /** What each member says of each class, one array [rows × classes] by row per member. */
  readonly values: readonly Float64Array[];
  /** 0 … classes − 1, [rows]. */
  readonly labels: ArrayLike<number>;
  /** ≥ 0, [rows]. */
  readonly weights: ArrayLike<number>;
}

export interface ConditionalLogit {
  /** One per member. */
  readonly weights: Float64Array;
  /** One per class. */
  readonly intercept: readonly number[];
}

/**
 * Ridge conditional logit (McFadden 1974): the margin of a class is the weighted sum of what the members say of it,
 * with the same weights for every class, plus an intercept of the class. Two classes are a logistic regression on the
 * difference. Newton's method from zero, halving steps that go too far: the same rows give the same bits.
 * @throws MinutehandError DATA_TOO_SHORT without a row of weight
 */
export function fitConditionalLogit(rows: ClassValues): ConditionalLogit {
  const { classes, values } = rows;
  const members = values.length;
  const { centers, inverse } = scalingOf(rows);
  const standardized = values.map((own, i) =>
    own.map((value, at) => (value - centers[i]![at % classes]!) * inverse[i]!),
  );
  const problem = { ...rows, values: standardized };
  const parameters = newtonMinimum((own) => slopeAt(problem, own), members + classes);
  const weights = parameters.slice(0, members).map((own, i) => own * inverse[i]!);
  return {
    weights,
    intercept: Array.from({ length: classes }, (_, k) =>
      weights.reduce((sum, weight, i) => sum - weight * centers[i]![k]!, parameters[members + k]!),
    ),
  };
}

interface Scaling {
  /** Weighted mean of what each member says of each class. */
  readonly centers: readonly Float64Array[];
  /** Of the standard deviation around these, over all classes; 0 for a member that says always the same. */
  readonly inverse: readonly number[];
}

function scalingOf({ classes, values, weights }: ClassValues): Scaling {
  const total = Array.from(weights).reduce((sum, own) => sum + own, 0);
  if (!(total > 0)) throw noWeight();
  const centers = values.map((own) => {
    const center = new Float64Array(classes);
    own.forEach((value, at) => (center[at % classes]! += weights[Math.floor(at / classes)]! * value));
    return center.map((sum) => sum / total);
  });
  const inverse = values.map((own, i) => {
    const squares = own.reduce(
      (sum, value, at) => sum + weights[Math.floor(at / classes)]! * (value - centers[i]![at % classes]!) ** 2,
      0,
    );
    const deviation = Math.sqrt(squares / (total * classes));
    // A constant differs from its mean by rounding.
    return deviation > 1e-9 ? 1 / deviation : 0;
  });
  return { centers, inverse };
}

/** Of the penalized mean log loss. @param parameters coefficients of the members, then intercepts of the classes */
function slopeAt({ classes, values, labels, weights }: ClassValues, parameters: Float64Array): Slope {
  const members = values.length;
  const size = parameters.length;
  const gradient = new Float64Array(size);
  const hessian = Array.from({ length: size }, () => new Float64Array(size));
  const p = new Float64Array(classes);
  // Derivatives of the margin of each class by the parameters.
  const by = Array.from({ length: classes }, (_, k) => {
    const own = new Float64Array(size);
    own[members + k] = 1;
    return own;
  });
  const mean = new Float64Array(size);
  let loss = 0;
  let total = 0;
  for (let row = 0; row < labels.length; row++) {
    const weight = weights[row]!;
    if (!(weight > 0)) continue;
    const label = labels[row]!;
    for (let k = 0; k < classes; k++) {
      const own = by[k]!;
      let margin = parameters[members + k]!;
      for (let i = 0; i < members; i++) {
        own[i] = values[i]![row * classes + k]!;
        margin += parameters[i]! * own[i]!;
      }
      p[k] = margin;
    }
    softmax(p);
    loss -= weight * ln(Math.max(p[label]!, Number.MIN_VALUE));
    total += weight;
    mean.fill(0);
    for (let k = 0; k < classes; k++) for (let i = 0; i < size; i++) mean[i]! += p[k]! * by[k]![i]!;
    for (let i = 0; i < size; i++) gradient[i]! += weight * (mean[i]! - by[label]![i]!);
    for (let i = 0; i < size; i++)
      for (let j = 0; j < size; j++) {
        let square = -mean[i]! * mean[j]!;
        for (let k = 0; k < classes; k++) square += p[k]! * by[k]![i]! * by[k]![j]!;
        hessian[i]![j]! += weight * square;
      }
  }
  let penalty = 0;
  for (let i = 0; i < size; i++) {
    const ridge = i < members ? RIDGE : INTERCEPT_RIDGE;
    penalty += (ridge / 2) * parameters[i]! ** 2;
    gradient[i] = gradient[i]! / total + ridge * parameters[i]!;
    for (let j = 0; j < size; j++) hessian[i]![j]! /= total;
    hessian[i]![i]! += ridge;
  }
  return { loss: loss / total + penalty, gradient, hessian };
}
