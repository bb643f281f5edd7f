import { fileRule } from '../../../shared/bundle/rule/rule_bundle.ts';
import { instrumentStrategy, type StrategyDocument } from '../../../shared/policy/strategy_file.ts';
import { COIN } from './old_market.ts';

export const RULE_DOCUMENT: StrategyDocument = {
  name: 'reversal',
  description: 'Buys after three bars down',
  subject: 'instrument',
  entry_long: 'close < delay(close, 3)',
  exit: 'close > delay(close, 3)',
  stop: { bps: 50 },
  max_age: 9,
};

/** A rule that answers for the coin for some minutes of a daemon's life. */
export const LIFE_RULE = fileRule(
  {
    format: 'minutehand.rule/1',
    version: '20240101_0000-00000000',
    created: '2024-01-01T00:00:00.000Z',
    git_commit: null,
    market: 'simulated',
    instrument: COIN,
    strategy: RULE_DOCUMENT,
    feature_schema: '',
    origin: 'written',
    trials: 1,
    seed: '0',
    period: { from: '', holdout_from: '', to: '' },
    costs: { spread_bps: 0, commission_bps: 2, slippage_bps: 0 },
    gates: [],
    edge: { no_edge: false, trades: 0, net_bps: null, lower_net_bps: null, p_value: null },
    holdout_look: 1,
    files: { 'report.json': { sha256: '0'.repeat(64), bytes: 1 } },
  },
  '0'.repeat(64),
  instrumentStrategy(RULE_DOCUMENT, 'golden'),
);
