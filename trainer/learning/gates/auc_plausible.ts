import type { GateResult } from '../../../shared/bundle/gates/gate_result.ts';
import type { BundleEvidence, Gate } from './gate.ts';

/**
 * AUC that no honest model of a pair reaches. On ten real pairs AI1 has 0.63 and AI2 0.83; a planted reverting spread
 * gives AI1 up to 0.72.
 */
export const MODEL_AUC_LIMITS = { ai1: 0.8, ai2: 0.93 } as const;

export const aucPlausible: Gate<BundleEvidence> = {
  code: 'auc_plausible',
  vetoes: 'An AUC on the holdout that no honest model of a market reaches.',
  threshold: { fixed: `${MODEL_AUC_LIMITS.ai1} of AI1, ${MODEL_AUC_LIMITS.ai2} of AI2` },
  check: ({ models }, role) => {
    const model = role as keyof typeof MODEL_AUC_LIMITS;
    return checkPlausible(model, models[model].validation.report.holdout.pooled.auc);
  },
};

export function checkPlausible(role: keyof typeof MODEL_AUC_LIMITS, auc: number | null): GateResult | null {
  if (auc === null) return null;
  const limit = MODEL_AUC_LIMITS[role];
  return {
    code: 'auc_plausible',
    role,
    passed: auc <= limit,
    value: auc,
    relation: '<=',
    limit,
    unit: 'score',
    evidence: {},
  };
}
