import { readdirSync } from 'node:fs';
import { VERSION } from '../../../shared/bundle/bundle.ts';
import { ruleFolder } from '../../../shared/bundle/rule/active_rule.ts';
import { readRuleBundle } from '../../../shared/bundle/rule/rule_bundle.ts';
import { MACHINE_FILES } from '../../../shared/files.ts';
import { pathInside } from '../../../shared/path_name.ts';
import type { FormulaStrategy, StrategyDocument } from '../../../shared/policy/strategy_file.ts';

/**
 * Rules that were tried before this one was chosen, itself included: what its file says, and at least the trials of any
 * kept rule with the same conditions and exits. A renamed copy of an evolved rule stays one of thousands.
 */
export function trialsOf({ trials = 1 }: StrategyDocument, strategy: FormulaStrategy, models: string): number {
  const own = strategyIdentity(strategy);
  const kept = keptRules(models).filter((rule) => rule.identity === own);
  return Math.max(trials, ...kept.map((rule) => rule.trials));
}

/** Formulas in their canonical form, and exits. */
export function strategyIdentity({ subject, entryLong, entryShort, exit, limits }: FormulaStrategy): string {
  const formulas = [entryLong, entryShort, exit].map((formula) => formula?.text ?? null);
  // JSON has no infinity: it stands for the exits that a rule does not have.
  return JSON.stringify([subject, formulas, limits]);
}

function keptRules(models: string): { readonly identity: string; readonly trials: number }[] {
  const folder = ruleFolder(models);
  if (MACHINE_FILES.stat(folder) === null) return [];
  return readdirSync(folder).flatMap((version) => {
    if (!VERSION.test(version)) return [];
    try {
      const { manifest, strategy } = readRuleBundle(pathInside(folder, version));
      return [{ identity: strategyIdentity(strategy), trials: manifest.trials }];
    } catch {
      // A damaged rule is shown by `strategy list`, and counts nothing.
      return [];
    }
  });
}
