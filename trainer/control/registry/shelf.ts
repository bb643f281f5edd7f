import { restoreActive } from '../../../shared/bundle/admission/activation.ts';
import type { Admitted } from '../../../shared/bundle/admission/admission.ts';
import type { PointerName } from '../../../shared/bundle/active_file.ts';
import { readShadow } from '../../../shared/bundle/shadow_pointer.ts';
import {
  readAccepted,
  readPointerFile,
  type ActivePointer,
  type PointerPlace,
} from '../../../shared/bundle/pointer.ts';
import { trainerMarks, type PointerMarks } from '../../../shared/bundle/pointer_marks.ts';
import { armVersions, readRollout } from '../../../shared/bundle/rollout.ts';
import { MACHINE_FILES } from '../../../shared/files.ts';
import type { HomePaths } from '../../../shared/home.ts';
import type { FileSystem } from '../../../shared/ports.ts';
import { quietly } from '../../../shared/quietly.ts';
import { registeredShelf } from '../../../shared/bundle/shelf_name.ts';
import type { ShelfName } from '../../../shared/strategies/registry.ts';
import { shelfNamed } from '../../../shared/bundle/shelves/registry.ts';
import type { ModelSlotId } from '../../../shared/subject/slot.ts';
import { slotOfRollout } from '../../../shared/subject/written_names.ts';
import { filesOf } from '../../../shared/bundle/slot_files.ts';

/** Where the bundles of a strategy are, and which pointers name them. */
export interface Shelf {
  readonly name: ShelfName;
  /** Folder of its bundles. */
  readonly path: string;
  /** Each has a pointer and one active bundle. */
  readonly slots: readonly ModelSlotId[];
  /**
   * Verifies the files of a bundle.
   * @throws MinutehandError MODEL_MISSING, MODEL_MANIFEST, MODEL_HASH, MODEL_SIGNATURE, MODEL_LOAD
   */
  read(folder: string): { readonly created: string; readonly slot: ModelSlotId };
  /** @throws MinutehandError when the pointer is damaged or refused */
  pointer(slot: ModelSlotId): ActivePointer | null;
  /** Of the owner of promotions that wrote the pointer; null: none. @throws MinutehandError as `pointer` */
  fence(slot: ModelSlotId): number | null;
  /**
   * The version that the newest accepted pointer of this home named, also when the pointer is lost; null: none is
   * known.
   * @throws MinutehandError POINTER_MARK, KEY_UNUSABLE
   */
  accepted(slot: ModelSlotId): string | null;
  /** Writes the lost pointer of an admitted bundle again. */
  restore(admitted: Admitted<'recovery'>, previous: string | null): void;
  /** Versions that are in use without being active. A damaged file names none. */
  others(): readonly (string | null)[];
}

/** A shelf of an installation. */
export function shelfOf(paths: Pick<HomePaths, 'models' | 'home'>, name: ShelfName): Shelf {
  return openShelf(name, paths.models, MACHINE_FILES, (pointer) => trainerMarks(paths, pointer));
}

/** @param marksOf marks of the home for a pointer; null: it is not checked */
export function openShelf(
  name: ShelfName,
  modelsFolder: string,
  files: FileSystem,
  marksOf: (pointer: PointerName) => PointerMarks | null,
): Shelf {
  const own = shelfNamed(name);
  const slots = own.places(modelsFolder);
  const ownPlace = (slot: ModelSlotId): PointerPlace | null => slots.find((one) => one.slot === slot)?.place ?? null;
  return {
    name,
    path: own.folder(modelsFolder),
    slots: slots.map(({ slot }) => slot),
    read(folder) {
      const { created, slot } = own.check(folder, files);
      return { created, slot };
    },
    pointer(slot) {
      const place = ownPlace(slot);
      return place === null ? null : readAccepted(place, files, marksOf(place.name));
    },
    fence(slot) {
      const place = ownPlace(slot);
      return place === null ? null : (readPointerFile(place, files)?.fence ?? null);
    },
    accepted(slot) {
      const place = ownPlace(slot);
      return place === null ? null : newestOf(marksOf(place.name));
    },
    restore(admitted, previous) {
      const marks = marksOf(filesOf(modelsFolder, admitted.slot).active.name);
      restoreActive(admitted, previous, modelsFolder, files, marks);
    },
    others: () => [
      ...slots.flatMap(({ slot }) => quietly(() => readShadow(modelsFolder, slot, files)) ?? []),
      ...rolloutArms(modelsFolder, files, name),
    ],
  };
}

function newestOf(marks: PointerMarks | null): string | null {
  return marks?.accepted()[0]?.version ?? null;
}

/** The models of the active rollout, if it is one of this shelf. */
function rolloutArms(modelsFolder: string, files: FileSystem, shelf: ShelfName): readonly string[] {
  const rollout = quietly(() => readRollout(modelsFolder, files));
  if (rollout?.status !== 'active' || registeredShelf(slotOfRollout(rollout)) !== shelf) return [];
  return armVersions(rollout);
}
