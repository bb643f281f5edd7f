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
import { directionSlot, type ModelSlotId } from '../subject/slot.ts';
import { timeframeOfSlot } from '../subject/written_names.ts';

const shadowSchema = z.object({
  /** null = none any more, by a file that is newer than the one with a version. */
  version: z.string().regex(VERSION).nullable(),
  ...sealShape,
});
export type ShadowFile = Readonly<z.infer<typeof shadowSchema>>;

/** `shadow.json`, or `direction/shadow_1h.json`. */
export function shadowPointer(slot: ModelSlotId): WritableKind<ShadowFile> {
  const timeframe = timeframeOfSlot(slot);
  return {
    name: timeframe === null ? 'shadow' : `direction_shadow_${timeframe}`,
    file: timeframe === null ? 'shadow.json' : `direction/${directionFile(timeframe)}`,
    schema: shadowSchema,
    content: ({ version }) => [version],
    label: ({ version }) => version ?? 'none',
    sealOf: ({ serial, expires, key, signature }) => ({ serial, expires, key, signature }),
    withSeal: ({ version }, seal) => ({ version, ...seal }),
    next: `Find out who put it there; \`minutehand models shadow <version>\` or \`${endOf(slot)}\` writes a newer one.`,
  };
}

/** The rest of the command that ends a shadow. */
function endOf(slot: ModelSlotId): string {
  const timeframe = timeframeOfSlot(slot);
  return timeframe === null ? 'shadow off' : `shadow off --direction ${timeframe}`;
}

export function shadowPath(modelsFolder: string, slot: ModelSlotId): string {
  const timeframe = timeframeOfSlot(slot);
  if (timeframe === null) return join(modelsFolder, 'shadow.json');
  return pathInside(directionFolder(modelsFolder), directionFile(timeframe));
}

function directionFile(timeframe: Timeframe): string {
  return `shadow_${timeframe}.json`;
}

/**
 * The version that scores in shadow in a slot without being published; null when none is named.
 * @throws MinutehandError MODEL_MANIFEST, MODEL_FILE
 */
export function readShadow(modelsFolder: string, slot: ModelSlotId, files: FileSystem = MACHINE_FILES): string | null {
  return readShadowFile(modelsFolder, slot, files)?.version ?? null;
}

/** The pointer as it is; its seal is not checked. @throws MinutehandError MODEL_MANIFEST, MODEL_FILE */
export function readShadowFile(
  modelsFolder: string,
  slot: ModelSlotId,
  files: FileSystem = MACHINE_FILES,
): ShadowFile | null {
  return readPointer(shadowPath(modelsFolder, slot), shadowSchema, files, {
    expected: '{"version": "20261120_0830"}',
    next: `\`minutehand models ${endOf(slot)}\` rewrites it.`,
  });
}

/** Version of the shadow of each timeframe that has one. @throws MinutehandError as readShadow */
export function directionShadows(
  modelsFolder: string,
  files: FileSystem = MACHINE_FILES,
): Partial<Record<Timeframe, string>> {
  const found = TIMEFRAME_NAMES.flatMap((timeframe) => {
    const version = readShadow(modelsFolder, directionSlot(timeframe), files);
    return version === null ? [] : [[timeframe, version]];
  });
  return Object.fromEntries(found) as Partial<Record<Timeframe, string>>;
}
