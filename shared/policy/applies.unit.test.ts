import { expect, it } from 'vitest';
import { appliesWhen } from './applies.ts';

it('a value takes effect where its part and section are read', () => {
  expect(
    [
      ...['core.theta1', 'minutehand.decision.stop', 'minutehand.symbols.EURUSD.spread_bps'],
      ...['retrain.cron', 'signals.sharpe', 'minutehand.label.horizon_bars', 'minutehand.train.rows'],
      ...['minutehand.search.trials', 'minutehand.windows.z_window', 'minutehand'],
    ].map((key) => `${key} ${appliesWhen(key)}`),
  ).toEqual([
    'core.theta1 next_bar',
    'minutehand.decision.stop next_bar',
    'minutehand.symbols.EURUSD.spread_bps next_bar',
    'retrain.cron trainer',
    'signals.sharpe trainer',
    'minutehand.label.horizon_bars trainer',
    'minutehand.train.rows trainer',
    'minutehand.search.trials trainer',
    'minutehand.windows.z_window restart',
    'minutehand restart',
  ]);
});
