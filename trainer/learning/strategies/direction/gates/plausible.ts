import { finite } from '../../../../../shared/bundle/gates/gate_result.ts';
import { aucLowerBound } from '../../../statistics/auc_error.ts';
import { IDLE, type DirectionGate } from './direction_gate.ts';

/** An AUC of up against down that honest models of such a market reach; above it, one knows what comes next. */
export const UP_OR_DOWN_BOUND = 0.57;
/** Share of the models at this bound that are refused by chance; of those below it, fewer. */
export const UP_OR_DOWN_LEVEL = 0.05;

export const plausible: DirectionGate = {
  code: 'plausible',
  vetoes: 'An AUC of up against down, among the evaluated bars that moved, that honest models do not reach.',
  limit: `at most ${UP_OR_DOWN_BOUND}, or beyond it by chance`,
  check: ({ upOrDown }) => {
    const most = UP_OR_DOWN_BOUND;
    if (upOrDown === null) return { ...IDLE, unit: 'score', evidence: { reason: 'no_bar_moved', most } };
    const { auc, standard_error } = upOrDown;
    const lower = aucLowerBound(upOrDown, UP_OR_DOWN_LEVEL);
    return {
      passed: lower <= most,
      value: auc,
      relation: '<=',
      limit: most + (auc - lower),
      unit: 'score',
      evidence: { auc, standard_error: finite(standard_error), most },
    };
  },
};
