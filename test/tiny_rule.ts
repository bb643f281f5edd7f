import type { RuleContent } from '../shared/bundle/rule/rule_bundle.ts';
import { EXPECTED_OF_EVOLVED_RULE, type RuleGateCode } from '../shared/bundle/gates/gate_codes.ts';
import { verdict } from './passed_gates.ts';

/** A rule that passed every check, to be written as a bundle. */
export function tinyRule(instrument: string, changes: Partial<RuleContent['manifest']> = {}): RuleContent {
  return {
    manifest: {
      git_commit: null,
      market: 'live',
      instrument,
      strategy: {
        name: 'tiny',
        description: 'a test',
        subject: 'instrument',
        entry_long: 'close > delay(close, 1)',
        max_age: 3,
      },
      origin: 'evolved',
      trials: 100,
      seed: '0',
      period: {
        from: '2024-01-01T00:00:00Z',
        holdout_from: '2024-06-01T00:00:00Z',
        to: '2024-08-01T00:00:00Z',
      },
      costs: { spread_bps: 0, commission_bps: 5, slippage_bps: 1 },
      gates: EXPECTED_OF_EVOLVED_RULE.map(({ code }) =>
        verdict({
          code: code as RuleGateCode,
          role: null,
          value: 0.5,
          relation: '>=',
          limit: 0.1,
          evidence: { look: 1 },
        }),
      ),
      edge: { no_edge: false, trades: 40, net_bps: 12, lower_net_bps: 3, p_value: 0.01 },
      holdout_look: 1,
      ...changes,
    },
    report: { made: 'by a test' },
  };
}
