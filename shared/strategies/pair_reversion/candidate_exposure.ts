import type { ExposureAfter, ExposureMeter } from '../../core/position/exposure.ts';
import type { Market, Position } from '../../core/position/position.ts';
import type { DecisionPolicy } from './pair_input.ts';
import { sideAgainst } from './pair_rule.ts';

/**
 * What an entry at this bar would do to the exposures that the policy limits. null on most bars: without limits, in a
 * position, and where z is no candidate, whatever is open elsewhere decides nothing.
 * @param positions by pair index, before this bar
 */
export function candidateExposure(
  policy: DecisionPolicy,
  meter: ExposureMeter,
  positions: readonly Pick<Position, 'side' | 'beta'>[],
  pairIndex: number,
  market: Market,
): ExposureAfter | null {
  const { exposure, z_entry } = policy;
  if (exposure === undefined || positions[pairIndex]!.side !== 0 || !(Math.abs(market.z) >= z_entry)) return null;
  return meter.after(exposure, positions, pairIndex, sideAgainst(market), market.beta);
}
