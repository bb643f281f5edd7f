import type { BarColumns } from '../../../shared/bar_file/bar_file.ts';
import { refuseEqualLegs } from './equal_legs.ts';
import { refuseLaggingLegs, type Legs } from './lagging_legs.ts';

/**
 * What everything that learns from pairs, or says what they earned, refuses before it begins.
 * @throws MinutehandError LEGS_EQUAL, LEG_LAGS
 */
export function refuseUnsoundLegs(pairs: readonly Legs[], bars: ReadonlyMap<string, BarColumns>): void {
  refuseEqualLegs(pairs, bars);
  refuseLaggingLegs(pairs, bars);
}
