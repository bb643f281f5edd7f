import * as z from 'zod';
import type { DirectionManifest } from './direction/direction_manifest.ts';
import type { RetrainPolicy } from '../policy/schema.ts';
import {
  CLAIM_REASONS,
  claimReason,
  EXPECTED_OF_DIRECTION,
  EXPECTED_OF_EVOLVED_RULE,
  EXPECTED_OF_PAIRS,
  EXPECTED_OF_WRITTEN_RULE,
  gateKey,
  needsLimit,
  type ClaimReason,
  type GateIdentity,
} from './gates/gate_codes.ts';
import {
  isExplained,
  isMeasured,
  keyOf,
  NO_VERDICT,
  type AnyGate,
  type Evidence,
  type FailedGate,
  type RecordedGate,
} from './gates/gate_result.ts';
import { failedGateSchema } from './gates/gate_schema.ts';
import { gateReason, gateText } from './gates/gate_text.ts';
import { parseInstrument } from '../pair.ts';
import { fillBps, leastFillBps } from '../policy/believed_costs.ts';
import { ownGroups, type Manifest } from './manifest.ts';
import type { RuleManifest } from './rule/rule_manifest.ts';

export type { FailedGate } from './gates/gate_result.ts';

/** The verdicts that a bundle carries. */
export interface RecordedGates {
  /** Failed gates of integrity: they veto serving. */
  readonly failed: readonly FailedGate[];
  /** Failed gates of claims: they veto entries, and serving where the policy says so. */
  readonly claims: readonly FailedGate[];
  /** Gates without a verdict: an earlier version did not have them, or another program made the bundle. */
  readonly missing: readonly FailedGate[];
}

/**
 * Verdicts of the training run of a bundle; those of a group count where its own models serve. A verdict on the skill
 * that found no claimed edge to judge does not cover a bundle that claims one.
 */
export function recordedGates(
  manifest: Pick<Manifest, 'gates' | 'groups'> & Partial<Pick<Manifest, 'edge'>>,
): RecordedGates {
  const { gates = [], edge = {} } = manifest;
  const claimed = Object.keys(edge).filter((pair) => edge[pair]!.no_edge === false);
  const groups = ownGroups(manifest);
  const isOfGroup = (pair: string): boolean => groups.some(({ pairs }) => pairs.includes(pair));
  const ofGroups = groups.flatMap(({ name, pairs, gates: own = [] }) => [
    ...failuresOf(own, name),
    ...unjudgedClaims(
      own,
      claimed.filter((pair) => pairs.includes(pair)),
      name,
    ),
  ]);
  const pooled = unjudgedClaims(
    gates,
    claimed.filter((pair) => !isOfGroup(pair)),
  );
  const failed = [...failuresOf(gates), ...pooled, ...ofGroups];
  return { failed, claims: [], missing: missingOf(gates, EXPECTED_OF_PAIRS) };
}

/** The passed verdict on the skill where it has judged no claim, although pairs claim an edge. */
function unjudgedClaims(gates: readonly RecordedGate[], claimed: readonly string[], group?: string): FailedGate[] {
  if (claimed.length === 0) return [];
  return gates
    .filter((gate) => isMeasured(gate) && gate.code === 'skill' && gate.limit === null && hasPassed(gate))
    .map((gate) => failureOf(gate, group));
}

/** Verdicts of a direction bundle. An earlier one has no gates: only biased predictions were refused. */
export function recordedDirectionGates({ gates = [], bias }: Pick<DirectionManifest, 'bias' | 'gates'>): RecordedGates {
  const missing = missingOf(gates, EXPECTED_OF_DIRECTION);
  if (gates.length > 0) {
    const all = failuresOf(gates);
    return { failed: all.filter(isOfIntegrity), claims: all.filter((gate) => !isOfIntegrity(gate)), missing };
  }
  const biased = bias?.biased ?? [];
  const failed = biased.map((code) => ({ code: `bias ${code}`, seen: 'biased', limit: 'unbiased within chance' }));
  return { failed, claims: [], missing };
}

/** Verdicts of a rule. One that was judged at costs that nobody pays has claimed nothing. */
export function recordedRuleGates({
  gates,
  origin,
  instrument,
  costs,
}: Pick<RuleManifest, 'gates' | 'origin' | 'instrument' | 'costs'>): RecordedGates {
  const expected = origin === 'evolved' ? EXPECTED_OF_EVOLVED_RULE : EXPECTED_OF_WRITTEN_RULE;
  const symbol = parseInstrument(instrument).a;
  const charged = { bps: fillBps(costs), least: leastFillBps(symbol) };
  const free = charged.bps < charged.least ? [unmeasured({ code: 'costs', role: null }, charged)] : [];
  return { failed: [...failuresOf(gates), ...free], claims: [], missing: missingOf(gates, expected) };
}

