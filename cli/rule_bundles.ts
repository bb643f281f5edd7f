import { keptRules, type ListedRule } from '../trainer/control/rules/kept_rules.ts';
import type { Output } from './output.ts';
import { gatesLine } from './gates_line.ts';
import { versionMark } from './version_mark.ts';

/** Prints the rules that an installation keeps, oldest first. */
export function listRuleBundles(models: string, output: Output): readonly ListedRule[] {
  const rules = keptRules(models);
  for (const rule of rules) {
    const mark = versionMark({ active: rule.served, shadow: rule.shadow });
    output.line(`${mark} ${rule.version.padEnd(22)} ${rule.error ?? aboutOf(rule)}`);
  }
  return rules;
}

function aboutOf(rule: ListedRule): string {
  const { instrument, name, origin, no_edge } = rule;
  return `${instrument} ${name}, ${origin}, ${no_edge === true ? 'NO_EDGE' : 'edge'}${gatesLine(rule)}`;
}
