import { schedule } from 'node-cron';

export interface Schedule {
  next(): Date | null;
  stop(): void;
}

/** Calls `work` at every time of the cron expression, in UTC. */
export function scheduleByCron(cron: string, work: () => unknown): Schedule {
  const task = schedule(cron, () => void work(), { timezone: 'Etc/UTC' });
  return {
    next: () => task.getNextRun(),
    stop: () => void task.stop(),
  };
}
