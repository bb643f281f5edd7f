import { sql } from 'kysely';
import type { z } from 'zod';
import type { Settings } from '../../shared/policy/policy.ts';
import { openSignalTables } from '../history/signal_tables.ts';
import type { Store } from '../store/store.ts';
import type { reportSchema } from './schema/records.ts';

const BINS = 10;

/** Figures from `from` to before `to`: signals by time of publication, fills by time of the fill. */
export async function makeReport(
  store: Store,
  settings: Settings,
  from: string,
  to: string,
): Promise<z.infer<typeof reportSchema>> {
  const { db } = store;
  const { market } = settings.minutehand;
  const [fromMs, toMs] = [Date.parse(from), Date.parse(to)];
  const { history } = await openSignalTables(store, settings.signals);
  const within = sql`market = ${market} AND generated_at_ms >= ${fromMs} AND generated_at_ms < ${toMs}`;
  const counted = await sql<{ action: string; reason: string; count: number }>`
    SELECT action, reason, count(*) AS count FROM ${sql.table(history)} WHERE ${within}
    GROUP BY action, reason ORDER BY action, reason`.execute(db);
  const risks = await sql<{ bin: number; count: number }>`
    SELECT CASE WHEN risk_score >= 1 THEN ${sql.lit(BINS - 1)} ELSE CAST(floor(risk_score * ${sql.lit(BINS)}) AS integer) END AS bin,
      count(*) AS count
    FROM ${sql.table(history)} WHERE ${within} AND risk_score IS NOT NULL GROUP BY 1`.execute(db);
  const pnl = await db
    .selectFrom('core.live_trades')
    .select(['account', 'currency'])
    .select(({ fn }) => [
      fn.countAll().as('closes'),
      fn.sum<number>('pnl').as('pnl'),
      fn.avg<number | null>('slippage_bps').as('mean_slippage_bps'),
    ])
    .where('market', '=', market)
    .where('kind', '=', 'close')
    .where('time_ms', '>=', fromMs)
    .where('time_ms', '<', toMs)
    .groupBy(['account', 'currency'])
    .orderBy('account')
    .orderBy('currency')
    .execute();
  const thresholds = await db
    .selectFrom('core.training_runs')
    .select(['run_id', 'finished_at', 'model_version', 'theta1', 'theta2'])
    .where('market', '=', market)
    .where('status', '=', 'adopted')
    .where('finished_at', '>=', new Date(fromMs).toISOString())
    .where('finished_at', '<', new Date(toMs).toISOString())
    .orderBy('run_id')
    .execute();
  return {
    ...{ from, to, market, thresholds },
    signals: counted.rows.map((row) => ({ ...row, count: Number(row.count) })),
    risk_score_histogram: Array.from({ length: BINS }, (_none, bin) =>
      Number(risks.rows.find((row) => Number(row.bin) === bin)?.count ?? 0),
    ),
    pnl: pnl.map((row) => ({
      ...row,
      closes: Number(row.closes),
      pnl: Number(row.pnl),
      mean_slippage_bps: row.mean_slippage_bps === null ? null : Number(row.mean_slippage_bps),
    })),
  };
}
