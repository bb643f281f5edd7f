import { createTask, parse, type ScheduledTask } from 'node-cron';

const SECOND_MS = 1000;
const MINUTE_MS = 60 * SECOND_MS;
const HOUR_MS = 60 * MINUTE_MS;
const DAY_MS = 24 * HOUR_MS;
/** February 29 on a given weekday comes back after at most 40 years, across a century without a leap day. */
const MOST_DAYS = 40 * 366;

/**
 * Times of a cron expression in UTC. With a day of month and a day of week, a day that matches either matches, as in
 * crontab(5); node-cron asks for both.
 */
export class CronTimes {
  /** Each matches midnight of its days. */
  readonly #days: readonly ScheduledTask[];
  /** Milliseconds since midnight, ascending. */
  readonly #offsetsMs: readonly number[];

  /** @param cron five fields, or six with seconds first */
  constructor(cron: string) {
    const [dayOfMonth = '*', month = '*', dayOfWeek = '*'] = cron.trim().split(/\s+/).slice(-3);
    const isEither = !dayOfMonth.startsWith('*') && !dayOfWeek.startsWith('*');
    const days = isEither
      ? [`${dayOfMonth} ${month} *`, `* ${month} ${dayOfWeek}`]
      : [`${dayOfMonth} ${month} ${dayOfWeek}`];
    this.#days = days.map((fields) => createTask(`0 0 ${fields}`, () => undefined, { timezone: 'Etc/UTC' }));
    const { hour, minute, second } = parse(cron);
    this.#offsetsMs = hour
      .flatMap((h) => minute.flatMap((m) => second.map((s) => h * HOUR_MS + m * MINUTE_MS + s * SECOND_MS)))
      .sort((one, other) => one - other);
  }

  /** The first time after `ms`; null when there is none. */
  nextAfter(ms: number): number | null {
    const today = startOfDay(ms);
    for (let day = today; day <= today + MOST_DAYS * DAY_MS; day += DAY_MS) {
      if (!this.#isDay(day)) continue;
      const offset = this.#offsetsMs.find((offsetMs) => day + offsetMs > ms);
      if (offset !== undefined) return day + offset;
    }
    return null;
  }

  /** The last time up to `nowMs`; null when there is none since `sinceMs`. */
  lastUpTo(nowMs: number, sinceMs: number): number | null {
    for (let day = startOfDay(nowMs); day > sinceMs - DAY_MS; day -= DAY_MS) {
      if (!this.#isDay(day)) continue;
      const offset = this.#offsetsMs.findLast((offsetMs) => day + offsetMs <= nowMs);
      if (offset !== undefined) return day + offset >= sinceMs ? day + offset : null;
    }
    return null;
  }

  close(): void {
    for (const day of this.#days) void day.destroy();
  }

  #isDay(ms: number): boolean {
    return this.#days.some((day) => day.match(new Date(ms)));
  }
}

function startOfDay(ms: number): number {
  return Math.floor(ms / DAY_MS) * DAY_MS;
}
