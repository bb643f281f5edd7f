import { MACHINE_CLOCK, MACHINE_SCHEDULER } from '../../../shared/clock.ts';
import type { Clock, Scheduler } from '../../../shared/ports.ts';
import { CronTimes } from './cron_times.ts';
import type { KeptTime } from './kept_times.ts';

export interface Schedule {
  next(): Date | null;
  stop(): void;
}

/** A time of a schedule whose work begins. */
export interface DueTime {
  readonly dueMs: number;
  /** It passed while the process did not run: down, suspended or stopped. */
  readonly isMissed: boolean;
}

export interface ScheduleOptions {
  /** Without it, times that pass between two starts are not noticed. */
  readonly kept?: KeptTime;
  /** Reports a missed time before its work begins. */
  readonly onMissed?: (text: string) => void;
  /** Reports a kept time that cannot be written. */
  readonly onError?: (error: unknown) => void;
  readonly clock?: Clock;
  readonly scheduler?: Scheduler;
}

const POLL_MS = 1000;
/** A time that is noticed later than this was missed. */
const LATE_MS = 60_000;
/** A clock set back by less repeats no time. */
const SET_BACK_MS = 3_600_000;

/**
 * Calls `work` at every time of the cron expression, in UTC. Times that pass while the process is down (`kept`),
 * suspended or stopped are made up at its next start or wake: once, for the last of them.
 */
export function scheduleByCron(
  cron: string,
  work: (due: DueTime) => unknown,
  { kept, onMissed, onError, clock = MACHINE_CLOCK, scheduler = MACHINE_SCHEDULER }: ScheduleOptions = {},
): Schedule {
  const times = new CronTimes(cron);
  // The clock is polled: a timer of Node counts no time during which the machine is suspended.
  let seenMs = clock.nowMs();
  const keep = (ms: number): void => {
    try {
      kept?.write(ms);
    } catch (error) {
      onError?.(error);
    }
  };
  const before = kept?.read() ?? null;
  // Nothing was promised before the first start, nor by a clock that was ahead.
  const isKnown = before !== null && before <= seenMs + SET_BACK_MS;
  if (!isKnown) keep(seenMs);
  let nextMs = times.nextAfter(isKnown ? before : seenMs);

  function look(): void {
    const nowMs = clock.nowMs();
    if (nowMs < seenMs - SET_BACK_MS) {
      nextMs = times.nextAfter(nowMs);
      keep(nowMs);
    }
    seenMs = nowMs;
    if (nextMs === null || nowMs < nextMs) return;
    const dueMs = times.lastUpTo(nowMs, nextMs) ?? nextMs;
    nextMs = times.nextAfter(nowMs);
    keep(nowMs);
    const isMissed = nowMs - dueMs > LATE_MS;
    if (isMissed) onMissed?.(`its time ${new Date(dueMs).toISOString()} passed while the trainer did not run`);
    void work({ dueMs, isMissed });
  }

  // Whoever starts a schedule may still be starting what its work needs.
  const cancelFirst = scheduler.after(0, look);
  const cancelPolls = scheduler.every(POLL_MS, look);
  return {
    next: () => (nextMs === null ? null : new Date(nextMs)),
    stop() {
      cancelFirst();
      cancelPolls();
      times.close();
    },
  };
}

/** The last time of a cron expression in UTC up to `nowMs`; null when there is none since `sinceMs`. */
export function lastTimeOf(cron: string, nowMs: number, sinceMs: number): number | null {
  const times = new CronTimes(cron);
  try {
    return times.lastUpTo(nowMs, sinceMs);
  } finally {
    times.close();
  }
}
