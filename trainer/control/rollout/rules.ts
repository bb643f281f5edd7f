import type { Settings } from '../../../shared/policy/policy.ts';
import type { GuardLimits } from './guards.ts';
import { DECISIVE_E_VALUE, type VerdictPolicy } from './verdict.ts';

/**
 * Level of the next candidate so that the false-discovery rate over all candidates, in any number and dependence, stays
 * below `rate`: e-LOND, rate · γ_t · (1 + promotions so far) with γ_t = 1 / (t (t + 1)); a candidate is promoted when
 * its e-value reaches 1 / level. Xu & Ramdas, Online multiple testing with e-values (AISTATS 2024).
 * @param history of earlier candidates: promoted or not
 */
export function candidateLevel(rate: number, history: readonly boolean[]): number {
  const t = history.length + 1;
  const promoted = history.filter((wasPromoted) => wasPromoted).length;
  return (rate * (1 + promoted)) / (t * (t + 1));
}

const HOUR_MS = 3_600_000;
const DAY_MS = 24 * HOUR_MS;
/** Answers that are due before the share of missing ones counts. */
const MISSING_MIN_DUE = 2000;

/** All rules of a rollout, from retrain_policy.yaml. */
export interface RolloutRules extends VerdictPolicy {
  readonly guards: GuardLimits;
}

/** @param history outcomes of earlier rollouts: promoted or not */
export function rolloutRules(policy: Settings['retrain'], history: readonly boolean[] = []): RolloutRules {
  return {
    stages: policy.deployment_stages.map(({ name, allocation, duration }) => ({
      name,
      share: allocation,
      durationMs: durationMs(duration),
    })),
    minLabels: policy.rollout_min_labels,
    timeoutMs: policy.rollout_timeout_days * DAY_MS,
    onTimeout: policy.rollout_on_timeout,
    promotionEValue: Math.max(DECISIVE_E_VALUE, 1 / candidateLevel(policy.rollout_fdr, history)),
    guards: {
      loss_budget_bps: policy.rollout_loss_budget_bps,
      entry_ratio_max: policy.rollout_entry_ratio_max,
      pass_rate_range: policy.pass_rate_range,
      missing_share_max: policy.rollout_missing_share_max,
      missing_min_due: MISSING_MIN_DUE,
    },
  };
}

/** Time before the last stage can end. */
export function stagesMs({ stages }: Pick<RolloutRules, 'stages'>): number {
  return stages.reduce((sum, stage) => sum + (stage.durationMs ?? 0), 0);
}

/** `24h`, `3d`; null for `ongoing`. */
function durationMs(text: string): number | null {
  if (text === 'ongoing') return null;
  return Number.parseInt(text, 10) * (text.endsWith('h') ? HOUR_MS : DAY_MS);
}
