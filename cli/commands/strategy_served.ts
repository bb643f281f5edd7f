import { readdirSync } from 'node:fs';
import type { Command } from 'commander';
import { endRule } from '../../shared/bundle/admission/activation.ts';
import { VERSION } from '../../shared/bundle/bundle.ts';
import { keyOf } from '../../shared/bundle/gates/gate_result.ts';
import { recordedRuleGates } from '../../shared/bundle/recorded_gates.ts';
import { instrumentsWithRule, readActiveRule, ruleFolder } from '../../shared/bundle/rule/active_rule.ts';
import { readRuleBundle } from '../../shared/bundle/rule/rule_bundle.ts';
import { describeError, MinutehandError } from '../../shared/errors.ts';
import { MACHINE_FILES } from '../../shared/files.ts';
import { homePaths } from '../../shared/home.ts';
import { pathInside } from '../../shared/path_name.ts';
import { loadSettings } from '../../shared/policy/policy.ts';
import { symbolNames } from '../../shared/policy/symbol_names.ts';
import { spellSubject } from '../../shared/symbol/symbol.ts';
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

/** A rule in a list. */
interface ListedRule {
  readonly version: string;
  readonly served: boolean;
  readonly instrument: string | null;
  readonly name: string | null;
  readonly origin: string | null;
  readonly no_edge: boolean | null;
  readonly failed_gates: readonly string[];
  readonly missing_gates: readonly string[];
  readonly error: string | null;
}

function listRules(output: Output): void {
  const { models } = homePaths();
  const folder = ruleFolder(models);
  const served = servedRules(models);
  const entries = MACHINE_FILES.stat(folder) === null ? [] : readdirSync(folder, { withFileTypes: true });
  const versions = entries.filter((own) => own.isDirectory() && VERSION.test(own.name)).map(({ name }) => name);
  const rules = versions.sort().map((version) => listedRule(models, version, Object.values(served).includes(version)));
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

/** Version by instrument. @throws MinutehandError as readActiveRule */
function servedRules(models: string): Record<string, string> {
  const named = instrumentsWithRule(models).flatMap((instrument) => {
    const active = readActiveRule(models, instrument);
    return active === null ? [] : [[instrument, active.version] as const];
  });
  return Object.fromEntries(named);
}

function listedRule(models: string, version: string, served: boolean): ListedRule {
  try {
    const { manifest } = readRuleBundle(pathInside(ruleFolder(models), version));
    const { failed, missing } = recordedRuleGates(manifest);
    return {
      version,
      served,
      instrument: manifest.instrument,
      name: manifest.strategy.name,
      origin: manifest.origin,
      no_edge: manifest.edge.no_edge,
      failed_gates: failed.map(keyOf),
      missing_gates: missing.map(keyOf),
      error: null,
    };
  } catch (error) {
    const { code, message } = describeError(error);
    const nothing = { instrument: null, name: null, origin: null, no_edge: null, failed_gates: [], missing_gates: [] };
    return { version, served, ...nothing, error: `${code}: ${message}` };
  }
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
