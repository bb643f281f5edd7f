import { counted } from '../../../shared/counted.ts';
import type { JobEvent, JobWait } from './job_event.ts';

const BYTES_PER_MB = 1024 * 1024;

/** What a queued job waits for, in words. */
export function waitText(wait: JobWait): string {
  switch (wait.code) {
    case 'order':
      return `job ${wait.job_id} begins first`;
    case 'cores':
      return `needs ${counted(wait.needed, 'core')}, ${wait.free} free; running: ${wait.jobs.length === 1 ? 'job' : 'jobs'} ${wait.jobs.join(', ')}`;
    case 'memory':
      return `needs ${wait.needed_mb} MB of memory, ${wait.free_mb} MB free`;
  }
}

/** An event as a line of a log. */
export function eventText(event: JobEvent): string {
  switch (event.type) {
    case 'state': {
      const by = event.by === null ? '' : ` by ${event.by}`;
      return `${event.status}${by}${event.error === null ? '' : `: ${event.error}`}`;
    }
    case 'waits':
      return `waits: ${waitText(event.waits_for)}`;
    case 'progress':
      return `${event.stage}: ${event.total > 0 ? Math.floor((event.done / event.total) * 100) : 100} %`;
    case 'message':
      return event.text;
    case 'artifact':
      return `made ${event.what} ${event.name}`;
  }
}

export const megabytes = (bytes: number): number => Math.round(bytes / BYTES_PER_MB);
