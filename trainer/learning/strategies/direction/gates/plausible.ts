import { finite } from '../../../../../shared/bundle/gates/gate_result.ts';
import { aucLowerBound, type AucEstimate } from '../../../statistics/auc_error.ts';
import { IDLE, type DirectionGate } from './direction_gate.ts';

/** An AUC of up against down above it is more than an honest model of such a market has shown. */
export const UP_OR_DOWN_BOUND = 0.55;
/** Error rate at which such an AUC must also exceed one half: few rows reach any AUC by chance. */
export const UP_OR_DOWN_LEVEL = 0.05;

export const plausible: DirectionGate = {
  code: 'plausible',
  vetoes: 'An AUC of up against down, among the evaluated bars that moved, that honest models do not reach.',
  limit: `at most ${UP_OR_DOWN_BOUND}, or within chance of 0.5`,
  check: ({ upOrDown }) => {
    const most = UP_OR_DOWN_BOUND;
    if (upOrDown === null) return { ...IDLE, unit: 'score', evidence: { reason: 'no_bar_moved', most } };
    const { auc, standard_error } = upOrDown;
    return {
      passed: isPlausible(upOrDown),
      value: auc,
      relation: '<=',
      limit: Math.max(most, 0.5 + (auc - aucLowerBound(upOrDown, UP_OR_DOWN_LEVEL))),
      unit: 'score',
      evidence: { auc, standard_error: finite(standard_error), most },
    };
  },
};

/** Whether an honest model may have this AUC of up against down. */
export function isPlausible(upOrDown: AucEstimate): boolean {
  return upOrDown.auc <= UP_OR_DOWN_BOUND || aucLowerBound(upOrDown, UP_OR_DOWN_LEVEL) <= 0.5;
}
