import { recordedRuleGates, type RecordedGates } from '../recorded_gates.ts';
import type { FileRule } from './rule_bundle.ts';
import { searchedBefore } from './searched_rules.ts';

/**
 * Verdicts of a rule in an installation. One that was judged as written by a person, although a search of this
 * installation had tried it before, lacks those on its search: another installation may have judged it.
 * @throws MinutehandError LOOKS_FORMAT
 */
export function ruleVerdicts({ manifest, strategy }: FileRule, models: string): RecordedGates {
  const { origin, created } = manifest;
  const isSearched = origin === 'written' && searchedBefore(models, strategy, created) !== null;
  return recordedRuleGates({ ...manifest, origin: isSearched ? 'evolved' : origin });
}
