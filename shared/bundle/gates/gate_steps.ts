import { EN } from './en.ts';
import { DIRECTION_GATES, ADOPTION_GATES, PAIR_GATES, RULE_GATES, type GateCode, type GateRole } from './gate_codes.ts';
import { keyOf, type AnyGate } from './gate_result.ts';

const CODES: ReadonlySet<string> = new Set(
  Object.keys({ ...PAIR_GATES, ...DIRECTION_GATES, ...RULE_GATES, ...ADOPTION_GATES }),
);

/** Next step after a failure of this gate; null where it has none, as a rejection in the registry. */
export function gateStep(gate: AnyGate): string | null {
  const [, role, code] = /^(?:(ai[123]|direction)\.)?(.+)$/s.exec(keyOf(gate))!;
  return CODES.has(code!) ? stepAfter(code as GateCode, (role ?? null) as GateRole | null) : null;
}

/** @param role that the gate has judged */
export function stepAfter(code: GateCode, role: GateRole | null): string {
  const { next, nextOf } = EN.gates[code];
  return (role === null ? undefined : nextOf?.[role]) ?? next;
}
