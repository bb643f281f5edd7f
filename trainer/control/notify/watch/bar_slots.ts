import { existsSync } from 'node:fs';
import { CALENDAR_WEEKS, SLOT_S, type BarSlots } from '../../../../shared/market/session_calendar.ts';
import type { HomePaths } from '../../../../shared/home.ts';
import { shardsOf, type Settings } from '../../../../shared/policy/policy.ts';
import { Database } from '../../../../shared/store/sqlite.ts';

const SECONDS_PER_WEEK = 7 * 86_400;

/** When live bars came, by the journals of this home. @throws what SQLite throws */
export function readBarSlots({ minutehand }: Settings, paths: HomePaths, nowMs: number): BarSlots {
  const slots = new Map<string, Set<number>>();
  const from = Math.floor(nowMs / 1000) - (CALENDAR_WEEKS + 1) * SECONDS_PER_WEEK;
  for (const { name } of shardsOf(minutehand)) {
    const path = paths.journal('live', name);
    if (!existsSync(path)) continue;
    const journal = new Database(path, { readonly: true });
    try {
      const rows = journal
        .prepare(
          `SELECT DISTINCT subject, time / ${SLOT_S} AS slot FROM inputs WHERE kind = 'bar' AND time >= ? ORDER BY subject`,
        )
        .all(from) as { subject: string; slot: number }[];
      for (const { subject, slot } of rows) {
        const own = slots.get(subject) ?? new Set<number>();
        slots.set(subject, own.add(slot));
      }
    } finally {
      journal.close();
    }
  }
  return slots;
}
