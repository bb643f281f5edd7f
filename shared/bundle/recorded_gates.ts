import * as z from 'zod';
import type { DirectionManifest } from './direction/direction_manifest.ts';
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
  /** Whether there are any verdicts: without them, a bundle has not passed. */
  readonly areKnown: boolean;
}

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
  return { failed: [...failuresOf(gates), ...ofGroups], areKnown: gates.length > 0 };
}

/** Verdicts of a direction bundle. An earlier one has no gates: only biased predictions were refused. */
export function recordedDirectionGates({ gates = [], bias }: Pick<DirectionManifest, 'bias' | 'gates'>): RecordedGates {
  if (gates.length > 0) return { failed: failuresOf(gates), areKnown: true };
  const biased = bias?.biased ?? [];
  const failed = biased.map((code) => ({ code: `bias ${code}`, seen: 'biased', limit: 'unbiased within chance' }));
  return { failed, areKnown: false };
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
