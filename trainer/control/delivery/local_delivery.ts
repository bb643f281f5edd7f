import { hostname } from 'node:os';
import { listVersions } from '../../../shared/bundle/bundle.ts';
import { readModelsFile } from '../../../shared/bundle/models_file.ts';
import { readPointerFile } from '../../../shared/bundle/pointer.ts';
import { trainerMarks } from '../../../shared/bundle/pointer_marks.ts';
import { shelfNameOf } from '../../../shared/bundle/shelf_name.ts';
import { ALL_SHELVES } from '../../../shared/bundle/shelves/registry.ts';
import { describeError } from '../../../shared/errors.ts';
import { MACHINE_FILES } from '../../../shared/files.ts';
import type { HomePaths } from '../../../shared/home.ts';
import { pathInside } from '../../../shared/path_name.ts';
import type { DeliveredBundle, DeliveredFile, DeliveredPointer, Delivery } from './delivery_file.ts';
import { sha256Hex } from '../../../shared/sha256.ts';
import { slotOfTimeframe, timeframeOfSlot } from '../../../shared/subject/written_names.ts';

/** What this installation delivers, and where the bytes of each file are. */
export interface LocalDelivery {
  readonly delivery: Delivery;
  /** Path of a file with these bytes, by their SHA-256. */
  readonly paths: ReadonlyMap<string, string>;
  /** Bundles that are not whole, with the reason: they are not delivered. */
  readonly damaged: readonly { readonly version: string; readonly reason: string }[];
}

/** Plain files; what a writer has under a temporary name is not yet part of a bundle. */
const PLAIN_NAME = /^\w[\w.-]*$/;

/**
 * All whole bundles of the models folder, of pairs and of direction models, and the pointers to the active ones.
 * @throws MinutehandError MODEL_MANIFEST, MODEL_FILE, as PointerMarks.check; as readBundle for an active bundle
 */
export function localDelivery(paths: Pick<HomePaths, 'home' | 'models'>, market: string): LocalDelivery {
  const pointers = localPointers(paths);
  const found = new Map<string, string>();
  const damaged: { version: string; reason: string }[] = [];
  const bundles: DeliveredBundle[] = [];
  const stored = ALL_SHELVES.flatMap((shelf) => {
    const folder = shelf.folder(paths.models);
    return listVersions(folder).map((version) => ({ version, path: pathInside(folder, version), shelf }));
  });
  for (const { version, path, shelf } of stored) {
    const of = pointers.filter(({ timeframe }) => shelfNameOf(slotOfTimeframe(timeframe)) === shelf.name);
    const isActive = of.some(({ pointer }) => pointer.version === version);
    const isPrevious = of.some(({ pointer }) => pointer.previous === version);
    try {
      const timeframe = timeframeOfSlot(shelf.check(path, MACHINE_FILES).slot);
      const files = deliveredFiles(path, found);
      bundles.push({ version, timeframe, state: isActive ? 'active' : isPrevious ? 'previous' : 'candidate', files });
    } catch (error) {
      if (isActive) throw error;
      const { code, message } = describeError(error);
      damaged.push({ version, reason: `${code}: ${message}` });
    }
  }
  const sender = `${market}@${hostname()}:${paths.home}`;
  return { delivery: { format: 'minutehand.delivery/1', sender, bundles, pointers }, paths: found, damaged };
}

/** Names, sizes and times of all that `localDelivery` reads: while it is the same, nothing has to be read. */
export function localState({ models }: Pick<HomePaths, 'models'>): string {
  const lines: string[] = [];
  const note = (path: string): void => {
    const stat = MACHINE_FILES.stat(path);
    if (stat !== null) lines.push(`${path} ${stat.inode} ${stat.bytes} ${stat.modifiedMs}`);
  };
  for (const { place } of ALL_SHELVES.flatMap((shelf) => shelf.places(models))) note(place.path);
  for (const folder of ALL_SHELVES.map((shelf) => shelf.folder(models)))
    for (const version of listVersions(folder)) {
      const path = pathInside(folder, version);
      for (const name of fileNames(path)) note(pathInside(path, name));
    }
  return lines.join('\n');
}

function localPointers(paths: Pick<HomePaths, 'home' | 'models'>): DeliveredPointer[] {
  return ALL_SHELVES.flatMap((shelf) => shelf.places(paths.models)).flatMap(({ slot, place }) => {
    const pointer = readPointerFile(place, MACHINE_FILES);
    if (pointer === null) return [];
    trainerMarks(paths, place.name).check(pointer);
    return [{ timeframe: timeframeOfSlot(slot), pointer }];
  });
}

function fileNames(folder: string): string[] {
  const entries = MACHINE_FILES.list(folder);
  return entries.filter(({ name, isFolder }) => !isFolder && PLAIN_NAME.test(name)).map(({ name }) => name);
}

function deliveredFiles(folder: string, found: Map<string, string>): DeliveredFile[] {
  return fileNames(folder).map((name) => {
    const path = pathInside(folder, name);
    const content = readModelsFile(path, 'content');
    const sha256 = sha256Hex(content);
    found.set(sha256, path);
    return { file: name, sha256, bytes: content.length };
  });
}
