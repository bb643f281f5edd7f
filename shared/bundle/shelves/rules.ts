import { MACHINE_FILES } from '../../files.ts';
import { isInstrument, type Pair } from '../../pair.ts';
import { pathInside } from '../../path_name.ts';
import { isRuleBundle, ruleFolder } from '../rule/active_rule.ts';
import { readRuleBundle } from '../rule/rule_bundle.ts';
import type { AnyRule } from '../rule/rule_model.ts';
import { ruleVerdicts } from '../rule/rule_verdicts.ts';
import type { RecordedGates } from '../recorded_gates.ts';
import type { BundleShelf } from './bundle_shelf.ts';
import { ALL_SHELVES } from './registry.ts';

type ShelfOfRules = BundleShelf & Required<Pick<BundleShelf, 'openRule'>>;

/** Those of strategies whose bundles are served as rules. */
export const SHELVES_OF_RULES = ALL_SHELVES.filter((shelf): shelf is ShelfOfRules => shelf.openRule !== undefined);

/** The strategy whose bundle a folder has; undefined: that of a strategy file, or none. */
export function shelfOfRule(folder: string): ShelfOfRules | undefined {
  return SHELVES_OF_RULES.find((shelf) => shelf.isBundle(folder));
}

/**
 * The subjects that rules may answer for. Pairs are among them only where a strategy has rules: those of strategy files
 * are of instruments.
 */
export function subjectsOfRules(subjects: readonly Pair[], hasPairRules = SHELVES_OF_RULES.length > 0): Pair[] {
  return subjects.filter((subject) => hasPairRules || isInstrument(subject));
}

/** Whether a folder has what may answer for a subject in place of its models. */
export function isRule(folder: string): boolean {
  return isRuleBundle(folder) || shelfOfRule(folder) !== undefined;
}

/** Reads and verifies it. @throws MinutehandError as readRuleBundle and BundleShelf.openRule */
export function openRule(folder: string): AnyRule {
  const shelf = shelfOfRule(folder);
  return shelf === undefined ? readRuleBundle(folder) : shelf.openRule(folder);
}

/** The same with the verdicts of its gates in an installation. @throws MinutehandError LOOKS_FORMAT; as openRule */
export function openJudgedRule(folder: string, modelsFolder: string): { rule: AnyRule; recorded: RecordedGates } {
  const shelf = shelfOfRule(folder);
  if (shelf !== undefined) return { rule: shelf.openRule(folder), recorded: shelf.facts(folder).recorded };
  const rule = readRuleBundle(folder);
  return { rule, recorded: ruleVerdicts(rule, modelsFolder) };
}

/** The folder of the rule of a version: that of rules of strategy files where no strategy has it. */
export function folderOfRule(modelsFolder: string, version: string): string {
  const ofStrategies = SHELVES_OF_RULES.map((shelf) => pathInside(shelf.folder(modelsFolder), version));
  const own = ofStrategies.find((folder) => MACHINE_FILES.stat(folder) !== null);
  return own ?? pathInside(ruleFolder(modelsFolder), version);
}

/** Opens the rules of a folder of bundles by their version. @throws MinutehandError as openRule */
export function ruleOpener(modelsFolder: string): (version: string) => AnyRule {
  return (version) => openRule(folderOfRule(modelsFolder, version));
}
