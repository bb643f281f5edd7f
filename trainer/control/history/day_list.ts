import type { Selectable } from 'kysely';
import type { Store } from '../../store/store.ts';
import type { SignalDaysTable } from '../../store/schema/signals.ts';
import type { SignalTables } from './signal_tables.ts';

export interface DayEntry extends Pick<
  Selectable<SignalDaysTable>,
  'day' | 'added' | 'archived' | 'pruned_ms' | 'restored_ms'
> {
  /** Recorded parts in the archive, their rows, and their size in bytes. */
  readonly parts: number;
  readonly rows: number;
  readonly bytes: number;
}

/** Records of each day of a market, oldest first. @param place `id` of the archive */
export async function listDays(
  { db }: Store,
  tables: SignalTables,
  market: string,
  place: string,
): Promise<DayEntry[]> {
  const days = await db
    .selectFrom('core.signal_days')
    .select(['day', 'added', 'archived', 'pruned_ms', 'restored_ms'])
    .where('history_table', '=', tables.history)
    .where('market', '=', market)
    .orderBy('day')
    .execute();
  const parts = await db
    .selectFrom('core.signal_archives')
    .select(['day', 'rows', 'bytes'])
    .where('place', '=', place)
    .where('market', '=', market)
    .execute();
  const sums = new Map<string, { parts: number; rows: number; bytes: number }>();
  for (const { day, rows, bytes } of parts) {
    const sum = sums.get(day) ?? { parts: 0, rows: 0, bytes: 0 };
    sums.set(day, { parts: sum.parts + 1, rows: sum.rows + rows, bytes: sum.bytes + bytes });
  }
  return days.map((day) => ({ ...day, ...(sums.get(day.day) ?? { parts: 0, rows: 0, bytes: 0 }) }));
}
