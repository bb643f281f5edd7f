import { expect, it } from 'vitest';
import type { ViewResult } from '../trainer/learning/strategies/pair_reversion/backtest/period.ts';
import { costRow } from '../trainer/learning/strategies/pair_reversion/backtest/cost_rows.ts';
import { costTable } from './cost_table.ts';

/** Two trades of different size, in the hour of the rollover and in the morning. */
const VIEW = {
  trades: [
    { grossBps: 1, scale: 0.1 },
    { grossBps: 4, scale: 0.9 },
  ],
  interval: { trades: 2, net_bps: 1.5, lower_5_net_bps: -1, upper_95_net_bps: 4 },
  executability: {
    trades: 2,
    hours: Array.from({ length: 24 }, (_, hour) => ({ trades: hour === 8 || hour === 17 ? 1 : 0, net_share: null })),
    delayed_net_bps: { after_1: 0.5, after_2: null, after_5: null },
    narrow_net_bps: -0.25,
  },
} as unknown as ViewResult;

it('a row of the cost table is at full size, before and after costs, and counts the entries around the rollover', () => {
  const row = costRow({ costs: 'flat', windows: false }, VIEW);
  expect(row).toMatchObject({ gross_bps: 2.5, net_bps: 1.5, rollover_share: 0.5, after_1_net_bps: 0.5 });
  expect(costTable([row])[1]).toBe(
    'flat     no            2    2.50    1.50   -1.00    4.00         0.50   -0.25      50 %',
  );
});
