import { createHash } from 'node:crypto';
import type { Selectable } from 'kysely';
import type { ApiWritesTable } from '../store/access_tables.ts';
import type { Store } from '../store/store.ts';

/** One recorded action. `before` and `after` are any JSON. */
export interface AuditEntry {
  readonly actor: string;
  readonly role: string;
  readonly via: 'session' | 'token' | 'cli';
  readonly action: string;
  readonly target: string;
  readonly before: unknown;
  readonly after: unknown;
  readonly outcome: string;
}

export type AuditRow = Selectable<ApiWritesTable>;

/** Previous hash of the first entry. */
export const FIRST_HASH = '0'.repeat(64);
/** Attempts, since another process may append at the same time. */
const TRIES = 20;

/** Appends to the hash chain. @returns the hash of the new last entry */
export async function appendAudit(store: Store, entry: AuditEntry, nowMs: number): Promise<string> {
  const { before, after, ...texts } = entry;
  const content = { ...texts, at: new Date(nowMs).toISOString(), before: jsonOf(before), after: jsonOf(after) };
  for (let tries = 1; ; tries += 1) {
    const last = await store.db
      .selectFrom('audit.api_writes')
      .select('hash')
      .orderBy('entry_id', 'desc')
      .limit(1)
      .executeTakeFirst();
    const chained = { ...content, previous_hash: last?.hash ?? FIRST_HASH };
    const hash = hashOf(chained);
    const added = await store.db
      .insertInto('audit.api_writes')
      .values({ ...chained, hash })
      .onConflict((conflict) => conflict.column('previous_hash').doNothing())
      .returning('entry_id')
      .executeTakeFirst();
    if (added !== undefined) return hash;
    if (tries === TRIES) throw new Error(`the audit could not be written after ${TRIES} tries`);
  }
}

export interface AuditCheck {
  readonly entries: number;
  /** Hash of the last entry. Store it elsewhere to detect truncation. */
  readonly head: string;
  /** First entry that does not match its hash or its predecessor; null if all do. */
  readonly broken: number | null;
}

const PAGE = 1000;

export async function verifyAudit(store: Store): Promise<AuditCheck> {
  let [entries, head, lastId] = [0, FIRST_HASH, 0];
  for (;;) {
    const rows = await store.db
      .selectFrom('audit.api_writes')
      .selectAll()
      .where('entry_id', '>', lastId)
      .orderBy('entry_id')
      .limit(PAGE)
      .execute();
    for (const row of rows) {
      if (row.previous_hash !== head || hashOf(row) !== row.hash)
        return { entries, head, broken: Number(row.entry_id) };
      head = row.hash;
      entries += 1;
    }
    if (rows.length < PAGE) return { entries, head, broken: null };
    lastId = Number(rows.at(-1)!.entry_id);
  }
}

function hashOf(row: Omit<AuditRow, 'entry_id' | 'hash'>): string {
  const { at, actor, role, via, action, target, before, after, outcome, previous_hash } = row;
  const text = JSON.stringify([at, actor, role, via, action, target, before, after, outcome, previous_hash]);
  return createHash('sha256').update(text).digest('hex');
}

function jsonOf(value: unknown): string | null {
  return value === null || value === undefined ? null : JSON.stringify(value);
}
