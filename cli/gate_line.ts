import type { RecordedGate } from '../shared/bundle/gates/gate_result.ts';
import { gateText } from '../shared/bundle/gates/gate_text.ts';

/** `gate ai1 auc: passed (0.6012; at least 0.52 on the holdout)`. */
export function gateLine(gate: RecordedGate): string {
  const { name, seen, limit } = gateText(gate);
  return `gate ${name}: ${gate.passed ? 'passed' : 'FAILED'} (${seen}; ${limit})`;
}
