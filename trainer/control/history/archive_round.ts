import { utcDay } from '../../../shared/utc_day.ts';
import { MinutehandError } from '../../../shared/errors.ts';
import type { Clock } from '../../../shared/ports.ts';
import type { ArchivedDay, SignalArchive } from './archive.ts';
import { DAY_MS, dayStartMs } from './day.ts';

export interface ArchiveRound {
  readonly archived: readonly ArchivedDay[];
  readonly pruned: readonly { readonly day: string; readonly rows: number }[];
  /** Errors of days that could not be archived; the other days were. */
  readonly failures: readonly MinutehandError[];
}

export interface RoundOptions {
  readonly archive: SignalArchive;
  readonly market: string;
  /** Retention of rows in the history in days; null = forever. */
  readonly historyDays: number | null;
  readonly clock: Clock;
  /** Called between two days. */
  isWanted?(): boolean;
  onDay?(day: ArchivedDay): void;
}

/** Signals of the end of a day are copied some seconds later, and clocks of machines differ. */
const SETTLED_MS = 5 * 60_000;

/** The last complete UTC day at this time. */
export function lastWholeDay(nowMs: number): string {
  return utcDay(nowMs - SETTLED_MS - DAY_MS);
}

/**
 * Archives every finished day with unarchived rows, oldest first, then deletes rows that are older than `historyDays`
 * and verified in the archive. Failures are reported and do not affect other days.
 */
export async function archiveRound(options: RoundOptions): Promise<ArchiveRound> {
  const { archive, market, historyDays, clock, isWanted = () => true, onDay } = options;
  const archived: ArchivedDay[] = [];
  const pruned: { day: string; rows: number }[] = [];
  const failures: MinutehandError[] = [];
  /** @returns whether to continue with other days */
  async function attempt(work: () => Promise<void>): Promise<boolean> {
    try {
      await work();
      return true;
    } catch (error) {
      if (!(error instanceof MinutehandError)) throw error;
      failures.push(error);
      return error.code === 'ARCHIVE_DAMAGED' || error.code === 'ARCHIVE_MISSING';
    }
  }
  const nowMs = clock.nowMs();
  const lastDay = lastWholeDay(nowMs);
  for (const day of await archive.due(market, lastDay)) {
    if (!isWanted()) return { archived, pruned, failures };
    const continues = await attempt(async () => {
      const done = await archive.archive(market, day);
      archived.push(done);
      onDay?.(done);
    });
    if (!continues) return { archived, pruned, failures };
  }
  if (historyDays === null) return { archived, pruned, failures };
  const kept = utcDay(dayStartMs(utcDay(nowMs)) - historyDays * DAY_MS);
  for (const day of await archive.prunable(market, kept, nowMs - historyDays * DAY_MS)) {
    if (!isWanted()) break;
    const continues = await attempt(async () => {
      const rows = await archive.prune(market, day);
      if (rows !== null) pruned.push({ day, rows });
      // The archive lacks rows of a day archived elsewhere: this place gets them now, and the next round deletes.
      else archived.push(await archive.archive(market, day));
    });
    if (!continues) break;
  }
  return { archived, pruned, failures };
}
