import { join } from 'node:path';
import {
  activateAdmitted,
  activateInFolder,
  endShadow,
  setShadow as setAdmittedShadow,
} from '../shared/bundle/admission/activation.ts';
import type { Admitted, UnmarkedBundle, Door } from '../shared/bundle/admission/admission.ts';
import { readActive } from '../shared/bundle/bundle.ts';
import type { ShadowFile } from '../shared/bundle/shadow_pointer.ts';
import { directionFolder } from '../shared/bundle/direction/active_direction.ts';
import { readDirectionBundle } from '../shared/bundle/direction/direction_bundle.ts';
import type { ActivePointer } from '../shared/bundle/pointer.ts';
import type { PointerMarks } from '../shared/bundle/pointer_marks.ts';
import type { DespiteGates } from '../shared/bundle/recorded_gates.ts';
import { MACHINE_FILES } from '../shared/files.ts';
import { timeframeOf, type Timeframe } from '../shared/pair.ts';
import type { FileSystem } from '../shared/ports.ts';
import type { Registry } from '../trainer/control/registry/registry.ts';
import { sha256Hex } from '../shared/sha256.ts';
import { directionSlot, type ModelSlotId, type SlotId } from '../shared/subject/slot.ts';
import { folderOf } from '../shared/bundle/slot_files.ts';

interface Unjudged {
  readonly slot?: SlotId;
  readonly despite?: DespiteGates | null;
  readonly fence?: number | null;
  readonly files?: FileSystem;
}

/** What `admit` would make of a bundle that passed, also of one that tests make unusable. */
export function unjudged<Through extends Door>(
  door: Through,
  models: string,
  version: string,
  { slot = 'pairs', despite = null, fence = null, files = MACHINE_FILES }: Unjudged = {},
): Admitted<Through> {
  const manifestHash = hashOf(() => files.read(join(folderOf(slot, version, models), 'manifest.json')));
  const own: UnmarkedBundle<Through> = { door, version, slot, manifestHash, despite, fence };
  return own as Admitted<Through>;
}

/** `none` for a manifest that cannot be read: tests make such bundles, too, and name others. */
function hashOf(manifest: () => Uint8Array): string {
  try {
    return sha256Hex(manifest());
  } catch {
    return 'none';
  }
}

/** Makes a bundle of pairs the active one, without admission. */
export function activate(
  modelsFolder: string,
  version: string,
  files: FileSystem = MACHINE_FILES,
  marks: PointerMarks | null = null,
  despite: DespiteGates | null = null,
): ActivePointer {
  return activateInFolder(unjudged('folder', modelsFolder, version, { despite, files }), modelsFolder, files, marks);
}

/** Makes a direction bundle the active one of a timeframe, by default its own, without admission. */
export function activateDirection(
  models: string,
  version: string,
  home: string,
  timeframe: Timeframe = timeframeOf(readDirectionBundle(join(directionFolder(models), version)).manifest.timeframe),
): ActivePointer {
  return activateAdmitted(unjudged('promotion', models, version, { slot: directionSlot(timeframe) }), { models, home });
}

/** Names the shadow of a slot, by default of the pairs, or none, without admission. */
export function setShadow(
  modelsFolder: string,
  version: string | null,
  files: FileSystem = MACHINE_FILES,
  marks: PointerMarks<ShadowFile> | null = null,
  slot: ModelSlotId = 'pairs',
): void {
  if (version === null) return void endShadow(slot, modelsFolder, files, marks);
  const admitted = unjudged('shadow', modelsFolder, version, { files, slot });
  setAdmittedShadow({ ...admitted, slot }, modelsFolder, files, marks);
}

/** Admits what a registry recovers, without admission. */
export const admitAll =
  (models: string) =>
  (version: string): Promise<Admitted<'recovery'>> =>
    Promise.resolve(unjudged('recovery', models, version));

/** Registers a bundle and makes it active, as `train --adopt` does. Idempotent. */
export async function adopt(
  registry: Pick<Registry, 'register' | 'mend'>,
  modelsFolder: string,
  version: string,
  files: FileSystem = MACHINE_FILES,
): Promise<void> {
  await registry.register(version);
  if (activeVersion(modelsFolder, files) !== version) activate(modelsFolder, version, files);
  await registry.mend('adopted');
}

/** null also of a damaged pointer. */
function activeVersion(modelsFolder: string, files: FileSystem): string | null {
  try {
    return readActive(modelsFolder, files)?.version ?? null;
  } catch {
    return null;
  }
}
