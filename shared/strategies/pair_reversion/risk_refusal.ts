import { PAIR_RULE } from './pair_rule.ts';

const JUDGEMENT = PAIR_RULE.entries.findIndex(({ name }) => name === 'risk_score');
const REFUSED = PAIR_RULE.entries[JUDGEMENT]!.reason;
const ADMITTED: ReadonlySet<string> = new Set(PAIR_RULE.entries.slice(JUDGEMENT + 1).map(({ reason }) => reason));

/** Entry candidates that AI2 judged, which no condition before it had refused, and what it did with them. */
export interface RiskRefusal {
  readonly judged: number;
  readonly refused: number;
  /** Refusal rate (やらない勇気発動率): refused ÷ judged; null where nothing reached AI2. */
  readonly rate: number | null;
}

/** How AI2 judged a candidate with this reason; null: an earlier condition refused the candidate. */
export function riskJudgement(reason: string): 'refused' | 'admitted' | null {
  if (reason === REFUSED) return 'refused';
  return reason === 'ENTRY' || ADMITTED.has(reason) ? 'admitted' : null;
}

/**
 * Refusal rate of AI2.
 * @param refusals number of refused candidates by reason
 * @param entered number of entered candidates
 */
export function riskRefusal(refusals: Readonly<Partial<Record<string, number>>>, entered: number): RiskRefusal {
  const counts = { refused: 0, admitted: entered };
  for (const [reason, count = 0] of Object.entries(refusals)) {
    const judgement = riskJudgement(reason);
    if (judgement !== null) counts[judgement] += count;
  }
  const judged = counts.refused + counts.admitted;
  return { judged, refused: counts.refused, rate: judged === 0 ? null : counts.refused / judged };
}
