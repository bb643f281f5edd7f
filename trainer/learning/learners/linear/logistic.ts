import { sigmoid } from '../../../../shared/elementary.ts';
import { encodeGraph, featuresInput, INPUT_NAME, OUTPUT_NAME } from '../../../../shared/bundle/onnx/onnx.ts';
import type { OnnxNode } from '../../../../shared/bundle/onnx/schema.ts';
import type { Matrix } from '../../../../shared/bundle/onnx/tree_ensemble.ts';
import { solve } from '../../statistics/linear_solve.ts';
import { MAX_STEPS, TOLERANCE } from '../../statistics/newton.ts';
import type { FitRows } from '../contract/fit_rows.ts';
import type { Fitted, GraphPlace, MarginScaling } from '../contract/fitted.ts';
import { refuseFocalLoss } from '../contract/class_labels.ts';
import { ownPart } from '../contract/graph_part.ts';
import { noWeight, refuseUnsupported, usedColumns, type LearnerDefinition } from '../contract/learner.ts';
import { checkedScaling } from '../contract/rescaled.ts';
import { linearNodes } from './linear_graph.ts';
import { fitMultinomial } from './multinomial.ts';
import { fittedMultinomial } from './multinomial_model.ts';
import { CLIP, dot, RIDGE, scalingOf, standardize, type Scaling } from './standardization.ts';

const MIN_CURVATURE = 1e-9;

/**
 * Ridge logistic regression on columns that are standardized by the training rows; a missing value counts as the mean.
 * Newton's method (iteratively reweighted least squares; McCullagh & Nelder 1989, ch. 2.5) from zero: the same rows
 * give the same bits. Targets in [0, 1]; of classes `fitMultinomial`.
 */
export const LOGISTIC: LearnerDefinition<unknown> = {
  name: 'logistic',
  complexity: 1,
  family: 'linear',
  determinism: 'any_machine',
  supports: { stopping: false, continuing: false, tasks: ['binary', 'multiclass'] },
  refuseMissing: () => undefined,
  open: () => ({
    name: LOGISTIC.name,
    supports: LOGISTIC.supports,
    fit(request) {
      return Promise.resolve().then(() => {
        refuseUnsupported(LOGISTIC, request);
        const { task, rows, subset, signal, onProgress } = request;
        refuseFocalLoss(LOGISTIC.name, task);
        const columns = usedColumns(request);
        const onStep = (step: number): void => {
          signal?.throwIfAborted();
          onProgress?.(step / MAX_STEPS);
        };
        if (task.kind !== 'multiclass') return fittedLogistic(fitLogistic(rows, subset, columns, onStep));
        const { classes } = task;
        return fittedMultinomial(LOGISTIC.name, fitMultinomial({ rows, subset, columns, classes, onStep }));
      });
    },
  }),
};

export interface LogisticModel {
  /** Columns of the matrix. */
  readonly width: number;
  /** The columns that it uses. */
  readonly columns: readonly number[];
  readonly scaling: Scaling;
  /** Of the standardized columns, one for each of `columns`. */
  readonly coefficients: Float64Array;
  readonly intercept: number;
}

