import { exp, ln, softmax } from '../../../../shared/elementary.ts';
import { encodeGraph, featuresInput, INPUT_NAME, OUTPUT_NAME } from '../../../../shared/bundle/onnx/onnx.ts';
import type { OnnxNode } from '../../../../shared/bundle/onnx/schema.ts';
import type { Matrix } from '../../../../shared/bundle/onnx/tree_ensemble.ts';
import { solve } from '../../statistics/linear_solve.ts';
import { classWeights } from '../contract/class_labels.ts';
import type { FitRows } from '../contract/fit_rows.ts';
import type { Fitted, GraphPlace, MarginScaling } from '../contract/fitted.ts';
import { ownPart } from '../contract/graph_part.ts';
import { noWeight } from '../contract/learner.ts';
import { checkedScaling, LEAST } from '../contract/rescaled.ts';
import { multinomialNodes } from './linear_graph.ts';
import { CLIP, dot, MAX_STEPS, RIDGE, scalingOf, standardize, TOLERANCE, type Scaling } from './standardization.ts';

/** A step is halved until the loss falls by this share of what its slope promises (Armijo's rule). */
const SUFFICIENT = 1e-4;
const SHORTEST_STEP = 1e-8;
/** Differences of the loss below this are its rounding. */
const ROUNDING = 1e-12;

/** A softmax of linear functions of standardized columns, one for each class. */
export interface MultinomialModel {
  /** Columns of the matrix. */
  readonly width: number;
  /** The columns that it uses. */
  readonly columns: readonly number[];
  readonly scaling: Scaling;
  /** [classes], each of the standardized columns, one for each of `columns`, and behind them the intercept. */
  readonly coefficients: readonly Float64Array[];
}

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
 * The penalty makes the coefficients of a column sum to 0; the intercepts, which have none, are made to.
 *
 * A class without a row of weight has no maximum-likelihood intercept: its probability is at most 2^-20 anywhere, and
 * nothing else is learned of it. Rows of one class alone give that class all the rest.
 * @throws MinutehandError DATA_TOO_SHORT without a row of weight; RangeError for a target that is no class
 */
export function fitMultinomial({ rows, subset, columns, classes, onStep }: MultinomialFit): MultinomialModel {
  const weightOf = classWeights(rows, subset, classes);
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

interface Slope {
  readonly loss: number;
  /** [present classes × (columns + 1)]. */
  readonly gradient: Float64Array;
  readonly hessian: Float64Array[];
}

/** The penalized mean log loss of the classes that have rows. */
class SoftmaxFit {
  readonly #rows: Pick<FitRows, 'x' | 'y' | 'weights'>;
  readonly #subset: Int32Array;
  readonly #shape: SoftmaxShape;
  /** Of each class: its coefficients and the intercept. */
  readonly #size: number;
  readonly #place: ReadonlyMap<number, number>;

  constructor(rows: Pick<FitRows, 'x' | 'y' | 'weights'>, subset: Int32Array, shape: SoftmaxShape) {
    this.#rows = rows;
    this.#subset = subset;
    this.#shape = shape;
    this.#size = shape.columns.length + 1;
    this.#place = new Map(shape.present.map((label, k) => [label, k]));
  }

  /** Coefficients and intercept of each class that has rows. */
  minimum(onStep: (step: number) => void = () => undefined): Float64Array[] {
    const classes = this.#shape.present.length;
    let all: Float64Array = new Float64Array(classes * this.#size);
    let at = classes === 1 ? null : this.#slopeAt(all);
    for (let step = 0; step < MAX_STEPS && at !== null; step++) {
      onStep(step);
      const toward = solve(at.hessian, at.gradient);
      const promised = dot(toward, at.gradient);
      let share = 1;
      let next: Slope | null = null;
      for (; next === null && share >= SHORTEST_STEP; share /= 2) {
        const moved = all.map((own, i) => own - share * toward[i]!);
        const there = this.#slopeAt(moved);
        if (!(there.loss <= at.loss - SUFFICIENT * share * promised + ROUNDING)) continue;
        all = moved;
        next = there;
      }
      const isDone = toward.every((own) => Math.abs(own) < TOLERANCE);
      at = isDone ? null : next;
    }
    return this.#shape.present.map((_, k) => all.slice(k * this.#size, (k + 1) * this.#size));
  }

  #slopeAt(all: Float64Array): Slope {
    const { x, y, weights } = this.#rows;
    const { columns, scaling, present } = this.#shape;
    const size = this.#size;
    const classes = present.length;
    const gradient = new Float64Array(all.length);
    const hessian = Array.from(all, () => new Float64Array(all.length));
    const z = new Float64Array(size);
    const p = new Float64Array(classes);
    const of = present.map((_, k) => all.subarray(k * size, (k + 1) * size));
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
      for (let k = 0; k < classes; k++) {
        const residual = weight * (p[k]! - (k === label ? 1 : 0));
        for (let i = 0; i < size; i++) gradient[k * size + i]! += residual * z[i]!;
        for (let l = 0; l <= k; l++) {
          const curvature = weight * p[k]! * ((k === l ? 1 : 0) - p[l]!);
          this.#addSquare(hessian, { k, l, curvature }, z);
        }
      }
    }
    for (let k = 0; k < classes; k++)
      for (let l = 0; l <= k; l++) for (let i = 0; i < size; i++) this.#mirror(hessian, { k, l, i });
    this.#addPenalty({ gradient, hessian }, all, total);
    let squares = 0;
    for (const own of of) for (let i = 0; i < size - 1; i++) squares += own[i]! ** 2;
    return {
      loss: loss / total + (RIDGE / 2) * squares,
      gradient: gradient.map((own) => own / total),
      hessian: hessian.map((own) => own.map((value) => value / total)),
    };
  }

  /** Adds the lower half of a block of two classes. */
  #addSquare(
    hessian: readonly Float64Array[],
    { k, l, curvature }: { readonly k: number; readonly l: number; readonly curvature: number },
    z: Float64Array,
  ): void {
    const size = this.#size;
    const first = l * size;
    for (let i = 0; i < size; i++) {
      const scaled = curvature * z[i]!;
      const ofRow = hessian[k * size + i]!;
      for (let j = 0; j <= i; j++) ofRow[first + j]! += scaled * z[j]!;
    }
  }

  /** The other half of a row of a block, and the block on the other side of the diagonal: both are symmetric. */
  #mirror(
    hessian: readonly Float64Array[],
    { k, l, i }: { readonly k: number; readonly l: number; readonly i: number },
  ): void {
    const size = this.#size;
    for (let j = 0; j <= i; j++) {
      const value = hessian[k * size + i]![l * size + j]!;
      hessian[k * size + j]![l * size + i] = value;
      hessian[l * size + j]![k * size + i] = value;
      hessian[l * size + i]![k * size + j] = value;
    }
  }

  /** A common shift of the intercepts changes no answer: their mean gets a curvature, and stays at 0. */
  #addPenalty({ gradient, hessian }: Omit<Slope, 'loss'>, all: Float64Array, total: number): void {
    const size = this.#size;
    const classes = this.#shape.present.length;
    for (let k = 0; k < classes; k++) {
      for (let i = 0; i < size - 1; i++) {
        const at = k * size + i;
        gradient[at]! += total * RIDGE * all[at]!;
        hessian[at]![at]! += total * RIDGE;
      }
      for (let l = 0; l < classes; l++) hessian[k * size + size - 1]![l * size + size - 1]! += total / classes ** 2;
    }
  }
}

