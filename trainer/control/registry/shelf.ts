import { restoreActive } from '../../../shared/bundle/admission/activation.ts';
import type { Admitted } from '../../../shared/bundle/admission/admission.ts';
import { placeOfActive, readActive, readBundle } from '../../../shared/bundle/bundle.ts';
import { readShadow } from '../../../shared/bundle/shadow_pointer.ts';
import {
  directionFolder,
  directionPlace,
  readActiveDirection,
} from '../../../shared/bundle/direction/active_direction.ts';
import { readDirectionBundle } from '../../../shared/bundle/direction/direction_bundle.ts';
import { readPointerFile, type ActivePointer } from '../../../shared/bundle/pointer.ts';
import { trainerMarks, type PointerMarks } from '../../../shared/bundle/pointer_marks.ts';
import { readRollout } from '../../../shared/bundle/rollout.ts';
import { MACHINE_FILES } from '../../../shared/files.ts';
import type { HomePaths } from '../../../shared/home.ts';
import { type Timeframe, TIMEFRAME_NAMES, timeframeOf } from '../../../shared/pair.ts';
import type { FileSystem } from '../../../shared/ports.ts';
import type { RegistrySlot } from '../../store/tables.ts';
import type { ShelfName } from '../../../shared/bundle/shelf_name.ts';

/** Where the bundles of a strategy are, and which pointers name them. */
export interface Shelf {
  readonly name: ShelfName;
  /** Folder of its bundles. */
  readonly path: string;
  /** Each has a pointer and one active bundle. */
  readonly slots: readonly RegistrySlot[];
  /**
   * Verifies the files of a bundle.
   * @throws MinutehandError MODEL_MISSING, MODEL_MANIFEST, MODEL_HASH, MODEL_SIGNATURE, MODEL_LOAD
   */
  read(folder: string): { readonly created: string; readonly slot: RegistrySlot };
  /** @throws MinutehandError when the pointer is damaged or refused */
  pointer(slot: RegistrySlot): ActivePointer | null;
  /** Of the owner of promotions that wrote the pointer; null: none. @throws MinutehandError as `pointer` */
  fence(slot: RegistrySlot): number | null;
  /**
   * The version that the newest accepted pointer of this home named, also when the pointer is lost; null: none is
   * known.
   * @throws MinutehandError POINTER_MARK, KEY_UNUSABLE
   */
  accepted(slot: RegistrySlot): string | null;
  /** Writes the lost pointer of an admitted bundle again. */
  restore(admitted: Admitted<'recovery'>, previous: string | null): void;
  /** Versions that are in use without being active. A damaged file names none. */
  others(): readonly (string | null)[];
}

/** A shelf of an installation. */
export function shelfOf(paths: Pick<HomePaths, 'models' | 'home'>, name: ShelfName): Shelf {
  if (name === 'pairs') return pairShelf(paths.models, MACHINE_FILES, trainerMarks(paths));
  return directionShelf(paths.models, MACHINE_FILES, (timeframe) => trainerMarks(paths, `direction_${timeframe}`));
}

/** @param marks of the home; without them, active.json is not checked */
export function pairShelf(modelsFolder: string, files: FileSystem, marks: PointerMarks | null): Shelf {
  return {
    name: 'pairs',
    path: modelsFolder,
    slots: ['pairs'],
    read: (folder) => ({ created: readBundle(folder, files).manifest.created, slot: 'pairs' }),
    pointer: () => readActive(modelsFolder, files, marks),
    fence: () => readPointerFile(placeOfActive(modelsFolder), files)?.fence ?? null,
    accepted: () => newestOf(marks),
    restore: (admitted, previous) => void restoreActive(admitted, previous, modelsFolder, files, marks),
    others: () => [quietly(() => readShadow(modelsFolder, null, files)), ...rolloutArms(modelsFolder, files, false)],
  };
}

/** @param marksOf marks of the pointer of a timeframe; null: it is not checked */
export function directionShelf(
  modelsFolder: string,
  files: FileSystem,
  marksOf: (timeframe: Timeframe) => PointerMarks | null,
): Shelf {
  return {
    name: 'direction',
    path: directionFolder(modelsFolder),
    slots: TIMEFRAME_NAMES.map((timeframe) => `direction ${timeframe}` as const),
    read(folder) {
      const { created, timeframe } = readDirectionBundle(folder).manifest;
      return { created, slot: `direction ${timeframeOf(timeframe)}` };
    },
    pointer(slot) {
      const timeframe = timeframeOfSlot(slot);
      return timeframe === null ? null : readActiveDirection(modelsFolder, timeframe, marksOf(timeframe));
    },
    fence(slot) {
      const timeframe = timeframeOfSlot(slot);
      if (timeframe === null) return null;
      return readPointerFile(directionPlace(modelsFolder, timeframe), files)?.fence ?? null;
    },
    accepted(slot) {
      const timeframe = timeframeOfSlot(slot);
      return timeframe === null ? null : newestOf(marksOf(timeframe));
    },
    restore(admitted, previous) {
      const marks = admitted.timeframe === null ? null : marksOf(admitted.timeframe);
      restoreActive(admitted, previous, modelsFolder, files, marks);
    },
    others: () => [
      ...TIMEFRAME_NAMES.flatMap((timeframe) => quietly(() => readShadow(modelsFolder, timeframe, files)) ?? []),
      ...rolloutArms(modelsFolder, files, true),
    ],
  };
}

/** The timeframe of a slot of direction models; null: that of pairs. */
export function timeframeOfSlot(slot: RegistrySlot): Timeframe | null {
  return slot === 'pairs' ? null : (slot.slice('direction '.length) as Timeframe);
}

function newestOf(marks: PointerMarks | null): string | null {
  return marks?.accepted()[0]?.version ?? null;
}

/** Both arms of the active rollout. @param isOfDirection whether those of direction models, or of pairs, are wanted */
function rolloutArms(modelsFolder: string, files: FileSystem, isOfDirection: boolean): readonly string[] {
  const rollout = quietly(() => readRollout(modelsFolder, files));
  if (rollout?.status !== 'active' || (rollout.timeframe !== undefined) !== isOfDirection) return [];
  return [rollout.champion, rollout.challenger];
}

function quietly<Value>(read: () => Value): Value | null {
  try {
    return read();
  } catch {
    return null;
  }
}
