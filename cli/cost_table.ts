import type {
  BacktestCostRow,
  WalkForwardRow,
} from '../trainer/learning/strategies/pair_reversion/backtest/cost_rows.ts';

/** Basis points per trade at full size, with the 90 % interval of the net result. */
export function costTable(rows: readonly (WalkForwardRow | BacktestCostRow)[]): string[] {
  const further = rows.some((row) => 'rollover_share' in row);
  return [
    `costs    windows  trades   gross     net     5 %    95 %${further ? '  1 min later  narrow  16-19 NY' : ''}`,
    ...rows.map((row) => {
      const cells = [row.gross_bps, row.net_bps, row.lower_5_net_bps, row.upper_95_net_bps];
      const more = 'rollover_share' in row ? furtherCells(row) : '';
      return (
        `${row.costs.padEnd(9)}${(row.windows ? 'yes' : 'no').padEnd(7)}${String(row.trades).padStart(8)}` +
        `${cells.map((value) => shown(value).padStart(8)).join('')}${more}${'no_edge' in row ? verdict(row) : ''}`
      );
    }),
  ];
}

/** Of a training; a backtest claims its edge by the look at its bars instead. */
function verdict({ no_edge }: WalkForwardRow): string {
  return `  ${no_edge ? 'NO_EDGE' : 'edge'}`;
}

function furtherCells({ after_1_net_bps, narrow_net_bps, rollover_share }: BacktestCostRow): string {
  const share = rollover_share === null ? '–' : `${Math.round(100 * rollover_share)} %`;
  return `${shown(after_1_net_bps).padStart(13)}${shown(narrow_net_bps).padStart(8)}${share.padStart(10)}`;
}

function shown(value: number | null): string {
  return value === null ? '–' : value.toFixed(2);
}