/** ln of the sum of exp, without overflow, less the logit of the label. */
function logLoss(logits: Float64Array, label: number): number {
  let greatest = -Infinity;
  for (const logit of logits) greatest = Math.max(greatest, logit);
  let sum = 0;
  for (const logit of logits) sum += exp(logit - greatest);
  return ln(sum) + greatest - logits[label]!;
}

/** Logits of every row, [classes][rows]. */
export function classLogits({ columns, scaling, coefficients }: MultinomialModel, x: Matrix): Float64Array[] {
  const z = new Float64Array(columns.length + 1);
  const logits = coefficients.map(() => new Float64Array(x.rows));
  for (let row = 0; row < x.rows; row++) {
    standardize(x, row, columns, scaling, z);
    coefficients.forEach((own, k) => (logits[k]![row] = dot(own, z)));
  }
  return logits;
}

/** The model in the float32 numbers that its graph holds, so that both answer alike. @param learner its name */
export function fittedMultinomial(learner: string, model: MultinomialModel): Fitted {
  const { width: inputs, columns, scaling } = model;
  const own: MultinomialModel = { ...model, coefficients: model.coefficients.map((each) => each.map(Math.fround)) };
  const classes = own.coefficients.length;
  const nodesAt = (place: GraphPlace): OnnxNode[] =>
    multinomialNodes(
      {
        columns,
        mean: scaling.mean,
        inverse: scaling.inverse,
        clip: CLIP,
        coefficients: own.coefficients.map((each) => each.subarray(0, columns.length)),
        intercepts: own.coefficients.map((each) => each[columns.length]!),
      },
      place,
    );
  const fitted: Fitted = {
    learner,
    columns: inputs,
    link: 'softmax',
    width: classes,
    iterations: null,
    openMargins: () => (x) => classLogits(own, x).map((logits) => Float32Array.from(logits)),
    answers: (x) => fitted.exactAnswers(x).map(Math.fround),
    exactAnswers(x) {
      if (x.columns !== inputs) throw new RangeError(`the model has ${inputs} columns, the matrix ${x.columns}`);
      const logits = classLogits(own, x);
      const answers = new Float64Array(x.rows * classes);
      for (let row = 0; row < x.rows; row++) {
        const ofRow = answers.subarray(row * classes, (row + 1) * classes);
        logits.forEach((each, k) => (ofRow[k] = each[row]!));
        softmax(ofRow);
      }
      return answers;
    },
    withMargins: (by) => fittedMultinomial(learner, scaledMultinomial(model, by)),
    columnUses() {
      const uses = new Int32Array(inputs);
      columns.forEach((column, i) => (uses[column] = own.coefficients.some((each) => each[i] !== 0) ? 1 : 0));
      return uses;
    },
    graph: (place) => ownPart(nodesAt(place)),
    toOnnx: ({ metadata }) =>
      encodeGraph({
        name: 'multinomial_regression',
        inputs: [featuresInput(inputs)],
        nodes: nodesAt({ input: INPUT_NAME, output: OUTPUT_NAME, prefix: '' }),
        width: classes,
        metadata,
      }),
  };
  return fitted;
}

function scaledMultinomial(model: MultinomialModel, scaling: MarginScaling): MultinomialModel {
  const { slope, intercept } = checkedScaling(scaling, model.coefficients.length);
  return {
    ...model,
    coefficients: model.coefficients.map((own, k) => {
      const scaled = own.map((value) => slope[k]! * value);
      scaled[own.length - 1]! += intercept[k]!;
      return scaled;
    }),
  };
}
