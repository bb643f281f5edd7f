import type { NetReport } from '../shared/bundle/manifest.ts';
import type { ViewResult } from '../trainer/learning/backtest/period.ts';

type Charged = Pick<NetReport['walk_forward'][number], 'costs' | 'windows'>;
/** Trades by a cost model, with or without `no_entry_windows`. */
export type CostRow = Charged & Pick<NetReport['walk_forward'][number], 'gross_bps'> & ViewResult['interval'];

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

/** Basis points per trade at full size, with the 90 % interval of the net result. */
export function costTable(rows: readonly (CostRow | BacktestCostRow)[]): string[] {
  const further = rows.some((row) => 'rollover_share' in row);
  return [
    `costs    windows  trades   gross     net     5 %    95 %${further ? '  1 min later  narrow  16-19 NY' : ''}`,
    ...rows.map((row) => {
      const cells = [row.gross_bps, row.net_bps, row.lower_5_net_bps, row.upper_95_net_bps];
      const more = 'rollover_share' in row ? furtherCells(row) : '';
      return (
        `${row.costs.padEnd(9)}${(row.windows ? 'yes' : 'no').padEnd(7)}${String(row.trades).padStart(8)}` +
        `${cells.map((value) => shown(value).padStart(8)).join('')}${more}  ${row.no_edge ? 'NO_EDGE' : 'edge'}`
      );
    }),
  ];
}

function furtherCells({ after_1_net_bps, narrow_net_bps, rollover_share }: BacktestCostRow): string {
  const share = rollover_share === null ? '–' : `${Math.round(100 * rollover_share)} %`;
  return `${shown(after_1_net_bps).padStart(13)}${shown(narrow_net_bps).padStart(8)}${share.padStart(10)}`;
}

function shown(value: number | null): string {
  return value === null ? '–' : value.toFixed(2);
}
