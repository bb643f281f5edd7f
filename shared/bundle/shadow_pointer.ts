import * as z from 'zod';
import { MACHINE_FILES } from '../files.ts';
import { TIMEFRAME_NAMES, type Timeframe } from '../pair.ts';
import type { FileSystem } from '../ports.ts';
import { VERSION } from './version_name.ts';
import { readPointer } from './pointer_file.ts';
import { sealShape, type WritableKind } from './sealed_pointer.ts';
import { directionSlot, type ModelSlotId } from '../subject/slot.ts';
import { timeframeOfSlot } from '../subject/written_names.ts';
import { filesOf } from './slot_files.ts';

const shadowSchema = z.object({
  /** null = none any more, by a file that is newer than the one with a version. */
  version: z.string().regex(VERSION).nullable(),
  ...sealShape,
});
export type ShadowFile = Readonly<z.infer<typeof shadowSchema>>;

/** `shadow.json`, or `direction/shadow_1h.json`. */
export function shadowPointer(slot: ModelSlotId): WritableKind<ShadowFile> {
  const { name } = filesOf('', slot).shadow;
  return {
    name,
    file: `${name.replace('_', '/')}.json`,
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
  return readPointer(filesOf(modelsFolder, slot).shadow.path, shadowSchema, files, {
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
