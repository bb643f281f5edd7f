import { exp, ln, softmax } from '../../../../shared/elementary.ts';
import { newtonMinimum, type Slope } from '../../statistics/newton.ts';
import { weightByClass } from '../contract/class_labels.ts';
import type { FitRows } from '../contract/fit_rows.ts';
import { noWeight } from '../contract/learner.ts';
import { LEAST } from '../contract/rescaled.ts';
import type { MultinomialModel } from './multinomial_model.ts';
import { dot, RIDGE, scalingOf, standardize, type Scaling } from './standardization.ts';

export interface MultinomialFit {
  readonly rows: Pick<FitRows, 'x' | 'y' | 'weights'>;
  /** Rows to learn from. */
  readonly subset: Int32Array;
  readonly columns: readonly number[];
  readonly classes: number;
  /** @param step number of those done */
  onStep?(step: number): void;
}

/**
 * Ridge multinomial logistic regression: Newton's method from zero, halving steps that go too far, so that the same
 * rows give the same bits.
 *
 * All classes have coefficients (the symmetric form of Friedman, Hastie & Tibshirani 2010, section 4.1) and none is the
 * reference of the others: the penalty then treats them alike, and whichever class is called 0 the model is the same.
 * At the minimum the coefficients of a column sum to 0, and those of the intercepts may, so that what is found are the
 * coefficients of differences between the classes, one fewer than these.
 *
 * A class without a row of weight has no maximum-likelihood intercept: its probability is at most 2^-20 anywhere, and
 * its coefficients are 0. Where all rows are of one class, the rest of the probability is that class's.
 * @throws MinutehandError DATA_TOO_SHORT without a row of weight; RangeError for a target that is no class
 */
export function fitMultinomial({ rows, subset, columns, classes, onStep }: MultinomialFit): MultinomialModel {
  const weightOf = weightByClass(rows, subset, classes);
  if (!(weightOf.reduce((sum, own) => sum + own, 0) > 0)) throw noWeight();
  const present = [...weightOf.keys()].filter((k) => weightOf[k]! > 0);
  const scaling = scalingOf(rows, subset, columns);
  const learned = new SoftmaxFit(rows, subset, { columns, scaling, present }).minimum(onStep);
  const absent = new Float64Array(columns.length + 1);
  absent[columns.length] = ln(LEAST);
  const coefficients = Array.from(weightOf, (_, k) => learned[present.indexOf(k)] ?? absent);
  return { width: rows.x.columns, columns, scaling, coefficients };
}

interface SoftmaxShape {
  readonly columns: readonly number[];
  readonly scaling: Scaling;
  /** Classes that have rows. */
  readonly present: readonly number[];
}

/** Rows whose products are summed together, so that they stay in the first-level cache. */
const ROWS_PER_BLOCK = 128;

/**
 * Differences between classes, orthonormal and each of sum 0 (Helmert's contrasts), [contrasts][classes]: coefficients
 * of sum 0 are in proportion to them, and as long as theirs.
 */
function contrastsOf(classes: number): number[][] {
  return Array.from({ length: classes - 1 }, (_, contrast) => {
    const before = contrast + 1;
    const length = Math.sqrt(before * (before + 1));
    return Array.from({ length: classes }, (__, k) => (k < before ? 1 / length : k === before ? -before / length : 0));
  });
}

/** The penalized mean log loss of the classes that have rows, by the coefficients of their contrasts. */
class SoftmaxFit {
  readonly #rows: Pick<FitRows, 'x' | 'y' | 'weights'>;
  readonly #subset: Int32Array;
  readonly #shape: SoftmaxShape;
  /** Of each contrast: its coefficients and the intercept. */
  readonly #size: number;
  readonly #contrasts: readonly (readonly number[])[];
  /** Number of a class among those that have rows. */
  readonly #place: ReadonlyMap<number, number>;

  constructor(rows: Pick<FitRows, 'x' | 'y' | 'weights'>, subset: Int32Array, shape: SoftmaxShape) {
    this.#rows = rows;
    this.#subset = subset;
    this.#shape = shape;
    this.#size = shape.columns.length + 1;
    this.#contrasts = contrastsOf(shape.present.length);
    this.#place = new Map(shape.present.map((label, k) => [label, k]));
  }

  /** Coefficients and intercept of each class that has rows. */
  minimum(onStep?: (step: number) => void): Float64Array[] {
    const size = this.#contrasts.length * this.#size;
    return this.#ofClasses(newtonMinimum((all) => this.#slopeAt(all), size, onStep));
  }

