import type { Selectable } from 'kysely';
import type { Store } from '../../store/store.ts';
import type { LiveTradesTable, RefusedFillsTable } from '../../store/schema/trades.ts';

export type LiveTrade = Selectable<LiveTradesTable>;
export type RefusedLine = Selectable<RefusedFillsTable>;

export interface TradeFilter {
  readonly market: string;
  readonly pairIds?: readonly string[];
  /** Epoch ms of the fill: from inclusive, to exclusive. */
  readonly fromMs?: number;
  readonly toMs?: number;
}

/** Fills and refused orders of a market, ordered by time. */
export function readTrades({ db }: Store, { market, pairIds, fromMs, toMs }: TradeFilter): Promise<LiveTrade[]> {
  let query = db.selectFrom('core.live_trades').selectAll().where('market', '=', market);
  if (pairIds !== undefined) query = query.where('pair_id', 'in', pairIds);
  if (fromMs !== undefined) query = query.where('time_ms', '>=', fromMs);
  if (toMs !== undefined) query = query.where('time_ms', '<', toMs);
  return query.orderBy('time_ms').orderBy('ticket').orderBy('fill_key').execute();
}

/** Refused lines of all markets, in order of arrival. */
export function readRefusedLines({ db }: Store, fromMs = 0, toMs = Number.MAX_SAFE_INTEGER): Promise<RefusedLine[]> {
  return db
    .selectFrom('core.refused_fills')
    .selectAll()
    .where('received_ms', '>=', fromMs)
    .where('received_ms', '<', toMs)
    .orderBy('received_ms')
    .orderBy('line_sha256')
    .execute();
}
