import { createHash } from 'node:crypto';
import type { Selectable } from 'kysely';
import type { ApiWritesTable } from '../../store/schema/access.ts';
import { appendAnchors, mayBeCut, readAnchors, type AuditAnchor } from '../../store/audit_anchors.ts';
import { maskSecrets, maskSecretsIn } from '../../../shared/secrets.ts';
import type { Store } from '../../store/store.ts';

/** One recorded action. `before` and `after` are any JSON. */
export interface AuditEntry {
  readonly actor: string;
  readonly role: string;
  readonly via: 'session' | 'token' | 'cli' | 'loopback' | 'trainer' | 'telegram';
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

/** An entry as the table stores it, but for its place in the chain. */
export type AuditContent = Omit<AuditRow, 'entry_id' | 'hash' | 'previous_hash'>;

/**
 * What a database would store differently (halves of surrogate pairs, NUL) is replaced before it is hashed, and so are
 * secrets.
 */
export function contentOf(entry: AuditEntry, nowMs: number): AuditContent {
  return {
    actor: storableText(entry.actor),
    role: entry.role,
    via: entry.via,
    action: storableText(entry.action),
    target: storableText(entry.target),
    outcome: storableText(entry.outcome),
    at: new Date(nowMs).toISOString(),
    before: jsonOf(entry.before),
    after: jsonOf(entry.after),
  };
}

/**
 * Appends to the hash chain, and to the anchors outside the database. An entry whose anchor cannot be written is in the
 * audit: its anchor comes with the next one of this process, and the anchor of any later entry covers it too.
 * @param onUnanchored told why the anchor waits
 * @returns the hash of the new last entry
 */
export async function appendAudit(
  store: Store,
  entry: AuditEntry,
  nowMs: number,
  onUnanchored: (error: unknown) => void = () => undefined,
): Promise<string> {
  const content = contentOf(entry, nowMs);
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
    if (added !== undefined) {
      if (store.auditAnchors !== null)
        await anchor(store.auditAnchors, { entry_id: Number(added.entry_id), hash }, onUnanchored);
      return hash;
    }
    if (tries === TRIES) throw new Error(`the audit could not be written after ${TRIES} tries`);
  }
}

/** By the file of anchors: those that could not be written. */
const unwritten = new Map<string, AuditAnchor[]>();
/** Of one file. */
const UNWRITTEN_MAX = 1000;

async function anchor(path: string, added: AuditAnchor, onUnanchored: (error: unknown) => void): Promise<void> {
  const waiting = [...(unwritten.get(path) ?? []), added];
  unwritten.delete(path);
  try {
    await appendAnchors(path, waiting);
  } catch (error) {
    unwritten.set(path, [...waiting, ...(unwritten.get(path) ?? [])].slice(-UNWRITTEN_MAX));
    onUnanchored(error);
  }
}

export interface AuditCheck {
  readonly entries: number;
  /** Hash of the last entry. */
  readonly head: string;
  /** First entry that does not match its hash or its predecessor; null if all do. */
  readonly broken: number | null;
  /** Number of entries that do not match their hash or their predecessor. The check continues after each. */
  readonly breaks: number;
  /**
   * Entries of the anchors outside the database that the table lacks, or has with another hash: first, last, number.
   */
  readonly missing: { readonly first: number; readonly last: number; readonly entries: number } | null;
}

const PAGE = 1000;
/** Action of the entry that says that entries before it are missing. */
export const AUDIT_RESTART = 'audit restart';

/** Checks every entry against its hash, its predecessor and its anchor outside the database. */
export async function verifyAudit(store: Store): Promise<AuditCheck> {
  const anchors = store.auditAnchors === null ? [] : readAnchors(store.auditAnchors);
  const unseen = new Map(anchors.map(({ entry_id, hash }) => [hash, entry_id]));
  let entries = 0;
  let head = FIRST_HASH;
  let lastId = 0;
  let broken: number | null = null;
  let breaks = 0;
  for (;;) {
    const rows = await store.db
      .selectFrom('audit.api_writes')
      .selectAll()
      .where('entry_id', '>', lastId)
      .orderBy('entry_id')
      .limit(PAGE)
      .execute();
    for (const row of rows) {
      if (row.previous_hash !== head || hashOf(row) !== row.hash) {
        broken ??= Number(row.entry_id);
        breaks += 1;
      }
      unseen.delete(row.hash);
      head = row.hash;
      entries += 1;
    }
    if (rows.length < PAGE) break;
    lastId = Number(rows.at(-1)!.entry_id);
  }
  const ids = [...unseen.values()].sort((a, b) => a - b);
  const missing = ids.length === 0 ? null : { first: ids[0]!, last: ids.at(-1)!, entries: ids.length };
  return { entries, head, broken, breaks, missing };
}

