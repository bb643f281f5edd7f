import type { Command } from 'commander';
import { endRule } from '../../shared/bundle/admission/activation.ts';
import { instrumentsWithRule, ruleFolder } from '../../shared/bundle/rule/active_rule.ts';
import { MinutehandError } from '../../shared/errors.ts';
import { homePaths } from '../../shared/home.ts';
import { loadSettings } from '../../shared/policy/policy.ts';
import { symbolNames } from '../../shared/policy/symbol_names.ts';
import { spellSubject } from '../../shared/symbol/symbol.ts';
import { keptRules, servedRules } from '../../trainer/control/rules/kept_rules.ts';
import type { Output } from '../output.ts';

export function addStrategyServed(strategy: Command, output: () => Output): void {
  strategy
    .command('list')
    .description('the rules that this installation keeps, those that are served marked with *')
    .action(() => listRules(output()));
  strategy
    .command('stop')
    .argument('<instrument>', 'such as BTCUSDT@1h')
    .description(
      'ends serving a rule: the direction model answers for the instrument again, if there is one. An open position keeps the stop, target and age of its entry',
    )
    .action((instrument: string) => stopRule(instrument, output()));
}

function listRules(output: Output): void {
  const { models } = homePaths();
  const folder = ruleFolder(models);
  const served = servedRules(models);
  const rules = keptRules(models);
  if (rules.length === 0)
    output.line(`No rules in ${folder}. \`minutehand strategy judge FILE --symbol … --candidate\` makes one.`);
  for (const rule of rules) {
    const { version, instrument, name, origin, failed_gates, missing_gates, error } = rule;
    const failed = failed_gates.length === 0 ? '' : `; failed: ${failed_gates.join(', ')}`;
    const missing = missing_gates.length === 0 ? '' : `; without a verdict: ${missing_gates.join(', ')}`;
    const about =
      error ?? `${instrument} ${name}, ${origin}, ${rule.no_edge === true ? 'NO_EDGE' : 'edge'}${failed}${missing}`;
    output.line(`${rule.served ? '*' : ' '} ${version.padEnd(22)} ${about}`);
  }
  output.result({ models, served, rules });
}

function stopRule(given: string, output: Output): void {
  const paths = homePaths();
  const instrument = spellSubject(given, symbolNames(loadSettings()), 'instrument');
  const version = endRule(instrument, paths);
  if (version === null)
    throw new MinutehandError('MODEL_MISSING', {
      seen: `no rule is served for ${instrument}`,
      expected: instrumentsWithRule(paths.models).join(', ') || 'none is',
    });
  output.written({ target: `rule ${instrument}`, before: { version }, after: { version: null } });
  output.line(`${instrument}: the rule ${version} is served no longer. A running daemon ends it between two bars.`);
  output.result({ instrument, version });
}
