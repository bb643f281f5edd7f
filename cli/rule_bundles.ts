import { keptRules, type ListedRule } from '../trainer/control/rules/kept_rules.ts';
import type { Output } from './output.ts';
import { versionMark } from './version_mark.ts';

/** Prints the rules that an installation keeps, oldest first. @throws MinutehandError as keptRules */
export function listRuleBundles(models: string, output: Output): readonly ListedRule[] {
  const rules = keptRules(models);
  for (const rule of rules) {
    const mark = versionMark({ active: rule.served, shadow: rule.shadow });
    output.line(`${mark} ${rule.version.padEnd(22)} ${rule.error ?? aboutOf(rule)}`);
  }
  return rules;
}

function aboutOf({ instrument, name, origin, no_edge, failed_gates, missing_gates }: ListedRule): string {
  const failed = failed_gates.length === 0 ? '' : `; failed: ${failed_gates.join(', ')}`;
  const missing = missing_gates.length === 0 ? '' : `; without a verdict: ${missing_gates.join(', ')}`;
  return `${instrument} ${name}, ${origin}, ${no_edge === true ? 'NO_EDGE' : 'edge'}${failed}${missing}`;
}
