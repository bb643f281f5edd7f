import type { Settings } from '../../policy/policy.ts';
import type { RunningOrigin } from '../origin.ts';
import type { BundleShelf } from '../shelves/bundle_shelf.ts';

/** What this configuration runs with the bundles of a shelf. */
export function runningOrigin({ minutehand }: Pick<Settings, 'minutehand'>, shelf: BundleShelf): RunningOrigin {
  return { market: minutehand.market, timeframes: shelf.timeframesOf(minutehand) };
}
