import { solve } from './linear_solve.ts';

export const MAX_STEPS = 50;
/** The method is done when no parameter moves by more than this. */
export const TOLERANCE = 1e-8;
/** A step is halved until the loss falls by this share of what its slope promises (Armijo's rule). */
const SUFFICIENT = 1e-4;
const SHORTEST_STEP = 1e-8;
/** Differences of the loss below this are its rounding. */
const ROUNDING = 1e-12;

/** A convex loss at a point, with its first and second derivatives. */
export interface Slope {
  readonly loss: number;
  readonly gradient: Float64Array;
  readonly hessian: readonly Float64Array[];
}

/**
 * The minimum of a convex loss by Newton's method from zero, halving steps that go too far: the same loss gives the
 * same bits.
 * @param size number of parameters
 * @param onStep told the number of each step, before it
 */
export function newtonMinimum(
  slopeAt: (parameters: Float64Array) => Slope,
  size: number,
  onStep: (step: number) => void = () => undefined,
): Float64Array {
  let parameters: Float64Array = new Float64Array(size);
  if (size === 0) return parameters;
  let at = slopeAt(parameters);
  for (let step = 0; step < MAX_STEPS; step++) {
    onStep(step);
    const toward = solve(at.hessian, at.gradient);
    const next = lineSearch(slopeAt, { parameters, at, toward });
    if (next === null) break;
    parameters = next.parameters;
    at = next.at;
    if (toward.every((own) => Math.abs(own) < TOLERANCE)) break;
  }
  return parameters;
}

interface Point {
  readonly parameters: Float64Array;
  readonly at: Slope;
}

/** The first of ever shorter steps that lowers the loss enough; null: none does. */
function lineSearch(
  slopeAt: (parameters: Float64Array) => Slope,
  { parameters, at, toward }: Point & { readonly toward: Float64Array },
): Point | null {
  const promised = toward.reduce((sum, own, i) => sum + own * at.gradient[i]!, 0);
  for (let share = 1; share >= SHORTEST_STEP; share /= 2) {
    const moved = parameters.map((own, i) => own - share * toward[i]!);
    const there = slopeAt(moved);
    if (there.loss <= at.loss - SUFFICIENT * share * promised + ROUNDING) return { parameters: moved, at: there };
  }
  return null;
}
