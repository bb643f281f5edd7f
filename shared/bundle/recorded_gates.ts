import * as z from 'zod';
import type { DirectionManifest } from './direction/direction_manifest.ts';
import { DIRECTION_GATE_NAMES, PAIR_GATE_NAMES } from './gate_names.ts';
import { ownGroups, type Manifest } from './manifest.ts';

/** A gate that a bundle did not pass, as its training recorded it. */
export const failedGateSchema = z.object({
  /** The gate's code, or its name where the record has no code. */
  code: z.string(),
  seen: z.string(),
  limit: z.string(),
});
export type FailedGate = Readonly<z.infer<typeof failedGateSchema>>;

/** The verdicts that a bundle carries. */
export interface RecordedGates {
  readonly failed: readonly FailedGate[];
  /** Gates without a verdict: an earlier version did not have them, or another program made the bundle. */
  readonly missing: readonly FailedGate[];
}

/** Seen of a gate that a bundle has no verdict of. */
const NO_VERDICT = 'no recorded verdict';
const NO_VERDICTS = 'no recorded verdicts';

/** A result as manifests have it. */
interface RecordedResult {
  readonly code?: string | undefined;
  readonly name?: string | undefined;
  readonly passed: boolean;
  readonly seen?: unknown;
  readonly limit?: unknown;
}

/** Verdicts of the training run of a bundle; those of a group count where its own models serve. */
export function recordedGates(manifest: Pick<Manifest, 'gates' | 'groups'>): RecordedGates {
  const { gates = [] } = manifest;
  const ofGroups = ownGroups(manifest).flatMap(({ name, gates: own = [] }) => failuresOf(own, `group ${name}: `));
  return { failed: [...failuresOf(gates), ...ofGroups], missing: missingOf(gates, PAIR_GATE_NAMES) };
}

/** Verdicts of a direction bundle. An earlier one has no gates: only biased predictions were refused. */
export function recordedDirectionGates({ gates = [], bias }: Pick<DirectionManifest, 'bias' | 'gates'>): RecordedGates {
  const missing = missingOf(gates, DIRECTION_GATE_NAMES);
  if (gates.length > 0) return { failed: failuresOf(gates), missing };
  const biased = bias?.biased ?? [];
  const failed = biased.map((code) => ({ code: `bias ${code}`, seen: 'biased', limit: 'unbiased within chance' }));
  return { failed, missing };
}

const PASSED = 'passed';

/** Whether a gate did not fail, but has no verdict. */
export function isMissing({ seen }: Pick<FailedGate, 'seen'>): boolean {
  return seen === NO_VERDICT || seen === NO_VERDICTS;
}

function missingOf(results: readonly RecordedResult[], expected: readonly string[]): FailedGate[] {
  if (results.length === 0) return [{ code: 'gates', seen: NO_VERDICTS, limit: PASSED }];
  const recorded = new Set(results.map(({ name }) => name));
  return expected
    .filter((name) => !recorded.has(name))
    .map((name) => ({ code: name, seen: NO_VERDICT, limit: PASSED }));
}

/** The failed gates of a bundle, for registry, runs and people: `ai1 auc 0.5012 (at least 0.52 on the holdout)`. */
export function reasonsOf(
  gates: readonly { readonly name: string; readonly passed: boolean; readonly seen: string; readonly limit: string }[],
): string[] {
  return gates.filter(({ passed }) => !passed).map(({ name, seen, limit }) => `${name} ${seen} (${limit})`);
}

export function failuresOf(results: readonly RecordedResult[], prefix = ''): FailedGate[] {
  return results
    .filter(({ passed }) => !passed)
    .map(({ code, name, seen, limit }) => ({
      code: `${prefix}${code ?? name ?? 'unknown'}`,
      seen: textOf(seen),
      limit: textOf(limit),
    }));
}

function textOf(value: unknown): string {
  if (value === undefined || value === null) return 'none';
  return typeof value === 'string' ? value : JSON.stringify(value);
}

/** `ai1 auc: seen 0.5012, limit at least 0.52 on the holdout; …` */
export function gatesText(failed: readonly FailedGate[]): string {
  return failed.map(({ code, seen, limit }) => `${code}: seen ${seen}, limit ${limit}`).join('; ');
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
