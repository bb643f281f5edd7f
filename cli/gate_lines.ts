import type { RecordedGate } from '../shared/bundle/gates/gate_result.ts';
import { gateStep } from '../shared/bundle/gates/gate_steps.ts';
import { gateText } from '../shared/bundle/gates/gate_text.ts';
import { servingFailures } from '../shared/bundle/recorded_gates.ts';
import type { RetrainPolicy } from '../shared/policy/schema.ts';
import { endPartly, type Output } from './output.ts';

type ClaimsVeto = RetrainPolicy['claims_veto'];

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

/** Ends a training that requires its gates, where some have failed that keep its result from being served. */
export function endByGates(gates: readonly RecordedGate[], veto: ClaimsVeto, output: Pick<Output, 'missing'>): void {
  const failed = servingFailures(gates, veto).map((gate) => gateText(gate).name);
  if (failed.length > 0) endPartly([`Gates have failed: ${failed.join(', ')}.`], false, output);
}

/** @param name version or path of the bundle */
export function activationText(name: string, hasPassed: boolean): string {
  const command = `minutehand models promote ${name}`;
  if (hasPassed) return `Activate it with: ${command}`;
  return `Gates have failed. Only with a reason: ${command} --despite-gates --reason <text>`;
}
