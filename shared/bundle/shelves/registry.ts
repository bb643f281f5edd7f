import { MACHINE_FILES } from '../../files.ts';
import { pathInside } from '../../path_name.ts';
import { readAccepted, type ActivePointer } from '../pointer.ts';
import type { PointerMarks } from '../pointer_marks.ts';
import { shelfNameOf } from '../shelf_name.ts';
import type { ShelfName, StrategyName } from '../../strategies/registry.ts';
import type { BundleShelf } from './bundle_shelf.ts';
import { DIRECTION_SHELF } from './direction_shelf.ts';
import { PAIR_REVERSION_SHELF } from './pair_reversion_shelf.ts';
import type { ModelSlotId } from '../../subject/slot.ts';
import { filesOf } from '../slot_files.ts';

const SHELVES: Readonly<Record<StrategyName, BundleShelf>> = {
  pair_reversion: PAIR_REVERSION_SHELF,
  direction: DIRECTION_SHELF,
};

/** One for each strategy. */
export const ALL_SHELVES: readonly BundleShelf[] = Object.values(SHELVES);

/** What nothing tells apart is of pairs. */
const PAIRS = SHELVES.pair_reversion;

export function shelfNamed(name: ShelfName): BundleShelf {
  return ALL_SHELVES.find((shelf) => shelf.name === name)!;
}

export function shelfOfSlot(slot: ModelSlotId): BundleShelf {
  return shelfNamed(shelfNameOf(slot));
}

/**
 * The active bundle of a slot; null without one.
 * @param marks without them, signature and serial are not checked
 * @throws MinutehandError MODEL_MANIFEST, MODEL_FILE; as PointerMarks.check
 */
export function readActiveOfSlot(
  modelsFolder: string,
  slot: ModelSlotId,
  marks: Pick<PointerMarks, 'check'> | null = null,
): ActivePointer | null {
  return readAccepted(filesOf(modelsFolder, slot).active, MACHINE_FILES, marks);
}

/**
 * The shelf of the bundle that a person names by its version: that of pairs where several have it, or none.
 * @throws MinutehandError NAME_UNSAFE
 */
export function shelfOfVersion(modelsFolder: string, version: string): BundleShelf {
  return ALL_SHELVES.find((shelf) => shelf.isBundle(pathInside(shelf.folder(modelsFolder), version))) ?? PAIRS;
}

/** The shelf whose bundle a folder has: that of pairs where no other knows it. */
export function shelfOfFolder(folder: string): BundleShelf {
  return ALL_SHELVES.find((shelf) => shelf !== PAIRS && shelf.isBundle(folder)) ?? PAIRS;
}

/** The folder of that bundle. @throws MinutehandError NAME_UNSAFE */
export function folderOfVersion(modelsFolder: string, version: string): string {
  return pathInside(shelfOfVersion(modelsFolder, version).folder(modelsFolder), version);
}
