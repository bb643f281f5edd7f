import { join } from 'node:path';
import * as z from 'zod';
import { MACHINE_FILES } from '../files.ts';
import { TIMEFRAME_NAMES, type Timeframe } from '../pair.ts';
import { pathInside } from '../path_name.ts';
import type { FileSystem } from '../ports.ts';
import { VERSION } from './active_file.ts';
import { directionFolder } from './direction/active_direction.ts';
import { readPointer } from './pointer_file.ts';
import { sealShape, type WritableKind } from './sealed_pointer.ts';

/** What a shadow stands beside: the direction model of a timeframe; null: the models of pairs. */
export type ShadowSlot = Timeframe | null;

/** What can have a shadow: the pairs, or the instruments of a timeframe. */
export const SHADOW_SLOTS: readonly ShadowSlot[] = [null, ...TIMEFRAME_NAMES];

const shadowSchema = z.object({
  /** null = none any more, by a file that is newer than the one with a version. */
  version: z.string().regex(VERSION).nullable(),
  ...sealShape,
});
export type ShadowFile = Readonly<z.infer<typeof shadowSchema>>;

/** `shadow.json`, or `direction/shadow_1h.json`. */
export function shadowPointer(slot: ShadowSlot): WritableKind<ShadowFile> {
  const end = slot === null ? 'shadow off' : `shadow off --direction ${slot}`;
  return {
    name: slot === null ? 'shadow' : `direction_shadow_${slot}`,
    file: slot === null ? 'shadow.json' : `direction/${directionFile(slot)}`,
    schema: shadowSchema,
    content: ({ version }) => [version],
    label: ({ version }) => version ?? 'none',
    sealOf: ({ serial, expires, key, signature }) => ({ serial, expires, key, signature }),
    withSeal: ({ version }, seal) => ({ version, ...seal }),
    next: `Find out who put it there; \`minutehand models shadow <version>\` or \`${end}\` writes a newer one.`,
  };
}

export function shadowPath(modelsFolder: string, slot: ShadowSlot): string {
  if (slot === null) return join(modelsFolder, 'shadow.json');
  return pathInside(directionFolder(modelsFolder), directionFile(slot));
}

function directionFile(timeframe: Timeframe): string {
  return `shadow_${timeframe}.json`;
}

/**
 * The version that scores in shadow in a slot without being published; null when none is named.
 * @throws MinutehandError MODEL_MANIFEST, MODEL_FILE
 */
export function readShadow(modelsFolder: string, slot: ShadowSlot, files: FileSystem = MACHINE_FILES): string | null {
  return readShadowFile(modelsFolder, slot, files)?.version ?? null;
}

/** The pointer as it is; its seal is not checked. @throws MinutehandError MODEL_MANIFEST, MODEL_FILE */
export function readShadowFile(
  modelsFolder: string,
  slot: ShadowSlot,
  files: FileSystem = MACHINE_FILES,
): ShadowFile | null {
  return readPointer(shadowPath(modelsFolder, slot), shadowSchema, files, {
    expected: '{"version": "20261120_0830"}',
    next: `\`minutehand models shadow ${slot === null ? 'off' : `off --direction ${slot}`}\` rewrites it.`,
  });
}

/** Version of the shadow of each timeframe that has one. @throws MinutehandError as readShadow */
export function directionShadows(
  modelsFolder: string,
  files: FileSystem = MACHINE_FILES,
): Partial<Record<Timeframe, string>> {
  const found = TIMEFRAME_NAMES.flatMap((timeframe) => {
    const version = readShadow(modelsFolder, timeframe, files);
    return version === null ? [] : [[timeframe, version]];
  });
  return Object.fromEntries(found) as Partial<Record<Timeframe, string>>;
}
