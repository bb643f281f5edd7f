import type { Selectable, Updateable } from 'kysely';
import { MinutehandError } from '../../../shared/errors.ts';
import { effectOf } from '../../../shared/policy/applies.ts';
import type { ChangeRequestsTable } from '../../store/schema/policy.ts';
import type { Evidence } from './evidence_schema.ts';
import { maskSecrets, maskSecretsIn } from '../../../shared/secrets.ts';
import type { Store } from '../../store/store.ts';
import type { Changes } from './config_proposal.ts';

export interface NewChange {
  readonly changes: Changes;
  readonly before: Changes;
  readonly reason: string;
  readonly by: string;
  readonly policyHash: string;
  /** An undecided change expires at this time. */
  readonly expiresMs: number;
}

type Row = Selectable<ChangeRequestsTable>;

/** A change request as shown by the API, without secrets. */
export function changeOf({ pull_request_open: _open, pull_request_number: _number, ...row }: Row) {
  const changes = maskSecretsIn(wantedOf(row));
  return {
    ...row,
    change_id: Number(row.change_id),
    changes,
    before: maskSecretsIn(JSON.parse(row.before) as Record<string, unknown>),
    reason: maskSecrets(row.reason),
    failure: row.failure === null ? null : maskSecrets(row.failure),
    applies: Object.fromEntries(Object.keys(changes).map((key) => [key, effectOf(key).applies])),
    evidence: row.evidence === null ? null : (JSON.parse(row.evidence) as Evidence),
  };
}

/** The changed values as they are. */
export function wantedOf({ changes }: Pick<Row, 'changes'>): Record<string, unknown> {
  return JSON.parse(changes) as Record<string, unknown>;
}

export type Change = ReturnType<typeof changeOf>;

export async function insertChange({ db }: Store, change: NewChange, nowMs: number): Promise<Change> {
  const row = await db
    .insertInto('core.change_requests')
    .values({
      changes: JSON.stringify(change.changes),
      before: JSON.stringify(maskSecretsIn(change.before)),
      reason: maskSecrets(change.reason),
      status: 'open',
      proposed_by: change.by,
      proposed_ms: nowMs,
      expires_ms: change.expiresMs,
      policy_hash: change.policyHash,
    })
    .returningAll()
    .executeTakeFirstOrThrow();
  return changeOf(row);
}

export async function updateChange(
  { db }: Store,
  id: number,
  values: Updateable<ChangeRequestsTable>,
): Promise<Change> {
  const update = db.updateTable('core.change_requests').set(values).where('change_id', '=', id);
  return changeOf(await update.returningAll().executeTakeFirstOrThrow());
}

/** Marks overdue open changes as expired. */
export async function expireChanges({ db }: Store, nowMs: number): Promise<void> {
  await db
    .updateTable('core.change_requests')
    .set({ status: 'expired' })
    .where('status', '=', 'open')
    .where('expires_ms', '<=', nowMs)
    .execute();
}

/** Newest first. */
export async function listChanges(store: Store, nowMs: number, limit: number): Promise<Change[]> {
  await expireChanges(store, nowMs);
  const { db } = store;
  const rows = await db
    .selectFrom('core.change_requests')
    .selectAll()
    .orderBy('change_id', 'desc')
    .limit(limit)
    .execute();
  return rows.map(changeOf);
}

/**
 * Decides an open change; of two concurrent decisions one is refused.
 * @throws MinutehandError CHANGE_UNKNOWN
 */
export async function decideChange(
  { db }: Store,
  id: number,
  status: 'approved' | 'rejected',
  by: string,
  nowMs: number,
): Promise<Change> {
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