  #ofClasses(all: Float64Array): Float64Array[] {
    return this.#shape.present.map((_, k) => {
      const own = new Float64Array(this.#size);
      this.#contrasts.forEach((contrast, a) => {
        for (let i = 0; i < this.#size; i++) own[i]! += contrast[k]! * all[a * this.#size + i]!;
      });
      return own;
    });
  }

  #slopeAt(all: Float64Array): Slope {
    const { x, y, weights } = this.#rows;
    const { columns, scaling } = this.#shape;
    const size = this.#size;
    const contrasts = this.#contrasts;
    const of = this.#ofClasses(all);
    const gradient = new Float64Array(all.length);
    const products = new WeightedProducts(size, (contrasts.length * (contrasts.length + 1)) / 2);
    const z = new Float64Array(size);
    const p = new Float64Array(of.length);
    let loss = 0;
    let total = 0;
    for (const row of this.#subset) {
      const weight = weights[row]!;
      if (!(weight > 0)) continue;
      standardize(x, row, columns, scaling, z);
      of.forEach((own, k) => (p[k] = dot(own, z)));
      const label = this.#place.get(y[row]!)!;
      loss += weight * logLoss(p, label);
      total += weight;
      softmax(p);
      const means = contrasts.map((contrast) => contrast.reduce((sum, own, k) => sum + own * p[k]!, 0));
      const at = products.add(z);
      let pair = 0;
      contrasts.forEach((contrast, a) => {
        const residual = weight * (means[a]! - contrast[label]!);
        for (let i = 0; i < size; i++) gradient[a * size + i]! += residual * z[i]!;
        for (let b = 0; b <= a; b++, pair++) {
          const square = contrast.reduce((sum, own, k) => sum + own * contrasts[b]![k]! * p[k]!, 0);
          products.weigh(at, pair, weight * (square - means[a]! * means[b]!));
        }
      });
    }
    let squares = 0;
    all.forEach((own, i) => {
      if (i % size !== size - 1) squares += own ** 2;
    });
    return {
      loss: loss / total + (RIDGE / 2) * squares,
      gradient: gradient.map((own, i) => own / total + (i % size === size - 1 ? 0 : RIDGE * all[i]!)),
      hessian: this.#hessianOf(products.sums(), total),
    };
  }

  /** @param sums of each pair of contrasts, the lower half of [size × size] */
  #hessianOf(sums: readonly Float64Array[], total: number): Float64Array[] {
    const size = this.#size;
    const count = this.#contrasts.length;
    const hessian = Array.from({ length: count * size }, () => new Float64Array(count * size));
    let pair = 0;
    for (let a = 0; a < count; a++)
      for (let b = 0; b <= a; b++, pair++)
        for (let i = 0; i < size; i++)
          for (let j = 0; j <= i; j++) {
            const value = sums[pair]![i * size + j]! / total;
            hessian[a * size + i]![b * size + j] = value;
            hessian[a * size + j]![b * size + i] = value;
            hessian[b * size + j]![a * size + i] = value;
            hessian[b * size + i]![a * size + j] = value;
          }
    for (let i = 0; i < hessian.length; i++) if (i % size !== size - 1) hessian[i]![i]! += RIDGE;
    return hessian;
  }
}

/**
 * Sums over rows of weight · z_i · z_j, for several weights of each row: rows are taken by the block, in their order,
 * as columns that are multiplied with each other.
 */
class WeightedProducts {
  readonly #size: number;
  /** [size × rows of the block]. */
  readonly #columns: Float64Array;
  /** Of each kind of weight: [rows of the block]. */
  readonly #weights: readonly Float64Array[];
  /** Of each kind of weight: the lower half of [size × size]. */
  readonly #sums: readonly Float64Array[];
  #rows = 0;

  /** @param kinds number of weights of a row */
  constructor(size: number, kinds: number) {
    this.#size = size;
    this.#columns = new Float64Array(size * ROWS_PER_BLOCK);
    this.#weights = Array.from({ length: kinds }, () => new Float64Array(ROWS_PER_BLOCK));
    this.#sums = Array.from({ length: kinds }, () => new Float64Array(size * size));
  }

  /** @returns where its weights belong */
  add(z: Float64Array): number {
    if (this.#rows === ROWS_PER_BLOCK) this.#finishBlock();
    const at = this.#rows++;
    for (let i = 0; i < this.#size; i++) this.#columns[i * ROWS_PER_BLOCK + at] = z[i]!;
    return at;
  }

  weigh(at: number, kind: number, weight: number): void {
    this.#weights[kind]![at] = weight;
  }

  sums(): readonly Float64Array[] {
    this.#finishBlock();
    return this.#sums;
  }

  #finishBlock(): void {
    const columns = this.#columns;
    const rows = this.#rows;
    const weighted = new Float64Array(ROWS_PER_BLOCK);
    this.#weights.forEach((weights, kind) => {
      const sums = this.#sums[kind]!;
      for (let i = 0; i < this.#size; i++) {
        for (let row = 0; row < rows; row++) weighted[row] = weights[row]! * columns[i * ROWS_PER_BLOCK + row]!;
        for (let j = 0; j <= i; j++) sums[i * this.#size + j]! += dotAt(weighted, columns, j * ROWS_PER_BLOCK, rows);
      }
    });
    this.#rows = 0;
  }
}

/** The product of the first numbers of one vector and those from an offset on of another. */
function dotAt(a: Float64Array, b: Float64Array, offset: number, count: number): number {
  // Four sums, which do not wait for each other.
  let first = 0;
  let second = 0;
  let third = 0;
  let fourth = 0;
  let i = 0;
  for (; i + 3 < count; i += 4) {
    first += a[i]! * b[offset + i]!;
    second += a[i + 1]! * b[offset + i + 1]!;
    third += a[i + 2]! * b[offset + i + 2]!;
    fourth += a[i + 3]! * b[offset + i + 3]!;
  }
  for (; i < count; i++) first += a[i]! * b[offset + i]!;
  return first + second + (third + fourth);
}

/** ln of the sum of exp, without overflow, less the logit of the label. */
function logLoss(logits: Float64Array, label: number): number {
  let greatest = -Infinity;
  for (const logit of logits) greatest = Math.max(greatest, logit);
  let sum = 0;
  for (const logit of logits) sum += exp(logit - greatest);
  return ln(sum) + greatest - logits[label]!;
}
