import type { RetrainRun } from './run.ts';
import type { Schedule } from '../cron/schedule.ts';

/** The trainer in one line: the current run, or the last one and when the next is due. */
export function statusLine(
  newest: Pick<RetrainRun, 'run_id' | 'kind' | 'status' | 'stage' | 'percent' | 'model_version'> | undefined,
  schedules: readonly Pick<Schedule, 'next'>[],
): string {
  if (newest?.status === 'running')
    return `${newest.kind} training run ${newest.run_id}: ${newest.stage}, ${newest.percent} %`;
  const version = newest?.model_version;
  const models = version === null || version === undefined ? '' : ` (${version})`;
  const last = newest === undefined ? 'no run yet' : `last run ${newest.run_id} ${newest.status}${models}`;
  const soonestMs = Math.min(...schedules.map(({ next }) => next()?.getTime() ?? Infinity));
  return `${last}, ${soonestMs === Infinity ? 'none is scheduled' : `next at ${new Date(soonestMs).toISOString()}`}`;
}
