import { EN } from './en.ts';
import { DIRECTION_GATES, ADOPTION_GATES, PAIR_GATES, RULE_GATES, type GateCode, type GateRole } from './gate_codes.ts';
import { keyOf, type AnyGate } from './gate_result.ts';

const CODES: ReadonlySet<string> = new Set(
  Object.keys({ ...PAIR_GATES, ...DIRECTION_GATES, ...RULE_GATES, ...ADOPTION_GATES }),
);

/**
 * Next step after a failure of this gate; null where it has none, as a rejection in the registry.
 * @param failed all that failed with it: a model that had too few samples has learned nothing, so that its other
 *   failures say nothing about the inputs
 */
export function gateStep(gate: AnyGate, failed: readonly AnyGate[] = [gate]): string | null {
  const { role, code } = partsOf(gate);
  if (!CODES.has(code)) return null;
  const hasTooFew = failed.some((one) => partsOf(one).code === 'samples' && partsOf(one).role === role);
  return stepAfter(hasTooFew && code !== 'samples' ? 'samples' : (code as GateCode), role);
}

/** What to do about all that failed, each step once, too few samples first. */
export function gateSteps(failed: readonly AnyGate[]): string[] {
  const isOfSamples = (gate: AnyGate): boolean => partsOf(gate).code === 'samples';
  const ordered = [...failed.filter(isOfSamples), ...failed.filter((gate) => !isOfSamples(gate))];
  return [...new Set(ordered.flatMap((gate) => gateStep(gate, failed) ?? []))];
}

function partsOf(gate: AnyGate): { readonly role: GateRole | null; readonly code: string } {
  const [, role, code] = /^(?:(ai[123]|direction)\.)?(.+)$/s.exec(keyOf(gate))!;
  return { role: (role ?? null) as GateRole | null, code: code! };
}

/** @param role that the gate has judged */
export function stepAfter(code: GateCode, role: GateRole | null): string {
  const { next, nextOf } = EN.gates[code];
  return (role === null ? undefined : nextOf?.[role]) ?? next;
}
