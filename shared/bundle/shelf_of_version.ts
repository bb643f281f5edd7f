import { MACHINE_FILES } from '../files.ts';
import { pathInside } from '../path_name.ts';
import { directionFolder, isDirectionBundle } from './direction/active_direction.ts';
import type { ShelfName } from './shelf_name.ts';

/**
 * The shelf of the bundle that a person names by its version: that of pairs where both have it, or neither.
 * @throws MinutehandError NAME_UNSAFE
 */
export function shelfOfVersion(models: string, version: string): ShelfName {
  const isOfPairs = MACHINE_FILES.stat(pathInside(models, version)) !== null;
  return !isOfPairs && isDirectionBundle(pathInside(directionFolder(models), version)) ? 'direction' : 'pairs';
}

/** The folder of that bundle. @throws MinutehandError NAME_UNSAFE */
export function folderOfVersion(models: string, version: string): string {
  return pathInside(shelfOfVersion(models, version) === 'direction' ? directionFolder(models) : models, version);
}
