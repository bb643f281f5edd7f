import { ln, softmaxRows } from '../../../../shared/elementary.ts';
import type { OnnxNode } from '../../../../shared/bundle/onnx/schema.ts';
import type { MarginScaling } from './fitted.ts';
import { alongAxis, type GraphNodes } from './graph_nodes.ts';
import { checkedScaling, LEAST } from './rescaled.ts';

/**
 * Calibration of models that have probabilities of classes and no margins: the logarithm of each is multiplied and
 * shifted, and the softmax of these is the answer (vector scaling; Guo et al. 2017).
 */

/** The numbers that a graph serves. */
export function servedClassScaling(scaling: MarginScaling | null): MarginScaling | null {
  return scaling && { slope: scaling.slope.map(Math.fround), intercept: scaling.intercept.map(Math.fround) };
}

/**
 * Margins of probabilities, [classes][rows].
 * @param probabilities [rows × classes], kept at least `LEAST` away from 0
 */
export function classMargins(
  probabilities: Float64Array,
  classes: number,
  scaling: MarginScaling | null,
): Float64Array[] {
  const rows = probabilities.length / classes;
  return Array.from({ length: classes }, (_, k) => {
    const slope = scaling?.slope[k] ?? 1;
    const intercept = scaling?.intercept[k] ?? 0;
    return Float64Array.from({ length: rows }, (__, row) => {
      const inside = Math.min(Math.max(probabilities[row * classes + k]!, LEAST), 1);
      return slope * ln(inside) + intercept;
    });
  });
}

/** [answers][rows] as [rows × answers]. */
export function byRow(answers: readonly ArrayLike<number>[]): Float64Array {
  const width = answers.length;
  const all = new Float64Array(answers[0]!.length * width);
  for (let k = 0; k < width; k++) {
    const own = answers[k]!;
    for (let row = 0; row < own.length; row++) all[row * width + k] = own[row]!;
  }
  return all;
}

/** [rows × classes]; the probabilities themselves without a scaling. */
export function rescaledClasses(
  probabilities: Float64Array,
  classes: number,
  scaling: MarginScaling | null,
): Float64Array {
  if (scaling === null) return probabilities;
  return softmaxRows(byRow(classMargins(probabilities, classes, scaling)), classes);
}

/** One scaling behind another. @throws RangeError as `Fitted.withMargins` */
export function composedClassScaling(first: MarginScaling | null, by: MarginScaling, classes: number): MarginScaling {
  const { slope, intercept } = checkedScaling(by, classes);
  const before = first ?? { slope: slope.map(() => 1), intercept: slope.map(() => 0) };
  return {
    slope: before.slope.map((own, k) => slope[k]! * own),
    intercept: before.intercept.map((own, k) => slope[k]! * own + intercept[k]!),
  };
}

/**
 * The nodes of `rescaledClasses` with a scaling.
 * @param from float64 probabilities, [N, classes] @returns the nodes, the last of which makes `probabilities`, float64
 */
export function rescaledClassNodes(
  { node, scalar, vector }: GraphNodes,
  from: string,
  { slope, intercept }: MarginScaling,
): OnnxNode[] {
  return [
    ...scalar('least', LEAST),
    ...scalar('one', 1),
    ...vector('slopes', slope),
    ...vector('intercepts', intercept),
    node('Clip', [from, 'least', 'one'], 'inside'),
    node('Log', ['inside'], 'logarithms'),
    node('Mul', ['logarithms', 'slopes'], 'scaled'),
    node('Add', ['scaled', 'intercepts'], 'margins'),
    node('Softmax', ['margins'], 'probabilities', alongAxis()),
  ];
}
