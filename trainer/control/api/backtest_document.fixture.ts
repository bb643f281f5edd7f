import type { BacktestDocument } from './backtest_figures.ts';

type View = BacktestDocument['all_pairs'];

/** A result as `minutehand backtest --json` writes it, as far as a page shows it. */
export function backtestDocument(version: string, view: Partial<View> = {}, days = 30): BacktestDocument {
  const shown: View = {
    trades: 3,
    win_rate: 2 / 3,
    net_return: 0.0012,
    gross_return: 0.0019,
    mean_net_bps: 4,
    mean_net_bps_full_size: 8,
    mean_gross_bps: 6.5,
    mean_cost_bps: 2.5,
    mean_swap_bps: 0,
    net_sharpe: 1.5,
    max_drawdown: 0.004,
    exposure: 0.1,
    turnover: 12,
    candidates: 9,
    refusal_rate: 2 / 3,
    refusals: { PROB_LOW: 4, RISK_HIGH: 2 },
    exits: { Z_EXIT: 2, END_OF_DATA: 1 },
    interval: { lower_5_net_bps: 0.5, upper_95_net_bps: 7.5 },
    ...view,
  };
  return {
    version,
    trained: { from: '2024-01-01T22:00Z', holdout_from: '2024-01-03T04:00Z', to: '2024-01-03T13:59Z' },
    trained_on_period: true,
    theta1: 0.4,
    theta2: 0.8,
    pairs_without_edge: ['XAUUSD_XAGUSD'],
    evaluation_look: null,
    edge_level: null,
    edge: null,
    all_pairs: shown,
    edge_pairs: { ...shown, trades: 0, exits: {} },
    period: { from: '2024-01-02T00:00:00Z', to: '2024-02-09T21:59:00Z' },
    bars: 30_000,
    trading_days: days,
    pairs: ['XAUUSD_XAGUSD', 'EURUSD_GBPUSD'],
    missing_pairs: ['AUDUSD_USDCAD'],
    cost_model: 'profile',
    costs: {
      XAUUSD: {
        spread_bps: 0.9,
        commission_bps: 0.2,
        slippage_bps: 0.2,
        swap_long_bps_per_night: 0,
        swap_short_bps_per_night: 0,
      },
    },
    assumptions: ['Decided at the close of a bar, filled at the open of the next one.'],
  };
}
