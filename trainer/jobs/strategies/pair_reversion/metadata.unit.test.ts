import { expect, it } from 'vitest';
import type { Manifest } from '../../../../shared/bundle/manifest.ts';
import { resultsOf } from './metadata.ts';

it('states results of a backtest as numbers, also where it has no trade or there is none', () => {
  const none = { sharpe: 0, win_rate: 0, mean_pnl_bps: 0, max_drawdown: 0, trades: 0 };
  expect(resultsOf({})).toEqual(none);
  const empty = { net_sharpe: null, win_rate: null, mean_net_bps: null, max_drawdown: 0, trades: 0 };
  expect(resultsOf({ backtest: empty as Manifest['backtest'] })).toEqual(none);
  const traded = { net_sharpe: 1.5, win_rate: 0.6, mean_net_bps: 2, max_drawdown: 0.1, trades: 9 };
  expect(resultsOf({ backtest: traded as Manifest['backtest'] })).toEqual({
    sharpe: 1.5,
    win_rate: 0.6,
    mean_pnl_bps: 2,
    max_drawdown: 0.1,
    trades: 9,
  });
});