/** Whether a model that fails this gate is not served, whatever the policy says of claims. */
export function isOfIntegrity(gate: AnyGate): boolean {
  return claimReason(keyOf(gate)) === null;
}

/** Why a model that is served makes no entries; null: no claim about it has failed. */
export function failedClaim({ claims }: Pick<RecordedGates, 'claims'>): ClaimReason | null {
  const reasons = new Set(claims.map((gate) => claimReason(keyOf(gate))));
  return CLAIM_REASONS.find((reason) => reasons.has(reason)) ?? null;
}

/** `Its probabilities are served, and it makes no entries: direction f1 (MODEL_WEAK).`; null: no claim failed. */
export function claimsText(failed: readonly FailedGate[]): string | null {
  const claims = failed.filter((gate) => !isOfIntegrity(gate));
  if (claims.length === 0) return null;
  const names = claims.map((gate) => `${gateText(gate).name} (${claimReason(keyOf(gate))})`);
  return `Its probabilities are served, and it makes no entries: ${names.join(', ')}.`;
}

/**
 * The failed verdicts that keep a bundle from being served.
 * @param veto what failed claims veto, as `claims_veto` of the policy says
 */
export function servingFailures(gates: readonly RecordedGate[], veto: RetrainPolicy['claims_veto']): FailedGate[] {
  return failuresOf(gates.filter((gate) => veto === 'serving' || isOfIntegrity(gate)));
}

function missingOf(results: readonly RecordedGate[], expected: readonly GateIdentity[]): FailedGate[] {
  if (results.length === 0) return [unmeasured({ code: 'gates', role: null }, { reason: NO_VERDICT })];
  const recorded = new Set(results.map(keyOf));
  return expected
    .filter((identity) => !recorded.has(gateKey(identity)))
    .map((identity) => unmeasured(identity, { reason: NO_VERDICT }));
}

/** What stands in the list of failed gates without a figure. */
export function unmeasured({ code, role }: GateIdentity, evidence: Evidence): FailedGate {
  return { code, role, value: null, relation: null, limit: null, unit: 'score', evidence };
}

/** The failed gates of a bundle, for runs and people: `ai1 auc 0.5012 (at least 0.52 on the holdout)`. */
export function reasonsOf(gates: readonly RecordedGate[]): string[] {
  return gates.filter((gate) => !hasPassed(gate)).map((gate) => gateReason(gate));
}

/**
 * Also verdicts that say passed although their own value and limit say otherwise: somebody has changed them.
 * @param group whose own models were judged
 */
export function failuresOf(results: readonly RecordedGate[], group?: string): FailedGate[] {
  return results.filter((gate) => !hasPassed(gate)).map((gate) => failureOf(gate, group));
}

/** Whether the verdict is passed, has the limit that its gate needs, and its own figures do not contradict it. */
export function hasPassed(gate: RecordedGate): boolean {
  if (!gate.passed || !isMeasured(gate)) return gate.passed;
  return isExplained(gate) && !(needsLimit(gate.code) && (gate.relation === null || gate.limit === null));
}

function failureOf(gate: RecordedGate, group: string | undefined): FailedGate {
  if (isMeasured(gate)) {
    const { passed: _passed, ...measured } = gate;
    return { ...measured, ...(group !== undefined && { group }) };
  }
  const { name, seen, limit } = gate;
  return { code: `${group === undefined ? '' : `group ${group}: `}${name}`, seen, limit };
}

const failedGatesSchema = z.array(failedGateSchema);

/** Why a bundle was rejected. @param text JSON of the registry */
export function readRejections(text: string): FailedGate[] {
  return failedGatesSchema.parse(JSON.parse(text));
}

/** In words, and as data. */
export function describeRejections(failed_gates: readonly FailedGate[]): {
  readonly reasons: string[];
  readonly failed_gates: readonly FailedGate[];
} {
  return { reasons: failed_gates.map((gate) => gateReason(gate)), failed_gates };
}

/** `ai1 auc: seen 0.5012, limit at least 0.52 on the holdout; …` */
export function gatesText(failed: readonly FailedGate[]): string {
  return failed
    .map((gate) => gateText(gate))
    .map(({ name, seen, limit }) => `${name}: seen ${seen}, limit ${limit}`)
    .join('; ');
}

/** Why models are active although gates failed: part of the pointer that names them, until another replaces them. */
export const despiteGatesSchema = z.object({
  gates: z.array(failedGateSchema).min(1),
  reason: z.string().min(1),
  /** Name of the person. */
  by: z.string(),
  at: z.iso.datetime(),
});
export type DespiteGates = Readonly<z.infer<typeof despiteGatesSchema>>;
