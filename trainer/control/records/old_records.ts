import { readdirSync, rmSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { sql, type Kysely } from 'kysely';
import type { HomePaths } from '../../../shared/home.ts';
import type { Store } from '../../store/store.ts';
import type { Tables } from '../../store/schema/schema.ts';

/** Anyone who may write a file of fills can make as many refused lines as the disk takes. */
export const MAX_REFUSED_FILLS = 10_000;

/**
 * Deletes records of operation that ended before a time. What a person decided, what was trained and traded, and the
 * audit stay.
 * @returns how many rows were deleted, by table
 */
export async function deleteOldRecords(store: Store, beforeMs: number): Promise<Readonly<Record<string, number>>> {
  const deleted: Record<string, number> = {};
  const note = (table: keyof Tables, { numDeletedRows }: { readonly numDeletedRows: bigint }): void => {
    if (numDeletedRows > 0n) deleted[table] = Number(numDeletedRows);
  };
  await store.transaction(async (db) => {
    const alerts = db.selectFrom('core.alerts').select('alert_id').where('resolved_ms', '<', beforeMs);
    const messages = db.selectFrom('core.alert_messages').select('message_id').where('alert_id', 'in', alerts);
    note(
      'core.alert_deliveries',
      await db.deleteFrom('core.alert_deliveries').where('message_id', 'in', messages).executeTakeFirstOrThrow(),
    );
    note(
      'core.alert_messages',
      await db.deleteFrom('core.alert_messages').where('alert_id', 'in', alerts).executeTakeFirstOrThrow(),
    );
    note(
      'core.alerts',
      await db.deleteFrom('core.alerts').where('resolved_ms', '<', beforeMs).executeTakeFirstOrThrow(),
    );
  });
  for (const [table, column] of BY_TIME)
    note(table, await store.db.deleteFrom(table).where(sql.ref(column), '<', beforeMs).executeTakeFirstOrThrow());
  // On paper, by a market that makes a month in twelve hours.
  note(
    'core.live_trades',
    await store.db
      .deleteFrom('core.live_trades')
      .where('market', '!=', 'live')
      .where('account', '=', 'paper')
      .where('received_ms', '<', beforeMs)
      .executeTakeFirstOrThrow(),
  );
  note('core.refused_fills', await deleteRefusedFills(store.db));
  return deleted;
}

/** Tables whose rows end at a time, epoch ms; a row that has not ended has null. */
const BY_TIME: readonly (readonly [keyof Tables, string])[] = [
  ['core.alert_silences', 'until_ms'],
  ['core.api_logins', 'expires_ms'],
  ['core.api_sessions', 'expires_ms'],
  ['core.backtests', 'finished_ms'],
  ['core.drift_figures', 'looked_ms'],
  ['core.job_events', 'at_ms'],
  ['core.job_results', 'at_ms'],
  ['core.jobs', 'finished_ms'],
  ['core.refused_fills', 'received_ms'],
];

/** All but the newest. */
function deleteRefusedFills(db: Kysely<Tables>) {
  const oldest = db
    .selectFrom('core.refused_fills')
    .select('line_sha256')
    .orderBy('received_ms', 'desc')
    .orderBy('line_sha256')
    .limit(Number.MAX_SAFE_INTEGER)
    .offset(MAX_REFUSED_FILLS);
  return db
    .deleteFrom('core.refused_fills')
    .where('line_sha256', 'in', sql<string>`(SELECT line_sha256 FROM (${oldest}) AS oldest)`)
    .executeTakeFirstOrThrow();
}

const REPORT = /^report_(?:live|simulated)_[\d-]{10}_[\d-]{10}\.html$/;

/** Deletes pages of weekly reports that were written before a time. @returns how many */
export function deleteOldReports({ home }: Pick<HomePaths, 'home'>, beforeMs: number): number {
  const folder = join(home, 'reports');
  let deleted = 0;
  for (const name of namesIn(folder)) {
    const path = join(folder, name);
    if (!REPORT.test(name) || (statSync(path, { throwIfNoEntry: false })?.mtimeMs ?? Infinity) >= beforeMs) continue;
    rmSync(path, { force: true });
    deleted++;
  }
  return deleted;
}

function namesIn(folder: string): readonly string[] {
  try {
    return readdirSync(folder);
  } catch {
    return [];
  }
}
