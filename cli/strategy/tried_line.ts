import type { SearchedBefore } from '../../shared/bundle/rule/searched_rules.ts';
import type { TriedBefore } from '../../trainer/jobs/kinds/trials_of_rule.ts';

/** The number of trials that a rule is charged with, and where it comes from; null where it is 1. */
export function triedLine({ trials, searched }: TriedBefore): string | null {
  if (searched !== null) return `${searchedText(searched)}: it is judged as one of ${trials}.`;
  return trials === 1
    ? null
    : `A search tried ${trials} rules before it proposed this one, says its file or a kept rule.`;
}

function searchedText({ match, searches }: SearchedBefore): string {
  const by = searches === 1 ? 'a search of this installation has' : `${searches} searches of this installation have`;
  if (match === 'same') return `${by[0]!.toUpperCase()}${by.slice(1)} tried this rule`;
  return `This rule is a near copy (numbers, order, exits, other side) of one that ${by} tried`;
}
