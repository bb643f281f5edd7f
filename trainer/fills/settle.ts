import type { Settings } from '../../shared/policy/policy.ts';

/** How long a fill, its other leg or its signal may be on its way before it counts as missing. */
export const SETTLE_MS = 60_000;

/** Wall-clock time between two bars of the configured market. */
export function marketBarMs({ minutehand }: Settings): number {
  return minutehand.market === 'live' ? minutehand.feed.interval_ms : minutehand.simulated.bar_interval_ms;
}
