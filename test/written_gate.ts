import type { AnyGate } from '../shared/bundle/gates/gate_result.ts';
import { gateText } from '../shared/bundle/gates/gate_text.ts';

/** A verdict as a person reads it. */
export interface WrittenGate {
  readonly name: string;
  readonly passed: boolean;
  readonly seen: string;
  readonly limit: string;
}

export function writtenGate(gate: AnyGate & { readonly passed: boolean }): WrittenGate {
  const { name, seen, limit } = gateText(gate);
  return { name, passed: gate.passed, seen, limit };
}
