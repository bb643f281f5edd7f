import type { GateResult } from '../../../shared/bundle/gates/gate_result.ts';
import type { ModelMetrics } from '../../../shared/bundle/manifest.ts';
import type { BundleEvidence, Gate } from './gate.ts';

export const auc: Gate<BundleEvidence> = {
  code: 'auc',
  vetoes: 'An AUC of AI1 on the holdout below the limit.',
  threshold: { key: 'adopt_min_auc' },
  check: ({ models, limits }) => checkAuc(models.ai1.validation.report.holdout.pooled, limits.adopt_min_auc),
};

/** A model without skill (as with shuffled labels) has an AUC of about 0.5. */
export function checkAuc({ auc }: Pick<ModelMetrics, 'auc'>, least: number): GateResult {
  return {
    code: 'auc',
    role: 'ai1',
    passed: auc !== null && auc >= least,
    value: auc,
    relation: '>=',
    limit: least,
    unit: 'score',
    evidence: {},
  };
}