/**
 * Number of entries whose anchors were removed, with those of entries that are no longer at the end of the table, if
 * there were any: entries since the last `audit restart`, or from the first one on, that come before the first anchor.
 * On a server, entries may all be those of another home, which has their anchors; a long file has lost its oldest
 * anchors by its bound.
 */
export async function unanchoredEntries({ kind, auditAnchors, db }: Store): Promise<number> {
  if (kind !== 'sqlite' || auditAnchors === null || mayBeCut(auditAnchors)) return 0;
  const firstAnchored = Math.min(...readAnchors(auditAnchors).map(({ entry_id }) => entry_id));
  const restart = await lastRestart(db);
  let entries = db.selectFrom('audit.api_writes').select(({ fn }) => fn.countAll<number>().as('entries'));
  if (restart !== null) entries = entries.where('entry_id', '>=', Number(restart.entry_id));
  if (Number.isFinite(firstAnchored)) entries = entries.where('entry_id', '<', firstAnchored);
  const { entries: count } = await entries.executeTakeFirstOrThrow();
  // The process of the very first entry may have been killed before its anchor.
  return Number(count) > (restart === null ? 1 : 0) ? Number(count) : 0;
}

/** The last entry that says that entries are missing; null: there is none. */
async function lastRestart(db: Store['db']): Promise<Pick<AuditRow, 'entry_id' | 'at'> | null> {
  const row = await db
    .selectFrom('audit.api_writes')
    .select(['entry_id', 'at'])
    .where('action', '=', AUDIT_RESTART)
    .orderBy('entry_id', 'desc')
    .limit(1)
    .executeTakeFirst();
  return row ?? null;
}

/** What a witness outside the database has seen as the last entry. */
export interface SeenHead {
  readonly head: string;
  /** ISO 8601. */
  readonly createdAt: string;
}

/**
 * Those whose entry the table lacks, the oldest first. `audit restart` records that entries are missing, so what was
 * seen before the last one does not count.
 */
export async function missingHeads<Seen extends SeenHead>(store: Store, seen: readonly Seen[]): Promise<Seen[]> {
  const restart = await lastRestart(store.db);
  const missing: Seen[] = [];
  for (const one of seen) {
    if (restart !== null && Date.parse(one.createdAt) <= Date.parse(restart.at)) continue;
    const found = await store.db
      .selectFrom('audit.api_writes')
      .select('entry_id')
      .where('hash', '=', one.head)
      .executeTakeFirst();
    if (found === undefined) missing.push(one);
  }
  return missing.sort((a, b) => Date.parse(a.createdAt) - Date.parse(b.createdAt));
}

function hashOf(row: Omit<AuditRow, 'entry_id' | 'hash'>): string {
  const { at, actor, role, via, action, target, before, after, outcome, previous_hash } = row;
  const text = JSON.stringify([at, actor, role, via, action, target, before, after, outcome, previous_hash]);
  return createHash('sha256').update(text).digest('hex');
}

/** JSON writes halves of surrogate pairs as escapes, so only plain texts need the replacement. */
function jsonOf(value: unknown): string | null {
  if (value === null || value === undefined) return null;
  try {
    return JSON.stringify(maskSecretsIn(value));
  } catch (error) {
    // A write must not escape the audit because of what it wrote: nesting beyond the stack, a cycle.
    const reason = error instanceof Error ? error.message : String(error);
    return JSON.stringify({ not_recorded: reason });
  }
}

/** SQLite stores half a surrogate pair as U+FFFD; PostgreSQL refuses NUL. */
function storableText(text: string): string {
  return maskSecrets(text).toWellFormed().replaceAll('\0', '\uFFFD');
}
