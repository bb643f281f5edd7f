import { basename } from 'node:path';
import { writeBundle } from '../shared/bundle/bundle.ts';
import { featureSchema } from '../shared/bundle/feature_schema.ts';
import { loadModelSet, type ModelSet } from '../shared/bundle/model_set.ts';
import type { Settings } from '../shared/policy/policy.ts';
import { createRng } from '../shared/rng.ts';
import { createDisk } from './disk.ts';
import { groupContent } from './models.ts';

/** Models that answer a pair. */
export interface ReferenceModels {
  /** Of the whole bundle: its version, hash and edge. @throws RangeError */
  whole(version: string): ModelSet;
  /** Of the pair's group, loaded without the others; null: the pooled models serve the pair. */
  group(version: string, pairId: string): ModelSet | null;
}

/** Loaded once in a process: worlds share the few models there are. */
const loaded = new Map<string, ModelSet>();

/**
 * Loads the models of each group as a bundle of their own, which knows no groups.
 * @param runs numbers of the runs that made the versions with groups
 * @param whole a set by version, as it was trained
 */
export async function loadReferences(
  settings: Settings,
  runs: ReadonlyMap<string, number>,
  whole: (version: string) => ModelSet,
): Promise<ReferenceModels> {
  const sets = new Map<string, ModelSet>();
  for (const [version, run] of runs)
    for (const pairId of settings.minutehand.pairs) {
      const set = await loadGroup(run, settings, pairId);
      if (set !== null) sets.set(`${version} ${pairId}`, set);
    }
  return { whole, group: (version, pairId) => sets.get(`${version} ${pairId}`) ?? null };
}

async function loadGroup(run: number, settings: Settings, pairId: string): Promise<ModelSet | null> {
  const content = groupContent(run, settings, pairId);
  if (content === null) return null;
  const { data_hash, pairs } = content.manifest;
  const key = `${data_hash} ${pairs.join()} ${pairId}`;
  const known = loaded.get(key);
  if (known !== undefined) return known;
  const files = createDisk({ rng: createRng('references'), wallMs: () => 0, spend: () => undefined });
  const folder = writeBundle('/references', new Date(0), content, files);
  const schema = featureSchema(settings.minutehand.windows);
  const set = await loadModelSet(`/references/${basename(folder)}`, schema, 1, { crossCheck: false, files });
  loaded.set(key, set);
  return set;
}
