import type { Command } from 'commander';
import { endRule } from '../../shared/bundle/admission/activation.ts';
import { instrumentsWithRule, ruleFolder } from '../../shared/bundle/rule/active_rule.ts';
import { compareShadow, ruleInShadow } from '../../trainer/control/rules/shadow_comparison.ts';
import { MinutehandError } from '../../shared/errors.ts';
import { homePaths } from '../../shared/home.ts';
import { loadSettings } from '../../shared/policy/policy.ts';
import { spellRuled } from '../../shared/policy/ruled_subject.ts';
import { servedRules } from '../../trainer/control/rules/kept_rules.ts';
import { modelProblems } from '../status/model_findings.ts';
import type { Output } from '../output.ts';
import { listRuleBundles } from '../rule_bundles.ts';
import { whenUnlocked } from '../../shared/process/home_lock.ts';
import { isRuleSlot } from '../../shared/subject/slot.ts';
import { isThere } from '../../shared/files.ts';

export function addStrategyServed(strategy: Command, output: () => Output): void {
  strategy
    .command('list')
    .description('the rules that this installation keeps, * is one that is served, s one in shadow')
    .action(() => listRules(output()));
  strategy
    .command('shadow')
    .argument('<instrument>', 'such as BTCUSDT@1h')
    .description(
      'compares the rule in shadow of an instrument (`models shadow <version>`) with what was published, on the bars that both have answered: entries, trades, results from close to close after the costs of the rule',
    )
    .action((instrument: string) => showShadow(instrument, output()));
  strategy
    .command('stop')
    .argument('<subject>', 'an instrument or a pair, such as BTCUSDT@1h')
    .description(
      'ends serving a rule: the models of the pair, or the direction model of the instrument, answer again, if there are any. An open position of an instrument keeps the stop, target and age of its entry',
    )
    .action((subject: string) => stopRule(subject, output()));
}

function listRules(output: Output): void {
  const { models } = homePaths();
  const folder = ruleFolder(models);
  const served = servedRules(models);
  const rules = listRuleBundles(models, output);
  if (rules.length === 0)
    output.line(`No rules in ${folder}. \`minutehand strategy judge FILE --symbol … --candidate\` makes one.`);
  for (const { slot, text, next } of modelProblems(loadSettings(), homePaths()))
    if (isRuleSlot(slot)) output.line(`✗ ${text}\n    → ${next}`);
  output.result({ models, served, rules });
}

function showShadow(given: string, output: Output): void {
  const paths = homePaths();
  const settings = loadSettings();
  const { market, shards } = settings.minutehand;
  const instrument = spellRuled(given, settings);
  const shadow = ruleInShadow(paths.models, instrument, settings);
  if (shadow === null)
    throw new MinutehandError('MODEL_MISSING', {
      seen: `no rule is in shadow for ${instrument}`,
      expected: '`minutehand models shadow <version>` names one',
    });
  const journals = Object.keys(shards)
    .map((shard) => paths.journal(market, shard))
    .filter((path) => isThere(path));
  const compared = compareShadow({ instrument, ...shadow }, journals);
  const { version, bars, from, to, equal, publishers, published } = compared;
  output.line(
    `${instrument}: rule ${version} in shadow beside ${publishers.map((own) => own || 'nobody').join(', ') || 'nothing yet'}`,
  );
  output.line(
    `${bars} bars that both have answered${from === null ? '' : `, ${from} to ${to}`}; ${equal} with the same action and side`,
  );
  for (const [title, { entries, trades, net_bps }] of Object.entries({ published, shadow: compared.shadow }))
    output.line(
      `${title.padEnd(9)} ${entries} entries, ${trades} trades closed, net ${net_bps === null ? '–' : net_bps.toFixed(2)} bps each`,
    );
  output.result(compared);
}

async function stopRule(given: string, output: Output): Promise<void> {
  const paths = homePaths();
  const instrument = spellRuled(given, loadSettings());
  const version = await whenUnlocked(() => endRule(instrument, paths));
  if (version === null)
    throw new MinutehandError('MODEL_MISSING', {
      seen: `no rule is served for ${instrument}`,
      expected: instrumentsWithRule(paths.models).join(', ') || 'none is',
    });
  output.written({ target: `rule ${instrument}`, before: { version }, after: { version: null } });
  output.line(`${instrument}: the rule ${version} is served no longer. A running daemon ends it between two bars.`);
  output.result({ instrument, version });
}
