import type { RolloutStage } from '../../../shared/bundle/rollout.ts';
import type { GuardName } from './guards.ts';

/** E-value at which harm ends a rollout, and the minimum for promotion: at any one look 1 in 20 by chance. */
export const DECISIVE_E_VALUE = 20;

export interface Stage {
  readonly name: RolloutStage;
  /** Share of entries that the challenger decides. */
  readonly share: number;
  /** Minimum time in the stage; null = the end of the rollout. */
  readonly durationMs: number | null;
}

export interface VerdictPolicy {
  readonly stages: readonly Stage[];
  /** Matured labels that each further stage, and promotion, needs. */
  readonly minLabels: number;
  /** From the start; without decisive evidence until then the rollout is inconclusive. */
  readonly timeoutMs: number;
  readonly onTimeout: 'stay' | 'return';
  /** E-value of benefit that promotion needs. */
  readonly promotionEValue: number;
}

/** The state of a rollout at one evaluation. */
export interface RolloutFacts {
  readonly stage: RolloutStage;
  readonly inStageMs: number;
  readonly sinceStartMs: number;
  readonly labels: number;
  /** Whether the rollout spans a whole week, including its weekend. */
  readonly hasFullWeek: boolean;
  /** E-value that the challenger scores worse: the greatest so far. */
  readonly harm: number;
  /** E-value that the challenger scores better, now. */
  readonly benefit: number;
  /**
   * Mean of champion's loss − challenger's loss per label: log loss in nats, and Brier score; of rules, both are the
   * challenger's result of a bar − the champion's, bps.
   */
  readonly meanLogLoss: number;
  readonly meanBrier: number;
  readonly breach: { readonly guard: GuardName; readonly seen: string } | null;
}

export type RolloutVerdict =
  | { readonly verdict: 'continue' }
  | { readonly verdict: 'advance'; readonly to: Stage }
  | { readonly verdict: 'promote' }
  | { readonly verdict: 'abort' | 'inconclusive'; readonly reason: string };

/** The verdict: harm first, promotion by evidence only. */
export function checkRollout(facts: RolloutFacts, policy: VerdictPolicy): RolloutVerdict {
  const { harm, breach, benefit, labels } = facts;
  if (breach !== null) return { verdict: 'abort', reason: `guard ${breach.guard}: ${breach.seen}` };
  if (harm >= DECISIVE_E_VALUE)
    return { verdict: 'abort', reason: `the challenger is worse: e-value ${harm.toFixed(1)}` };
  const at = policy.stages.findIndex(({ name }) => name === facts.stage);
  const stage = policy.stages[at]!;
  const next = policy.stages[at + 1];
  const isOver = stage.durationMs !== null && facts.inStageMs >= stage.durationMs;
  if (isOver && next !== undefined && labels >= policy.minLabels * (at + 1)) {
    const isLast = next.durationMs === null;
    if (!isLast) return { verdict: 'advance', to: next };
    if (benefit >= policy.promotionEValue && isNotWorse(facts) && facts.hasFullWeek) return { verdict: 'promote' };
  }
  if (facts.sinceStartMs < policy.timeoutMs) return { verdict: 'continue' };
  return { verdict: 'inconclusive', reason: `benefit e-value ${benefit.toFixed(1)}, harm ${harm.toFixed(1)}` };
}

/** Whether the challenger's mean log loss and mean Brier score are both at most the champion's. */
function isNotWorse({ meanLogLoss, meanBrier }: RolloutFacts): boolean {
  return meanLogLoss >= 0 && meanBrier >= 0;
}

/** The next stage or promotion, and every unmet condition. */
export interface Outlook {
  readonly next: string;
  readonly blocked: readonly string[];
}

const HOUR_MS = 3_600_000;

/** Empty `blocked`: the next step follows at the next evaluation, unless evidence of harm ends the rollout. */
export function outlookOf(
  facts: RolloutFacts,
  policy: VerdictPolicy,
  compared: 'probabilities' | 'results' = 'probabilities',
): Outlook {
  const at = policy.stages.findIndex(({ name }) => name === facts.stage);
  const stage = policy.stages[at]!;
  const next = policy.stages[at + 1];
  if (next === undefined || stage.durationMs === null) return { next: 'promotion', blocked: [] };
  const isLast = next.durationMs === null;
  const labels = policy.minLabels * (at + 1);
  const isOfResults = compared === 'results';
  const hours = (ms: number): string => (ms / HOUR_MS).toFixed(1);
  const conditions: readonly (readonly [isMet: boolean, text: string])[] = [
    [facts.inStageMs >= stage.durationMs, `${hours(facts.inStageMs)} of ${hours(stage.durationMs)} h in the stage`],
    [facts.labels >= labels, `${facts.labels} of ${labels} ${isOfResults ? 'bars of both' : 'matured labels'}`],
    [
      !isLast || facts.benefit >= policy.promotionEValue,
      `benefit e-value ${facts.benefit.toFixed(1)} of ${policy.promotionEValue.toFixed(0)}`,
    ],
    [
      !isLast || isNotWorse(facts),
      isOfResults
        ? `mean result of a bar below the champion's by ${(-facts.meanLogLoss).toFixed(4)} bps`
        : `means worse than the champion's: log loss by ${(-facts.meanLogLoss).toFixed(4)}, Brier score by ${(-facts.meanBrier).toFixed(4)}`,
    ],
    [!isLast || facts.hasFullWeek, 'no full trading week yet'],
  ];
  const blocked = conditions.filter(([isMet]) => !isMet).map(([, text]) => text);
  return { next: isLast ? 'promotion' : `stage ${next.name}`, blocked };
}
