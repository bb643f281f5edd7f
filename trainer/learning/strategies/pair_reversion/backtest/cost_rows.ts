import type { NetReport } from '../../../../../shared/bundle/manifest.ts';
import type { ViewResult } from './period.ts';

/** Trades by a cost model, with or without `no_entry_windows`; of a training, with the verdict. */
export type WalkForwardRow = NetReport['walk_forward'][number];
type Charged = Pick<WalkForwardRow, 'costs' | 'windows'>;
type CostRow = Charged & Pick<WalkForwardRow, 'gross_bps'> & ViewResult['interval'];

/** Row of a backtest, with what its executability adds. */
export interface BacktestCostRow extends CostRow {
  readonly after_1_net_bps: number | null;
  readonly narrow_net_bps: number | null;
  /** Share of the entries from 16:00 to 19:00 in New York. */
  readonly rollover_share: number | null;
}

/** Hours of the entries around the rollover, New York. */
const ROLLOVER_HOURS = [16, 17, 18];

export function costRow(charged: Charged, { trades: all, interval, executability }: ViewResult): BacktestCostRow {
  const gross = all.reduce((sum, { grossBps }) => sum + grossBps, 0);
  const { trades, hours, delayed_net_bps, narrow_net_bps } = executability;
  const late = ROLLOVER_HOURS.reduce((sum, hour) => sum + hours[hour]!.trades, 0);
  return {
    ...charged,
    ...interval,
    // At full size, as all figures of the row.
    gross_bps: all.length === 0 ? null : gross / all.length,
    after_1_net_bps: delayed_net_bps.after_1,
    narrow_net_bps,
    rollover_share: trades === 0 ? null : late / trades,
  };
}
