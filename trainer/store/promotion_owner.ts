import { sql, type Kysely } from 'kysely';
import { MAX_FENCE } from '../../shared/bundle/active_file.ts';
import { MinutehandError } from '../../shared/errors.ts';
import type { Store } from './store.ts';
import type { Tables } from './schema/schema.ts';
import { leaseOfTests } from '../../shared/policy/environment.ts';

/** An ownership that was not renewed for this long, by the clock of the store's server, is free. */
export const OWNERSHIP_MS = 60_000;
export const RENEW_OWNERSHIP_MS = 20_000;

/** Who may promote models of a market. */
export interface Ownership {
  /** An installation; empty: nobody. */
  readonly holder: string;
  /** Rises with each change of the holder: the fencing token of every write. */
  readonly fence: number;
  /** Of the server's clock, epoch ms. */
  readonly renewedMs: number;
}

export const NO_OWNER: Ownership = { holder: '', fence: 0, renewedMs: 0 };

/** An installation that asks for the ownership. */
export interface Claim {
  readonly holder: string;
  /** The server's clock, which may jump in either direction; never that of the installation. */
  readonly nowMs: number;
  /**
   * Fence of the pointer that is to be replaced. With one store it is never above that of the row; a pointer of another
   * store, or one that has outlived its store, must not keep the owner from promoting for good.
   */
  readonly present?: number;
  readonly leaseMs?: number;
}

/**
 * The rule of the store, over one row. The lease only decides who may try; that a paused owner, or one whose clock is
 * wrong, changes nothing afterward is due to the fence, which every write compares. A fence is at least the server's
 * time, so that it rises even when the server has lost its newest data.
 * @returns the row after `holder` has asked for it; null: it is another's
 */
export function claimOwnership(
  row: Ownership,
  { holder, nowMs, present = 0, leaseMs = OWNERSHIP_MS }: Claim,
): Ownership | null {
  const above = Math.min(present + 1, MAX_FENCE);
  if (row.holder === holder) return { holder, fence: present > row.fence ? above : row.fence, renewedMs: nowMs };
  const isFree = row.holder === '' || Math.abs(nowMs - row.renewedMs) > leaseMs;
  return isFree ? { holder, fence: Math.max(row.fence + 1, Math.floor(nowMs), above), renewedMs: nowMs } : null;
}

/** A market's row for an installation, in a store. */
export interface OwnerPlace {
  readonly kind: Store['kind'];
  readonly market: string;
  readonly holder: string;
}

/**
 * Takes or renews the ownership within a transaction, and keeps it locked until the transaction ends: what else the
 * transaction writes is written by the owner, or not at all. An owner that stops within it holds the lock no longer
 * than it may be the owner: PostgreSQL then ends its transaction.
 * @param present fence of the pointer that is to be replaced; 0: none
 * @returns the fence
 * @throws MinutehandError PROMOTION_OWNER
 */
export async function ownPromotions(
  tx: Kysely<Tables>,
  { kind, market, holder }: OwnerPlace,
  present = 0,
): Promise<number> {
  const leaseMs = leaseOf(process.env);
  if (kind === 'postgres') {
    const limit = sql.lit(`${leaseMs}ms`);
    await sql`SET LOCAL idle_in_transaction_session_timeout = ${limit}`.execute(tx);
  }
  const row = await lockedRow(tx, kind, market);
  const nowMs = await serverMs(tx, kind);
  const next = claimOwnership(row, { holder, nowMs, present, leaseMs });
  if (next === null) {
    const seconds = Math.round((nowMs - row.renewedMs) / 1000);
    throw new MinutehandError('PROMOTION_OWNER', { seen: `${row.holder} owns them, renewed ${seconds} s ago` });
  }
  await tx
    .updateTable('core.promotion_owners')
    .set({ holder: next.holder, fence: next.fence, renewed_ms: next.renewedMs })
    .where('market', '=', market)
    .execute();
  return next.fence;
}

/** Gives the ownership back, so that another installation need not wait for its end. */
export async function releasePromotions(tx: Kysely<Tables>, { kind, market, holder }: OwnerPlace): Promise<void> {
  await lockedRow(tx, kind, market);
  await tx
    .updateTable('core.promotion_owners')
    .set({ holder: '' })
    .where('market', '=', market)
    .where('holder', '=', holder)
    .execute();
}

async function lockedRow(tx: Kysely<Tables>, kind: Store['kind'], market: string): Promise<Ownership> {
  await tx
    .insertInto('core.promotion_owners')
    .values({ market, holder: '', fence: 0, renewed_ms: 0 })
    .onConflict((conflict) => conflict.column('market').doNothing())
    .execute();
  const query = tx.selectFrom('core.promotion_owners').selectAll().where('market', '=', market);
  // A transaction of SQLite has the file to itself.
  const row = await (kind === 'postgres' ? query.forUpdate() : query).executeTakeFirstOrThrow();
  return { holder: row.holder, fence: Number(row.fence), renewedMs: Number(row.renewed_ms) };
}

/** Tests do not wait a minute for a lost owner. */
function leaseOf(env: NodeJS.ProcessEnv): number {
  return leaseOfTests(env) ?? OWNERSHIP_MS;
}

async function serverMs(tx: Kysely<Tables>, kind: Store['kind']): Promise<number> {
  const now =
    kind === 'postgres'
      ? sql<{ ms: number | string }>`SELECT extract(epoch FROM clock_timestamp()) * 1000 AS ms`
      : sql<{ ms: number | string }>`SELECT unixepoch('subsec') * 1000 AS ms`;
  const { rows } = await now.execute(tx);
  return Math.floor(Number(rows[0]!.ms));
}