/** @throws MinutehandError DATA_TOO_SHORT without a row of weight */
export function fitLogistic(
  rows: Pick<FitRows, 'x' | 'y' | 'weights'>,
  subset: Int32Array,
  columns: readonly number[],
  onStep: (step: number) => void = () => undefined,
): LogisticModel {
  const count = columns.length;
  const scaling = scalingOf(rows, subset, columns);
  // The last coefficient is the intercept, which is not penalized.
  const size = count + 1;
  const coefficients = new Float64Array(size);
  const z = new Float64Array(size);
  for (let step = 0; step < MAX_STEPS; step++) {
    onStep(step);
    const gradient = new Float64Array(size);
    const hessian = Array.from({ length: size }, () => new Float64Array(size));
    let total = 0;
    for (const row of subset) {
      standardize(rows.x, row, columns, scaling, z);
      const weight = rows.weights[row]!;
      const p = sigmoid(dot(coefficients, z));
      const residual = weight * (p - rows.y[row]!);
      const curvature = weight * Math.max(p * (1 - p), MIN_CURVATURE);
      total += weight;
      for (let i = 0; i < size; i++) {
        gradient[i]! += residual * z[i]!;
        const scaled = curvature * z[i]!;
        const ofRow = hessian[i]!;
        for (let j = 0; j <= i; j++) ofRow[j]! += scaled * z[j]!;
      }
    }
    if (!(total > 0)) throw noWeight();
    for (let i = 0; i < count; i++) {
      gradient[i]! += total * RIDGE * coefficients[i]!;
      hessian[i]![i]! += total * RIDGE;
    }
    for (let i = 0; i < size; i++) for (let j = 0; j < i; j++) hessian[j]![i] = hessian[i]![j]!;
    const change = solve(hessian, gradient);
    let largest = 0;
    for (let i = 0; i < size; i++) {
      coefficients[i]! -= change[i]!;
      largest = Math.max(largest, Math.abs(change[i]!));
    }
    if (largest < TOLERANCE) break;
  }
  return {
    width: rows.x.columns,
    columns,
    scaling,
    coefficients: coefficients.subarray(0, count),
    intercept: coefficients[count]!,
  };
}

/** Logits of every row. */
export function logits({ columns, scaling, coefficients, intercept }: LogisticModel, x: Matrix): Float64Array {
  const z = new Float64Array(columns.length + 1);
  const own = Float64Array.of(...coefficients, intercept);
  return Float64Array.from({ length: x.rows }, (_, row) => {
    standardize(x, row, columns, scaling, z);
    return dot(own, z);
  });
}

/** The model in the float32 numbers that its graph holds, so that both answer alike. */
export function fittedLogistic(model: LogisticModel): Fitted {
  const { width, columns, scaling } = model;
  const own: LogisticModel = {
    ...model,
    coefficients: model.coefficients.map(Math.fround),
    intercept: Math.fround(model.intercept),
  };
  const nodesAt = (place: GraphPlace): OnnxNode[] =>
    linearNodes({ ...own, mean: scaling.mean, inverse: scaling.inverse, clip: CLIP }, place);
  const fitted: Fitted = {
    learner: LOGISTIC.name,
    columns: width,
    link: 'sigmoid',
    width: 1,
    iterations: null,
    openMargins: () => (x) => [Float32Array.from(logits(own, x))],
    answers: (x) => fitted.exactAnswers(x).map(Math.fround),
    exactAnswers(x) {
      if (x.columns !== width) throw new RangeError(`the model has ${width} columns, the matrix ${x.columns}`);
      return logits(own, x).map(sigmoid);
    },
    withMargins: (by) => fittedLogistic(scaledLogistic(model, by)),
    columnUses() {
      const uses = new Int32Array(width);
      columns.forEach((column, i) => (uses[column] = own.coefficients[i] === 0 ? 0 : 1));
      return uses;
    },
    graph: (place) => ownPart(nodesAt(place)),
    toOnnx: ({ metadata }) =>
      encodeGraph({
        name: 'logistic_regression',
        inputs: [featuresInput(width)],
        nodes: nodesAt({ input: INPUT_NAME, output: OUTPUT_NAME, prefix: '' }),
        width: 1,
        metadata,
      }),
  };
  return fitted;
}

function scaledLogistic(model: LogisticModel, scaling: MarginScaling): LogisticModel {
  const { slope, intercept } = checkedScaling(scaling, 1);
  const factor = slope[0]!;
  const shift = intercept[0]!;
  return {
    ...model,
    coefficients: model.coefficients.map((value) => factor * value),
    intercept: factor * model.intercept + shift,
  };
}
