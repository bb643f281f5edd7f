import { shownMinute } from '../../shared/bar.ts';
import type { DirectionHealth, HealthReport } from './health.ts';

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
    direction,
  } = report;
  const newest = Object.values(last_bars).sort().at(-1);
  const time = newest === undefined ? null : `${shownMinute(newest)} UTC`;
  const isSilent = silent_pairs.length === pairs + (direction?.instruments ?? 0);
  return [
    ...(market === 'live' ? [] : [`${market} market`]),
    ...(lease === null ? [] : [lease.role]),
    time === null ? 'waiting for the first bars' : `${isSilent ? 'waiting for bars since' : 'last bar'} ${time}`,
    ...(isSilent || silent_pairs.length === 0 ? [] : [`no bars for ${silent_pairs.join(' ')}`]),
    ...(pairs === 0 ? [] : [`${pairs_ready} of ${pairs} pairs ready`, modelsIn(model_version)]),
    ...(direction === undefined ? [] : [instrumentsIn(direction)]),
    ...(expired_pairs.length === 0 ? [] : [`expired: ${expired_pairs.join(' ')}`]),
    ...(halted_pairs.length === 0 ? [] : [`halted: ${halted_pairs.join(' ')}`]),
    ...(degradations.length === 0 ? [] : [`degraded: ${degradations.join(' ')}`]),
  ].join(', ');
}

function modelsIn(version: string | null): string {
  return version === null ? 'no models, mode HALT' : `models ${version}`;
}

function instrumentsIn({ instruments, instruments_ready, versions }: DirectionHealth): string {
  const models = Object.entries(versions).map(([timeframe, version]) => `${version} (${timeframe})`);
  return `${instruments_ready} of ${instruments} instruments ready, ${modelsIn(models.length === 0 ? null : models.join(' '))}`;
}
