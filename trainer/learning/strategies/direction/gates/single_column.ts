import { IDLE, type DirectionGate } from './direction_gate.ts';

/** AUC of up against down that no single column of an honest series reaches. */
export const COLUMN_BOUND = 0.75;

export const singleColumn: DirectionGate = {
  code: 'single_column',
  vetoes:
    'A column from a series that alone tells up from down. `direction train` already refuses it (FEATURE_FORESIGHT).',
  limit: `an AUC of at most ${COLUMN_BOUND} on training rows, beyond chance`,
  check: ({ column }) => {
    const most = COLUMN_BOUND;
    if (column === 'of training') return { ...IDLE, unit: 'score', evidence: { reason: 'of_training', most } };
    if (column === null) return { ...IDLE, unit: 'score', evidence: { reason: 'no_column', most } };
    return { ...IDLE, value: column.auc, unit: 'score', evidence: { column: column.name, auc: column.auc, most } };
  },
};
