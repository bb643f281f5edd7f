import { ln, sigmoid } from '../../../../shared/elementary.ts';
import type { OnnxNode } from '../../../../shared/bundle/onnx/schema.ts';
import type { MarginScaling } from './fitted.ts';
import type { GraphNodes } from './graph_nodes.ts';

/**
 * Calibration of models that have a probability and no margin: its logit is multiplied, shifted and made a probability
 * again.
 */

/**
 * Probabilities are kept that far from 0 and 1 before their logit is taken: a float32 number, and 1 minus it as well.
 */
export const LEAST = 2 ** -20;

/** Both are float32 numbers where a graph serves them. */
export interface Rescaling {
  readonly slope: number;
  readonly intercept: number;
}

/** The numbers that a graph serves. */
export function servedRescaling(scaling: Rescaling | null): Rescaling | null {
  return scaling && { slope: Math.fround(scaling.slope), intercept: Math.fround(scaling.intercept) };
}

/** Margins of probabilities. */
export function rescaledLogits(probabilities: ArrayLike<number>, scaling: Rescaling | null): Float64Array {
  return Float64Array.from(probabilities, (value) => {
    const inside = Math.min(Math.max(value, LEAST), 1 - LEAST);
    const logit = ln(inside / (1 - inside));
    return scaling === null ? logit : scaling.slope * logit + scaling.intercept;
  });
}

/** The probabilities themselves without a scaling. */
export function rescaledAnswers(probabilities: Float64Array, scaling: Rescaling | null): Float64Array {
  return scaling === null ? probabilities : rescaledLogits(probabilities, scaling).map(sigmoid);
}

/** One scaling behind another. @throws RangeError as `Fitted.withMargins` */
export function composedRescaling(first: Rescaling | null, scaling: MarginScaling): Rescaling {
  const by = checkedScaling(scaling, 1);
  const factor = by.slope[0]!;
  const shift = by.intercept[0]!;
  const before = first ?? { slope: 1, intercept: 0 };
  return { slope: factor * before.slope, intercept: factor * before.intercept + shift };
}

/**
 * A slope and an intercept for each of so many answers.
 * @throws RangeError as `Fitted.withMargins`
 */
export function checkedScaling({ slope, intercept }: MarginScaling, answers: number): MarginScaling {
  for (let k = 0; k < answers; k++) {
    const factor = slope[k] ?? NaN;
    const shift = intercept[k] ?? NaN;
    if (!(factor > 0 && factor < Infinity && Number.isFinite(shift)))
      throw new RangeError(`slope ${factor} and intercept ${shift}, expected numbers, the slope above 0`);
  }
  return { slope, intercept };
}

/**
 * The nodes of `rescaledAnswers` with a scaling.
 * @param from float64 probabilities @returns the nodes, the last of which makes `probability`, float64
 */
export function rescaledNodes({ node, scalar }: GraphNodes, from: string, { slope, intercept }: Rescaling): OnnxNode[] {
  return [
    ...scalar('least', LEAST),
    ...scalar('most', 1 - LEAST),
    ...scalar('one', 1),
    ...scalar('slope', slope),
    ...scalar('intercept', intercept),
    node('Clip', [from, 'least', 'most'], 'inside'),
    node('Sub', ['one', 'inside'], 'rest'),
    node('Div', ['inside', 'rest'], 'odds'),
    node('Log', ['odds'], 'logit'),
    node('Mul', ['logit', 'slope'], 'scaled'),
    node('Add', ['scaled', 'intercept'], 'margin'),
    node('Sigmoid', ['margin'], 'probability'),
  ];
}
