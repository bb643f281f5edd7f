import { lookName } from '../../trainer/learning/backtest/holdout_looks.ts';
import { isMeasured } from '../../shared/bundle/gates/gate_result.ts';
import { gateText } from '../../shared/bundle/gates/gate_text.ts';
import { hasPassed } from '../../shared/bundle/recorded_gates.ts';
import { readRuleBundle } from '../../shared/bundle/rule/rule_bundle.ts';
import type { Output } from '../output.ts';
import { ruleSentence } from '../../trainer/learning/formula_rules/rule_sentence.ts';

/** Prints a kept rule with its verdicts. @throws MinutehandError as readRuleBundle */
export function showRule(folder: string, output: Output): void {
  const { manifest, strategy } = readRuleBundle(folder);
  const { version, instrument, origin, trials, period, gates, edge, holdout_look } = manifest;
  output.line(`${version}: the rule ${strategy.name} of ${instrument}, ${origin}, ${trials} tried`);
  output.line(ruleSentence(strategy, 'en'));
  output.line(`judged on ${period.from} to ${period.holdout_from}, holdout to ${period.to}; ${lookName(holdout_look)}`);
  output.line(
    `holdout: ${edge.trades} trades, net ${edge.net_bps === null ? '–' : edge.net_bps.toFixed(2)} bps each: ${edge.no_edge ? 'NO_EDGE' : 'edge'}`,
  );
  for (const gate of gates) {
    const { name, seen, limit } = gateText(gate);
    output.line(`${hasPassed(gate) ? 'passed' : 'FAILED'} ${isMeasured(gate) ? name : gate.name}: ${seen} (${limit})`);
  }
  output.result(manifest);
}
