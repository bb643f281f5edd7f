import { shownMinute } from '../../shared/bar.ts';
import type { HealthReport } from './health.ts';

/** The daemon's state in one line: bars, models, problems. */
export function statusLine(report: HealthReport): string {
  const {
    market,
    pairs,
    pairs_ready,
    model_version,
    last_bars,
    silent_pairs,
    expired_pairs,
    halted_pairs,
    degradations,
    lease,
  } = report;
  const newest = Object.values(last_bars).sort().at(-1);
  const time = newest === undefined ? null : `${shownMinute(newest)} UTC`;
  const isSilent = silent_pairs.length === pairs;
  return [
    ...(market === 'live' ? [] : [`${market} market`]),
    ...(lease === null ? [] : [lease.role]),
    time === null ? 'waiting for the first bars' : `${isSilent ? 'waiting for bars since' : 'last bar'} ${time}`,
    ...(isSilent || silent_pairs.length === 0 ? [] : [`no bars for ${silent_pairs.join(' ')}`]),
    `${pairs_ready} of ${pairs} pairs ready`,
    model_version === null ? 'no models, mode HALT' : `models ${model_version}`,
    ...(expired_pairs.length === 0 ? [] : [`expired: ${expired_pairs.join(' ')}`]),
    ...(halted_pairs.length === 0 ? [] : [`halted: ${halted_pairs.join(' ')}`]),
    ...(degradations.length === 0 ? [] : [`degraded: ${degradations.join(' ')}`]),
  ].join(', ');
}
