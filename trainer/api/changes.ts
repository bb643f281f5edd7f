import type { Selectable } from 'kysely';
import { MinutehandError } from '../../shared/errors.ts';
import type { ChangeRequestsTable } from '../store/access_tables.ts';
import type { Store } from '../store/store.ts';
import type { Changes } from './config_proposal.ts';

/** An open change that nobody decides expires. */
export const CHANGE_LIFE_MS = 7 * 86_400_000;

export interface NewChange {
  readonly changes: Changes;
  readonly before: Changes;
  readonly reason: string;
  readonly by: string;
  readonly policyHash: string;
}

type Row = Selectable<ChangeRequestsTable>;

/** A change request as it is shown. */
export function changeOf(row: Row) {
  return {
    ...row,
    change_id: Number(row.change_id),
    changes: JSON.parse(row.changes) as Record<string, unknown>,
    before: JSON.parse(row.before) as Record<string, unknown>,
  };
}

export type Change = ReturnType<typeof changeOf>;

export async function proposeChange({ db }: Store, change: NewChange, nowMs: number): Promise<Change> {
  const row = await db
    .insertInto('core.change_requests')
    .values({
      changes: JSON.stringify(change.changes),
      before: JSON.stringify(change.before),
      reason: change.reason,
      status: 'open',
      proposed_by: change.by,
      proposed_ms: nowMs,
      expires_ms: nowMs + CHANGE_LIFE_MS,
      decided_by: null,
      decided_ms: null,
      policy_hash: change.policyHash,
    })
    .returningAll()
    .executeTakeFirstOrThrow();
  return changeOf(row);
}

/** Newest first. Those whose time has passed have expired. */
export async function listChanges({ db }: Store, nowMs: number, limit: number): Promise<Change[]> {
  await db
    .updateTable('core.change_requests')
    .set({ status: 'expired' })
    .where('status', '=', 'open')
    .where('expires_ms', '<=', nowMs)
    .execute();
  const rows = await db
    .selectFrom('core.change_requests')
    .selectAll()
    .orderBy('change_id', 'desc')
    .limit(limit)
    .execute();
  return rows.map(changeOf);
}

/**
 * Decides an open change; of two decisions at once one is refused.
 * @throws MinutehandError CHANGE_UNKNOWN, CHANGE_OWN when who proposed it would approve it
 */
export async function decideChange(
  { db }: Store,
  id: number,
  status: 'approved' | 'rejected',
  by: string,
  nowMs: number,
): Promise<Change> {
  const open = await db
    .selectFrom('core.change_requests')
    .select('proposed_by')
    .where('change_id', '=', id)
    .where('status', '=', 'open')
    .executeTakeFirst();
  if (open?.proposed_by === by && status === 'approved') throw new MinutehandError('CHANGE_OWN', { seen: by });
  const row = await db
    .updateTable('core.change_requests')
    .set({ status, decided_by: by, decided_ms: nowMs })
    .where('change_id', '=', id)
    .where('status', '=', 'open')
    .where('expires_ms', '>', nowMs)
    .returningAll()
    .executeTakeFirst();
  if (row === undefined) throw new MinutehandError('CHANGE_UNKNOWN', { seen: String(id) });
  return changeOf(row);
}
