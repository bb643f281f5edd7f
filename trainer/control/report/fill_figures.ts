import { sql } from 'kysely';
import type { Settings } from '../../../shared/policy/policy.ts';
import type { Report } from '../schema/reports.ts';
import type { Store } from '../../store/store.ts';
import { accountIdOf } from '../fills/account_id.ts';
import type { ReportPeriod } from './signal_figures.ts';

type FillReport = Pick<Report, 'pnl' | 'costs'>;

/** Figures of the fills of the period; results of accounts are never added up, nor paper, demo and real otherwise. */
export async function fillFigures(store: Store, settings: Settings, period: ReportPeriod): Promise<FillReport> {
  return {
    pnl: await closesOf(store, settings, period),
    costs: await costsOf(store, settings, period),
  };
}

async function closesOf(
  { db }: Store,
  { minutehand }: Settings,
  { fromMs, toMs }: ReportPeriod,
): Promise<Report['pnl']> {
  const rows = await db
    .selectFrom('core.live_trades')
    .select(['account', 'place', 'currency'])
    .select(({ fn }) => [
      fn.countAll().as('closes'),
      fn.sum<number>('pnl').as('pnl'),
      fn.avg<number | null>('slippage_bps').as('mean_slippage_bps'),
    ])
    .where('market', '=', minutehand.market)
    .where('kind', '=', 'close')
    .where('time_ms', '>=', fromMs)
    .where('time_ms', '<', toMs)
    .groupBy(['account', 'place', 'currency'])
    .orderBy('account')
    .orderBy('place')
    .orderBy('currency')
    .execute();
  return rows.map(({ place, ...row }) => ({
    ...row,
    account_id: accountIdOf({ account: row.account, place }),
    closes: Number(row.closes),
    pnl: Number(row.pnl),
    mean_slippage_bps: nullable(row.mean_slippage_bps),
  }));
}

async function costsOf(
  { db }: Store,
  { minutehand }: Settings,
  { fromMs, toMs }: ReportPeriod,
): Promise<Report['costs']> {
  const worse = sql<
    number | null
  >`CASE WHEN side = 'BUY' THEN 10000.0 ELSE -10000.0 END * (filled_price / signal_price - 1)`;
  const rows = await db
    .selectFrom('core.live_trades')
    .select(['account', 'symbol'])
    .select(({ fn }) => [
      fn.countAll().as('fills'),
      fn.avg<number | null>('slippage_bps').as('slippage_bps'),
      fn.avg<number | null>(worse).as('shortfall_bps'),
    ])
    .where('market', '=', minutehand.market)
    .where('kind', '<>', 'refused')
    .where('time_ms', '>=', fromMs)
    .where('time_ms', '<', toMs)
    .groupBy(['account', 'symbol'])
    .orderBy('account')
    .orderBy('symbol')
    .execute();
  return rows.map(({ account, symbol, fills, slippage_bps, shortfall_bps }) => {
    const configured = minutehand.symbols[symbol];
    return {
      account,
      symbol,
      fills: Number(fills),
      slippage_bps: nullable(slippage_bps),
      configured_slippage_bps: configured?.slippage_bps ?? null,
      shortfall_bps: nullable(shortfall_bps),
      configured_bps: configured === undefined ? null : configured.spread_bps / 2 + configured.slippage_bps,
    };
  });
}

function nullable(value: number | string | null): number | null {
  return value === null ? null : Number(value);
}
