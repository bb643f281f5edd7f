import { readdirSync } from 'node:fs';
import { VERSION } from '../../../shared/bundle/bundle.ts';
import { ruleFolder } from '../../../shared/bundle/rule/active_rule.ts';
import { strategyIdentity } from '../../../shared/bundle/rule/rule_identity.ts';
import { readRuleBundle } from '../../../shared/bundle/rule/rule_bundle.ts';
import { searchedBefore, type SearchedBefore } from '../../../shared/bundle/rule/searched_rules.ts';
import { MACHINE_FILES } from '../../../shared/files.ts';
import { pathInside } from '../../../shared/path_name.ts';
import type { FormulaStrategy, StrategyDocument } from '../../../shared/policy/strategy_file.ts';

/** What was tried before a rule was chosen. */
export interface TriedBefore {
  /** Rules, itself included; 1 of one that a person wrote. */
  readonly trials: number;
  /** Searches of this installation that have tried it, or one of which it is a near copy; null: none. */
  readonly searched: SearchedBefore | null;
}

/**
 * The most that any of these says: the file, kept rules with the same conditions and exits, and the searches of this
 * installation, which have tried the rule or one that differs in numbers. A renamed copy of an evolved rule stays one
 * of thousands.
 * @throws MinutehandError LOOKS_FORMAT
 */
export function triedBefore({ trials = 1 }: StrategyDocument, strategy: FormulaStrategy, models: string): TriedBefore {
  const own = strategyIdentity(strategy);
  const kept = keptRules(models).filter((rule) => rule.identity === own);
  const searched = searchedBefore(models, strategy);
  const ofSearches = (searched?.trials ?? 1) + furtherTrials(searched);
  return { trials: Math.max(trials, ofSearches, ...kept.map((rule) => rule.trials)), searched };
}

/** A near copy is one more than the rules that searches have counted. */
export function furtherTrials(searched: SearchedBefore | null): 0 | 1 {
  return searched?.match === 'near' ? 1 : 0;
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
