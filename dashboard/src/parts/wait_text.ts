import type { Job } from '../api.ts';
import { num } from '../format.ts';
import { t } from '../text/text.ts';

/** What a queued job or run waits for, in words. */
export function waitText(wait: NonNullable<Job['waits_for']>): string {
  switch (wait.code) {
    case 'order':
      return t('jobs.waits.order', { id: wait.job_id });
    case 'cores':
      return t('jobs.waits.cores', { needed: wait.needed, free: wait.free, jobs: wait.jobs.join(', ') });
    case 'memory':
      return t('jobs.waits.memory', { needed: num(wait.needed_mb, 0), free: num(wait.free_mb, 0) });
  }
}
