import type { GateResult } from '../../../../../shared/bundle/gates/gate_result.ts';
import { bias } from './bias.ts';
import type { DirectionEvidence, DirectionGate } from './direction_gate.ts';
import { f1 } from './f1.ts';
import { oneBarLater } from './one_bar_later.ts';
import { plausible } from './plausible.ts';
import { seriesForesight } from './series_foresight.ts';
import { singleColumn } from './single_column.ts';

/** Gates of a direction model, in the order of their results. */
export const DIRECTION_GATES: readonly DirectionGate[] = [
  bias,
  plausible,
  seriesForesight,
  singleColumn,
  oneBarLater,
  f1,
];

/** Results of all gates, in their order. */
export function directionGates(evidence: DirectionEvidence): GateResult[] {
  return DIRECTION_GATES.map(({ code, check }) => ({ code, role: 'direction', ...check(evidence) }));
}
