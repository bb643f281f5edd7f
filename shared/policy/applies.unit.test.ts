import { expect, it } from 'vitest';
import { effectOf } from './applies.ts';

it('a value takes effect where its part and section are read, and names what keeps another one', () => {
  expect(
    [
      ...['core.theta1_initial', 'core.require_edge', 'core.min_expected_net_bps', 'core.news_stop'],
      ...['minutehand.decision.stop', 'minutehand.symbols', 'minutehand.symbols.EURUSD.spread_bps'],
      ...['minutehand.symbols.EURUSD.commission_bps', 'minutehand.symbols.EURUSD.swap_long_bps_per_night'],
      ...['minutehand.symbols.US500.C', 'minutehand.symbols.US500.C.swap_long_bps_per_night'],
      ...['retrain.retrain_cron', 'retrain.quality_f1_floor', 'signals.archive_cron'],
      ...['minutehand.label.horizon_bars', 'minutehand.train.folds', 'minutehand.search.trials'],
      ...['minutehand.windows.z_window', 'minutehand'],
    ].map((key) => [key, effectOf(key).applies, ...effectOf(key).keptBy].join(' ')),
  ).toEqual([
    'core.theta1_initial next_training active_models',
    'core.require_edge next_bar',
    'core.min_expected_net_bps next_bar active_models',
    'core.news_stop next_bar',
    'minutehand.decision.stop next_bar active_models',
    'minutehand.symbols next_bar quoted_spreads active_models paper_accounts results',
    'minutehand.symbols.EURUSD.spread_bps next_bar quoted_spreads active_models paper_accounts results',
    'minutehand.symbols.EURUSD.commission_bps next_bar active_models paper_accounts results',
    'minutehand.symbols.EURUSD.swap_long_bps_per_night next_bar active_models results',
    'minutehand.symbols.US500.C next_bar quoted_spreads active_models paper_accounts results',
    'minutehand.symbols.US500.C.swap_long_bps_per_night next_bar active_models results',
    'retrain.retrain_cron trainer',
    'retrain.quality_f1_floor next_training active_models',
    'signals.archive_cron trainer',
    'minutehand.label.horizon_bars next_training active_models',
    'minutehand.train.folds next_training active_models',
    'minutehand.search.trials next_training active_models',
    'minutehand.windows.z_window restart',
    'minutehand restart',
  ]);
});
