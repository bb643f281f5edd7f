import type { KeptRule } from '../../trainer/jobs/kinds/rule_candidate.ts';

/** What a person can do with a rule that was kept. */
export function candidateLine({ version, path }: KeptRule, hasPassed: boolean): string {
  return hasPassed
    ? `Candidate ${path}. \`minutehand models promote ${version}\` has a running daemon serve it.`
    : `Candidate ${path}. It failed its judgement: \`minutehand models promote\` refuses it without an override.`;
}
