import { MinutehandError } from '../shared/errors.ts';
import { COST_EXPECTED, isInOtherUnit } from '../shared/policy/cost_units.ts';

/**
 * The value of an option, basis points.
 * @throws MinutehandError USAGE for no number, a negative one, and one that is a share
 */
export function parseCostBps(text: string, option: string): number {
  const value = text.trim() === '' ? NaN : Number(text);
  if (!(value >= 0 && value < Infinity))
    throw new MinutehandError('USAGE', { seen: `${option} ${text}`, expected: 'a number ≥ 0' });
  if (isInOtherUnit(value)) throw new MinutehandError('USAGE', { seen: `${option} ${text}`, expected: COST_EXPECTED });
  return value;
}
