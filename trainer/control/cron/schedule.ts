import { createTask, schedule } from 'node-cron';

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

const MINUTE_MS = 60_000;

/** The last time of a cron expression in UTC up to `nowMs`; null when there is none since `sinceMs`. */
export function lastTimeOf(cron: string, nowMs: number, sinceMs: number): number | null {
  const task = createTask(cron, () => undefined, { timezone: 'Etc/UTC' });
  try {
    const [first = 0, second = 0, third = 0] = task.getNextRuns(3).map((time) => time.getTime());
    // Equally spaced times need no search.
    const gap = second - first;
    if (gap > 0 && third - second === gap) {
      const last = first + Math.floor((nowMs - first) / gap) * gap;
      if (task.match(new Date(last))) return last >= sinceMs ? last : null;
    }
    for (let ms = Math.floor(nowMs / MINUTE_MS) * MINUTE_MS; ms >= sinceMs; ms -= MINUTE_MS)
      if (task.match(new Date(ms))) return ms;
    return null;
  } finally {
    void task.destroy();
  }
}
