import type { Link } from '../../../../shared/bundle/onnx/tree_ensemble.ts';

/** What is trained. The model's answers: a probability, one probability per class, a value, a quantile of the value. */
export type Task =
  /** Targets in [0, 1]; soft ones (a target share) are learned by cross-entropy like hard ones. */
  | { readonly kind: 'binary' }
  /** Targets 0 … classes − 1. */
  | { readonly kind: 'multiclass'; readonly classes: number; readonly focal?: FocalLoss }
  | { readonly kind: 'regression' }
  /** `quantile` in (0, 1). */
  | { readonly kind: 'quantile'; readonly quantile: number };

/**
 * Focal loss −alpha · (1 − p)^gamma · ln p of the true class (Lin et al. 2017) instead of cross-entropy:
 * well-classified rows count less. Its answers need calibration. Supported only by `gbdt`.
 */
export interface FocalLoss {
  /** ≥ 0; 0 is cross-entropy. */
  readonly gamma: number;
  /** > 0. */
  readonly alpha: number;
}

/** How the scores of boosted trees become the answers of their task. */
export function linkOf({ kind }: { readonly kind: Task['kind'] }): Link {
  return kind === 'binary' ? 'sigmoid' : kind === 'multiclass' ? 'softmax' : 'identity';
}
