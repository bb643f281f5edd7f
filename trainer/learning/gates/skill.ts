import type { Evidence, GateResult } from '../../../shared/bundle/gates/gate_result.ts';
import type { Skill } from '../../../shared/bundle/manifest.ts';
import { claimedPairs } from './claimed_pairs.ts';
import type { BundleEvidence, Edges, Gate } from './gate.ts';

export const skill: Gate<BundleEvidence> = {
  code: 'skill',
  vetoes:
    'A bundle with an edge on any pair whose AI1 ranks no better than the same model in placebo markets, where bars are mirrored by coins: its AUC is geometry.',
  threshold: { fixed: 'AUC − placebo above 0 at 95 %' },
  check: ({ skill, edge }) => checkSkill(skill, edge),
};

/**
 * A bundle that claims an edge must know direction: its AUC must exceed what geometry earns in placebo markets, at
 * 95 %. One that claims none may serve its probabilities.
 */
export function checkSkill(skill: Skill | null, edge: Edges): GateResult {
  const claimed = claimedPairs(edge);
  const isClaimed = claimed.length > 0;
  const lower = skill?.lower_95 ?? null;
  return {
    code: 'skill',
    role: 'ai1',
    passed: !isClaimed || (lower !== null && lower > 0),
    value: lower,
    relation: isClaimed ? '>' : null,
    limit: isClaimed ? 0 : null,
    unit: 'score',
    evidence: { ...skillEvidence(skill), claimed },
  };
}

function skillEvidence(skill: Skill | null): Evidence {
  if (skill === null) return { reason: 'not_measured' };
  const { auc, placebo_auc, skill: difference, standard_error, lower_95, days } = skill;
  return { auc, placebo_auc, skill: difference, standard_error, lower_95, days };
}
