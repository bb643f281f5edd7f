import { gateKey, keyOfName, type GateCode, type GateRole } from './gate_codes.ts';
import type { Evidence, FailedGate, MeasuredFailure, RecordedGate, Relation, Unit } from './gate_schema.ts';

export type { Evidence, FailedGate, RecordedGate } from './gate_schema.ts';

/** A verdict of this version. */
export interface GateResult {
  readonly code: GateCode;
  readonly role: GateRole | null;
  readonly passed: boolean;
  readonly value: number | null;
  readonly relation: Relation | null;
  readonly limit: number | null;
  readonly unit: Unit;
  readonly evidence: Evidence;
}

/** What stands for one verdict, passed or not. */
export type AnyGate = GateResult | RecordedGate | FailedGate;
/** What a verdict has measured, passed or not. */
export type MeasuredGate = Readonly<Omit<MeasuredFailure, 'group'>>;

/** Whether a verdict is data, and no text of an earlier version. */
export function isMeasured<Gate extends AnyGate>(gate: Gate): gate is Extract<Gate, { readonly evidence: unknown }> {
  return 'evidence' in gate;
}

/** Names a verdict, also one of an earlier version: `ai1.auc_above_noise`. */
export function keyOf(gate: AnyGate): string {
  if (isMeasured(gate)) return gateKey(gate);
  return keyOfName('name' in gate ? gate.name : gate.code);
}

/** Whether a gate did not fail, but has no verdict. */
export function hasNoVerdict(gate: AnyGate): boolean {
  if (isMeasured(gate)) return gate.evidence['reason'] === NO_VERDICT;
  // As earlier versions wrote it into pointers.
  return gate.seen === 'no recorded verdict' || gate.seen === 'no recorded verdicts';
}

/** Why a gate has no value: a bundle has no verdict of it. */
export const NO_VERDICT = 'no_verdict';

/**
 * Whether value, relation and limit agree with the verdict. Where no limit applies, `reason` of the evidence, or the
 * gate's own evidence, says why.
 */
export function isExplained({ passed, value, relation, limit }: MeasuredGate & { readonly passed: boolean }): boolean {
  if (relation === null || limit === null) return true;
  if (value === null) return !passed;
  switch (relation) {
    case '>':
      return value > limit === passed;
    case '>=':
      return value >= limit === passed;
    case '<':
      return value < limit === passed;
    case '<=':
      return value <= limit === passed;
  }
}

/** A number that JSON can have. */
export function finite(value: number | null | undefined): number | null {
  return value !== undefined && value !== null && Number.isFinite(value) ? value : null;
}
