import { readdirSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import * as z from 'zod';
import { renameFile } from '../../../shared/durable_file.ts';
import { readModelsFile } from '../../../shared/bundle/models_file.ts';
import { readRollout, type Rollout } from '../../../shared/bundle/rollout.ts';
import { readPointerFile, type PointerPlace } from '../../../shared/bundle/pointer.ts';
import {
  instrumentsWithRule,
  instrumentsWithRuleShadow,
  isRuleBundle,
  ruleFolder,
} from '../../../shared/bundle/rule/active_rule.ts';
import { registeredShelf } from '../../../shared/bundle/shelf_name.ts';
import type { BundleShelf } from '../../../shared/bundle/shelves/bundle_shelf.ts';
import { MACHINE_FILES } from '../../../shared/files.ts';
import { isRuleSlot, ruleSlot } from '../../../shared/subject/slot.ts';
import { slotOfRollout } from '../../../shared/subject/written_names.ts';
import { filesOf } from '../../../shared/bundle/slot_files.ts';

/** What counts here, of any version of the formats: a rule's `instrument`, `timeframe` in seconds of a model's bars. */
const manifestSchema = z.object({
  version: z.string(),
  created: z.string(),
  timeframe: z.int().optional(),
  instrument: z.string().optional(),
});
type FoundBundle = z.infer<typeof manifestSchema>;

/** Bundles that are not in the registry. */
interface Kind {
  readonly folder: string;
  isBundle(folder: string): boolean;
  /** The pointers that name them. */
  readonly places: readonly PointerPlace[];
  /** Where a rollout may be. */
  readonly modelsFolder: string;
  /** Whether a rollout compares bundles of this kind. */
  isArm(rollout: Rollout): boolean;
}

/** A removal that has not ended: no reader takes the folder for a bundle. */
const SET_ASIDE = /^\.(.+)\.removed$/;
const asideOf = (version: string): string => `.${version}.removed`;

/**
 * Removes old bundles of a strategy, as the registry removes those of pairs: of each timeframe the active one, its
 * predecessor and both arms of an active rollout stay, and with them the newest, `count` in all. What cannot be read is
 * no bundle, and stays.
 * @returns the removed versions
 */
export function removeOldBundles(shelf: BundleShelf, modelsFolder: string, count: number): readonly string[] {
  const folder = shelf.folder(modelsFolder);
  const places = shelf.places(modelsFolder).map(({ place }) => place);
  const isArm = (rollout: Rollout): boolean => registeredShelf(slotOfRollout(rollout)) === shelf.name;
  return removeOld({ folder, isBundle: shelf.isBundle, places, modelsFolder, isArm }, count);
}

/** The same of rules, of each instrument: the one in shadow, and both arms of an active rollout, stay as well. */
export function removeOldRules(modelsFolder: string, count: number): readonly string[] {
  const places = [
    ...instrumentsWithRule(modelsFolder).map((instrument) => filesOf(modelsFolder, ruleSlot(instrument)).active),
    ...instrumentsWithRuleShadow(modelsFolder).map((instrument) => filesOf(modelsFolder, ruleSlot(instrument)).shadow),
  ];
  const isArm = (rollout: Rollout): boolean => isRuleSlot(slotOfRollout(rollout));
  return removeOld({ folder: ruleFolder(modelsFolder), isBundle: isRuleBundle, places, modelsFolder, isArm }, count);
}

function removeOld(kind: Kind, count: number): readonly string[] {
  const { folder } = kind;
  finishRemovals(kind);
  const bound = boundVersions(kind);
  if (bound === null) return [];
  const bundles = namesIn(folder).flatMap((name) => bundleOf(kind, name) ?? []);
  const slots = new Map<string, FoundBundle[]>();
  for (const bundle of bundles) {
    const slot = bundle.instrument ?? String(bundle.timeframe);
    slots.set(slot, [...(slots.get(slot) ?? []), bundle]);
  }
  const removed: string[] = [];
  for (const own of slots.values()) {
    own.sort((a, b) => (a.created < b.created ? 1 : -1));
    const free = own.filter(({ version }) => !bound.includes(version));
    for (const { version } of free.slice(Math.max(0, count - (own.length - free.length)))) {
      renameFile(join(folder, version), join(folder, asideOf(version)));
      removed.push(version);
    }
  }
  // One that was activated in between comes back.
  const back = finishRemovals(kind);
  return removed.filter((version) => !back.includes(version));
}

/** @returns what was brought back, since a pointer names it, or nobody knows whether one does */
function finishRemovals(kind: Kind): readonly string[] {
  const { folder } = kind;
  const asides = namesIn(folder).flatMap((name) => SET_ASIDE.exec(name)?.[1] ?? []);
  if (asides.length === 0) return [];
  const bound = boundVersions(kind);
  const back = asides.filter((version) => bound?.includes(version) !== false);
  for (const version of asides) {
    const aside = join(folder, asideOf(version));
    if (back.includes(version)) renameFile(aside, join(folder, version));
    else rmSync(aside, { recursive: true, force: true });
  }
  return back;
}

/** The active version of each pointer and its predecessor, and arms of a rollout; null while one cannot be read. */
function boundVersions({ places, modelsFolder, isArm }: Kind): readonly string[] | null {
  try {
    const rollout = readRollout(modelsFolder);
    const arms = rollout?.status === 'active' && isArm(rollout) ? [rollout.champion, rollout.challenger] : [];
    const named = places.flatMap((place) => {
      const pointer = readPointerFile(place, MACHINE_FILES);
      return pointer === null ? [] : [pointer.version, pointer.previous].filter((version) => version !== null);
    });
    return [...named, ...arms];
  } catch {
    return null;
  }
}

function bundleOf({ folder, isBundle }: Kind, name: string): FoundBundle | null {
  const path = join(folder, name);
  if (name.startsWith('.') || !isBundle(path)) return null;
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
