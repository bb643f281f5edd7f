import { readdirSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import * as z from 'zod';
import { renameFile } from '../../../shared/durable_file.ts';
import {
  directionFolder,
  directionPlace,
  isDirectionBundle,
} from '../../../shared/bundle/direction/active_direction.ts';
import { readModelsFile } from '../../../shared/bundle/models_file.ts';
import { readPointerFile } from '../../../shared/bundle/pointer.ts';
import { MACHINE_FILES } from '../../../shared/files.ts';
import { TIMEFRAME_NAMES, TIMEFRAMES } from '../../../shared/pair.ts';

/** What counts here, of any version of the format: `timeframe` in seconds of its bars. */
const manifestSchema = z.object({ version: z.string(), timeframe: z.int(), created: z.string() });
type FoundBundle = z.infer<typeof manifestSchema>;

/** A removal that has not ended: no reader takes the folder for a bundle. */
const SET_ASIDE = /^\.(.+)\.removed$/;
const asideOf = (version: string): string => `.${version}.removed`;

/**
 * Removes old bundles of direction models, as the registry removes those of pairs: of each timeframe the active one and
 * its predecessor stay, and with them the newest, `count` in all. What cannot be read is no bundle, and stays.
 * @returns the removed versions
 */
export function removeOldDirection(modelsFolder: string, count: number): readonly string[] {
  const folder = directionFolder(modelsFolder);
  finishRemovals(modelsFolder, folder);
  const bound = boundVersions(modelsFolder);
  if (bound === null) return [];
  const bundles = namesIn(folder).flatMap((name) => bundleOf(folder, name) ?? []);
  const removed: string[] = [];
  for (const seconds of Object.values(TIMEFRAMES)) {
    const own = bundles.filter(({ timeframe }) => timeframe === seconds);
    own.sort((a, b) => (a.created < b.created ? 1 : -1));
    const free = own.filter(({ version }) => !bound.includes(version));
    for (const { version } of free.slice(Math.max(0, count - (own.length - free.length)))) {
      renameFile(join(folder, version), join(folder, asideOf(version)));
      removed.push(version);
    }
  }
  // One that was activated in between comes back.
  const back = finishRemovals(modelsFolder, folder);
  return removed.filter((version) => !back.includes(version));
}

/** @returns what was brought back, since a pointer names it, or nobody knows whether one does */
function finishRemovals(modelsFolder: string, folder: string): readonly string[] {
  const asides = namesIn(folder).flatMap((name) => SET_ASIDE.exec(name)?.[1] ?? []);
  if (asides.length === 0) return [];
  const bound = boundVersions(modelsFolder);
  const back = asides.filter((version) => bound?.includes(version) !== false);
  for (const version of asides) {
    const aside = join(folder, asideOf(version));
    if (back.includes(version)) renameFile(aside, join(folder, version));
    else rmSync(aside, { recursive: true, force: true });
  }
  return back;
}

/** The active version of each timeframe and its predecessor; null while a pointer cannot be read. */
function boundVersions(modelsFolder: string): readonly string[] | null {
  try {
    return TIMEFRAME_NAMES.flatMap((timeframe) => {
      const pointer = readPointerFile(directionPlace(modelsFolder, timeframe), MACHINE_FILES);
      return pointer === null ? [] : [pointer.version, pointer.previous].filter((version) => version !== null);
    });
  } catch {
    return null;
  }
}

function bundleOf(folder: string, name: string): FoundBundle | null {
  const path = join(folder, name);
  if (name.startsWith('.') || !isDirectionBundle(path)) return null;
  const text = readModelsFile(join(path, 'manifest.json'), 'manifest').toString('utf8');
  const parsed = manifestSchema.safeParse(JSON.parse(text));
  return parsed.success && parsed.data.version === name ? parsed.data : null;
}

function namesIn(folder: string): readonly string[] {
  try {
    return readdirSync(folder).sort();
  } catch {
    return [];
  }
}
