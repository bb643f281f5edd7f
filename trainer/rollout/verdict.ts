import type { RolloutStage } from '../../shared/bundle/rollout.ts';
import type { GuardName } from './guards.ts';

/** Evidence at which harm ends a rollout: 1 in 20 by chance, at any look. The least that promotion needs, too. */
export const DECISIVE_E_VALUE = 20;

export interface Stage {
  readonly name: RolloutStage;
  /** Share of entries that the challenger decides. */
  readonly share: number;
  /** Shortest time in the stage; null = the end of the rollout. */
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

/** The state of a rollout at one look. */
export interface RolloutFacts {
  readonly stage: RolloutStage;
  readonly inStageMs: number;
  readonly sinceStartMs: number;
  readonly labels: number;
  /** A whole week, its weekend included, lies within the rollout. */
  readonly hasFullWeek: boolean;
  /** E-values. */
  readonly harm: number;
  /** The greatest so far: an always-valid test may stop at its best moment. */
  readonly benefit: number;
  readonly breach: { readonly guard: GuardName; readonly seen: string } | null;
}

export type Verdict =
  | { readonly verdict: 'continue' }
  | { readonly verdict: 'advance'; readonly to: Stage }
  | { readonly verdict: 'promote' }
  | { readonly verdict: 'abort' | 'inconclusive'; readonly reason: string };

/** What follows from the facts: harm first, promotion by evidence only. */
export function judge(facts: RolloutFacts, policy: VerdictPolicy): Verdict {
  const { harm, breach, benefit, labels } = facts;
  if (breach !== null) return { verdict: 'abort', reason: `guard ${breach.guard}: ${breach.seen}` };
  if (harm >= DECISIVE_E_VALUE) return { verdict: 'abort', reason: `scores are worse: e-value ${harm.toFixed(1)}` };
  const at = policy.stages.findIndex(({ name }) => name === facts.stage);
  const [stage, next] = [policy.stages[at]!, policy.stages[at + 1]];
  const isOver = stage.durationMs !== null && facts.inStageMs >= stage.durationMs;
  if (isOver && next !== undefined && labels >= policy.minLabels * (at + 1)) {
    const isLast = next.durationMs === null;
    if (!isLast) return { verdict: 'advance', to: next };
    if (benefit >= policy.promotionEValue && facts.hasFullWeek) return { verdict: 'promote' };
  }
  if (facts.sinceStartMs < policy.timeoutMs) return { verdict: 'continue' };
  return { verdict: 'inconclusive', reason: `benefit e-value ${benefit.toFixed(1)}, harm ${harm.toFixed(1)}` };
}
