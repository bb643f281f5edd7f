import { EXPECTED_OF_DIRECTION, EXPECTED_OF_PAIRS, type GateIdentity } from '../shared/bundle/gates/gate_codes.ts';
import { keyOf, type FailedGate, type GateResult, type RecordedGate } from '../shared/bundle/gates/gate_result.ts';

/** A verdict with the given parts. */
export function verdict(parts: Partial<GateResult>): GateResult {
  return {
    code: 'auc',
    role: null,
    passed: true,
    value: 0.6012,
    relation: '>=',
    limit: 0.52,
    unit: 'score',
    evidence: {},
    ...parts,
  };
}

const { passed: _passed, ...failure } = verdict({ role: 'ai1', value: 0.5012 });
/** Why a bundle is rejected. */
export const FAILED_GATE: FailedGate = failure;

/** A direction model that knows more than honest ones do. */
export const IMPLAUSIBLE = verdict({
  code: 'plausible',
  role: 'direction',
  passed: false,
  value: 0.7,
  relation: '<=',
  limit: 0.55,
  evidence: { auc: 0.7, standard_error: 0.02, most: 0.55 },
});

const passed = (identity: GateIdentity): GateResult => verdict(identity as Pick<GateResult, 'code' | 'role'>);

/** Verdicts of every gate of a training of pair models, or of the direction model: all passed but the given ones. */
export function passedGates(kind: 'pairs' | 'direction', ...others: readonly RecordedGate[]): RecordedGate[] {
  const keys = new Set(others.map(keyOf));
  const all = (kind === 'pairs' ? EXPECTED_OF_PAIRS : EXPECTED_OF_DIRECTION).map(passed);
  return [...all.filter((gate) => !keys.has(keyOf(gate))), ...others];
}
