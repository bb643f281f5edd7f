import * as z from 'zod';

/** A broker's cost above 0 is at least this, basis points; less is a share, of which a basis point is 0.0001. */
const LEAST_COST_BPS = 0.001;
/** Swaps of a night stay below this, basis points: it is 180 % a year. */
export const MOST_SWAP_BPS = 50;

/** Whether costs in basis points were given as a share, or as a share of a share. */
export function isInOtherUnit(costBps: number): boolean {
  return costBps > 0 && costBps < LEAST_COST_BPS;
}

/** What is expected of a cost in basis points, for errors. */
export const COST_EXPECTED = `0, or at least ${LEAST_COST_BPS}: basis points (0.2 for a share of 0.00002)`;

/** A cost in basis points, of a job or a request. */
export const costBps = z
  .number()
  .min(0)
  .refine((value) => !isInOtherUnit(value), { error: `expected ${COST_EXPECTED}` });
