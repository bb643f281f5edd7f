import type { RecordedGate } from '../shared/bundle/gates/gate_result.ts';
import { gateStep } from '../shared/bundle/gates/gate_steps.ts';
import { gateText } from '../shared/bundle/gates/gate_text.ts';

/** `gate ai1 auc: passed (0.6012; at least 0.52 on the holdout)`, and below one that failed what to do about it. */
export function gateLines(gates: readonly RecordedGate[]): string[] {
  const failed = gates.filter(({ passed }) => !passed);
  return gates.flatMap((gate) => {
    const { name, seen, limit } = gateText(gate);
    const line = `gate ${name}: ${gate.passed ? 'passed' : 'FAILED'} (${seen}; ${limit})`;
    const step = gate.passed ? null : gateStep(gate, failed);
    return step === null ? [line] : [line, `  → ${step}`];
  });
}

/** @param name version or path of the bundle */
export function activationText(name: string, hasPassed: boolean): string {
  const command = `minutehand models promote ${name}`;
  if (hasPassed) return `Activate it with: ${command}`;
  return `Gates have failed. Only with a reason: ${command} --despite-gates --reason <text>`;
}
