import { softmaxRows } from '../../../../shared/elementary.ts';
import { encodeGraph, featuresInput, INPUT_NAME, OUTPUT_NAME } from '../../../../shared/bundle/onnx/onnx.ts';
import type { OnnxNode } from '../../../../shared/bundle/onnx/schema.ts';
import type { Matrix } from '../../../../shared/bundle/onnx/tree_ensemble.ts';
import { byRow } from '../contract/class_rescaled.ts';
import type { Fitted, GraphPlace, MarginScaling } from '../contract/fitted.ts';
import { ownPart } from '../contract/graph_part.ts';
import { checkedScaling } from '../contract/rescaled.ts';
import { multinomialNodes } from './linear_graph.ts';
import { CLIP, dot, standardize, type Scaling } from './standardization.ts';

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
      return softmaxRows(byRow(classLogits(own, x)), classes);
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
