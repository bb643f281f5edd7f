import { readdirSync, statSync } from 'node:fs';
import { admit, type Admitted } from '../../../shared/bundle/admission/admission.ts';
import { hasOwnMarks } from '../../../shared/bundle/pointer_marks.ts';
import { shelfNameOf } from '../../../shared/bundle/shelf_name.ts';
import type { ShelfName } from '../../../shared/strategies/registry.ts';
import { ALL_SHELVES, shelfNamed } from '../../../shared/bundle/shelves/registry.ts';
import { readRuleBundle } from '../../../shared/bundle/rule/rule_bundle.ts';
import { describeError, MinutehandError, type ErrorCode, type ErrorReport } from '../../../shared/errors.ts';
import type { HomePaths } from '../../../shared/home.ts';
import { pathInside } from '../../../shared/path_name.ts';
import type { Settings } from '../../../shared/policy/policy.ts';
import { openStore, openStoreIfThere, storeUrl, type Store } from '../../store/store.ts';
import type { Notice } from '../notify/outbox.ts';
import { refuseOwnOverride } from './own_override.ts';
import { promotionFence } from './promotion_fence.ts';
import { registriesOf, registryOf, type Recovery, type Registry } from './registry.ts';
import { RuleBytes } from './rule_bytes.ts';
import { folderOfNamed, markFiles, sidePointers, type NamedBundle, type SidePointer } from './side_pointers.ts';
import { shelfOf, type Shelf } from './shelf.ts';
import type { ModelSlotId } from '../../../shared/subject/slot.ts';
import { isModelSlot, modelSlotOf, isRuleSlot } from '../../../shared/subject/slot.ts';
import { parseSubject } from '../../../shared/pair.ts';
import { filesOf } from '../../../shared/bundle/slot_files.ts';
import { isThere } from '../../../shared/files.ts';

export interface LostPlace {
  readonly settings: Settings;
  readonly paths: HomePaths;
  /** Environment with the address of the store. */
  readonly env: NodeJS.ProcessEnv;
}

/** Models of a slot that no daemon could load, or a lost pointer beside them. */
export interface Loss {
  /** A slot of active models, or the name of a `SidePointer`. */
  readonly slot: string;
  readonly error: ErrorReport;
}

/** One line for a person. */
export function lossText({ slot, error }: Loss): string {
  return `${slot}: ${error.code}: ${error.message}`;
}

export interface LossRecovery extends Recovery {
  /** What the registry knows, and what is lost nevertheless. */
  readonly left: readonly Loss[];
}

/**
 * Codes of a pointer or bundle that is missing or damaged. A pointer that is refused (an old copy, a wrong signature,
 * an expired one) is not lost: somebody has put it there, and a person decides about it.
 */
const LOST: ReadonlySet<ErrorCode> = new Set([
  'MODEL_MISSING',
  'MODEL_MANIFEST',
  'MODEL_FILE',
  'MODEL_HASH',
  'MODEL_LOAD',
  'MODEL_SIGNATURE',
]);

/**
 * Finds lost models of the configured subjects: active ones, shadows, rules, and the challenger of a rollout. Bundles
 * whose files have not changed are not read again.
 */
export class LossFinder {
  readonly #slots: readonly { readonly slot: ModelSlotId; readonly shelf: Shelf; readonly pointer: string }[];
  readonly #paths: HomePaths;
  readonly sides: readonly SidePointer[];
  /** Marks of whole bundles, by slot or pointer. */
  readonly #whole = new Map<string, string>();

  constructor({ settings, paths }: Pick<LostPlace, 'settings' | 'paths'>) {
    const { pairs, instruments } = settings.minutehand;
    const slots = [...new Set([...pairs, ...instruments].map((id) => modelSlotOf(parseSubject(id))))];
    this.#paths = paths;
    this.sides = sidePointers(paths, { slots, ruled: instruments });
    this.#slots = slots.map((slot) => ({
      slot,
      shelf: shelfOf(paths, shelfNameOf(slot)),
      pointer: filesOf(paths.models, slot).active.path,
    }));
  }

  /** Whether no process of this home has ever accepted a pointer, and none is there. */
  isNewHome(): boolean {
    const pointers = [...this.#slots.map(({ pointer }) => pointer), ...this.sides.map(({ path }) => path)];
    return !hasOwnMarks(this.#paths.home) && !pointers.some((path) => isThere(path));
  }

  losses(): Loss[] {
    return [...this.#lostActive(), ...this.#lostSides()];
  }

  #lostSides(): Loss[] {
    const marks = markFiles(this.#paths.home);
    return this.sides.flatMap((side) => {
      try {
        const named = side.named();
        if (named === null && marks.some((name) => name.startsWith(side.marks)) && side.accepted() !== null)
          throw new MinutehandError('MODEL_MISSING', { seen: `${side.path} is not there` });
        const [needed] = named ?? [];
        if (needed !== undefined) this.#checkWhole(side.path, needed);
        return [];
      } catch (error) {
        const report = describeError(error);
        return LOST.has(report.code) && isKnown(side) ? [{ slot: side.name, error: report }] : [];
      }
    });
  }

  /** @throws MinutehandError as Shelf.read and readRuleBundle */
  #checkWhole(pointer: string, bundle: NamedBundle): void {
    const folder = folderOfNamed(this.#paths.models, bundle);
    const mark = markOf(folder);
    if (mark !== '' && mark === this.#whole.get(pointer)) return;
    this.#whole.delete(pointer);
    readNamed(this.#paths, bundle);
    this.#whole.set(pointer, mark);
  }

  #lostActive(): Loss[] {
    return this.#slots.flatMap(({ slot, shelf, pointer }) => {
      try {
        const active = shelf.pointer(slot);
        if (active === null) throw new MinutehandError('MODEL_MISSING', { seen: `${pointer} is not there` });
        const folder = pathInside(shelf.path, active.version);
        const mark = markOf(folder);
        if (mark === '' || mark !== this.#whole.get(slot)) shelf.read(folder);
        this.#whole.set(slot, mark);
        return [];
      } catch (error) {
        this.#whole.delete(slot);
        const report = describeError(error);
        return LOST.has(report.code) ? [{ slot, error: report }] : [];
      }
    });
  }
}

/** Verifies the files of a bundle. @throws MinutehandError as Shelf.read and readRuleBundle */
function readNamed(paths: HomePaths, bundle: NamedBundle): void {
  const folder = folderOfNamed(paths.models, bundle);
  if (isRuleSlot(bundle.slot)) readRuleBundle(folder);
  else shelfOf(paths, shelfNameOf(bundle.slot)).read(folder);
}

/** Whether this home has accepted the pointer, so that it can be restored. Marks that cannot be read count as one. */
function isKnown(side: SidePointer): boolean {
  try {
    return side.accepted() !== null;
  } catch {
    return true;
  }
}

/** Identifies the files of a folder without reading them; empty when it cannot be listed. */
function markOf(folder: string): string {
  try {
    const names = readdirSync(folder).sort();
    return [
      folder,
      ...names.map((name) => {
        const { ino, size, mtimeMs } = statSync(pathInside(folder, name));
        return `${name}:${ino}:${size}:${mtimeMs}`;
      }),
    ].join(' ');
  } catch {
    return '';
  }
}

/**
 * Restores bundles of a registry; the one that becomes active again goes through the lock of all models.
 * @param version the only bundle to restore; undefined: all, and the active ones
 * @throws MinutehandError as `Registry.recover`
 */
export function recoverAdmitted(
  registry: Registry,
  { settings, paths }: Pick<LostPlace, 'settings' | 'paths'>,
  version: string | undefined,
  shelf: ShelfName,
): Promise<Recovery> {
  return registry.recover(version, admission(registry, { settings, paths }, shelf));
}

function admission(
  registry: Registry,
  { settings, paths }: Pick<LostPlace, 'settings' | 'paths'>,
  shelf: ShelfName,
): (version: string) => Promise<Admitted<'recovery'>> {
  const bundles = shelfNamed(shelf).folder(paths.models);
  return (active) =>
    admit(
      {
        settings,
        paths,
        registered: (one) => registry.verdictsOf(one),
        promotionFence: (market, present) => registry.promotionFence(market, present),
      },
      { door: 'recovery', folder: pathInside(bundles, active) },
    );
}

/**
 * Restores lost models from the bytes in the registry without a person, through the lock of all models: what the
 * registry knows as active becomes active again, if these settings may run it. Failed gates are accepted only where a
 * person's override is known from an accepted pointer.
 * @returns null when no models are lost, or the registry has no active models of the slots without any
 * @throws MinutehandError as `Registry.recover`; STORE_UNUSABLE
 */
export async function recoverLostModels(place: LostPlace, finder: LossFinder): Promise<LossRecovery | null> {
  const losses = finder.losses();
  if (losses.length === 0) return null;
  const store = await openStoreIfThere(place.env, place.paths);
  if (store === null) return null;
  try {
    const lost = new Set(losses.map(({ slot }) => slot));
    const known = new Set<string>();
    const recoveries: Recovery[] = [];
    for (const { name: shelf } of ALL_SHELVES) {
      const registry = registryOf(store, place.paths, shelf);
      const active = (await registry.list()).filter(
        ({ slot, status, removed_at }) => lost.has(slot) && status === 'active' && removed_at === null,
      );
      for (const { slot } of active) known.add(slot);
      if (active.length === 0) continue;
      const admitOne = admission(registry, place, shelf);
      const admitOwn = async (version: string) => refuseOwnOverride(await admitOne(version));
      recoveries.push(
        await registry.recover(
          undefined,
          admitOwn,
          active.map(({ slot }) => slot),
        ),
      );
    }
    for (const side of finder.sides.filter(({ name }) => lost.has(name))) {
      known.add(side.name);
      recoveries.push(await restoreSide(side, store, place));
    }
    if (recoveries.length === 0) return null;
    return { ...joined(recoveries), left: finder.losses().filter(({ slot }) => known.has(slot)) };
  } finally {
    await store.close();
  }
}

/** Restores a pointer beside those of active models, and before it the bundles that it names. Never rejects. */
async function restoreSide(side: SidePointer, store: Store, place: LostPlace): Promise<Recovery> {
  const { settings, paths } = place;
  const recovered: string[] = [];
  const activated: string[] = [];
  const failed: { version: string; error: ErrorReport }[] = [];
  try {
    const [needed, ...others] = namedBy(side);
    if (needed !== undefined && (await restoreNamed(needed, store, paths))) recovered.push(needed.version);
    for (const other of others)
      if (await restoreNamed(other, store, paths).catch(() => false)) recovered.push(other.version);
    const registries = registriesOf(store, paths);
    const isRestored = await side.restore({
      settings,
      paths,
      registered: (version, shelf) => registries[shelf].verdictsOf(version),
      promotionFence: (market, present) => promotionFence(store, paths, { market, present }),
    });
    if (isRestored) activated.push(side.name);
  } catch (error) {
    failed.push({ version: side.name, error: describeError(error) });
  }
  return { recovered, intact: [], failed, activated };
}

/** Bundles that the pointer names or, where it is lost, the accepted one did. @throws MinutehandError POINTER_MARK */
function namedBy(side: SidePointer): readonly NamedBundle[] {
  try {
    return side.named() ?? side.accepted() ?? [];
  } catch {
    return side.accepted() ?? [];
  }
}

/** @returns whether it was lost @throws MinutehandError as Registry.recover and RuleBytes.restore */
async function restoreNamed(bundle: NamedBundle, store: Store, paths: HomePaths): Promise<boolean> {
  try {
    readNamed(paths, bundle);
    return false;
  } catch (error) {
    if (!LOST.has(describeError(error).code)) throw error;
  }
  const { version, slot } = bundle;
  if (isRuleSlot(slot)) {
    await restoreRule(version, store, paths);
    return true;
  }
  const noPointer = () => Promise.reject(new Error('no pointer is restored'));
  const [failure] = (await registryOf(store, paths, shelfNameOf(slot)).recover(version, noPointer)).failed;
  if (failure !== undefined)
    throw new MinutehandError(failure.error.code as ErrorCode, { seen: failure.error.message });
  return true;
}

/**
 * Writes a rule into the models folder again, byte for byte.
 * @throws MinutehandError MODEL_MISSING when the store does not have it; as `RuleBytes.restore`
 */
export async function restoreRule(version: string, store: Pick<Store, 'db'>, paths: HomePaths): Promise<void> {
  await new RuleBytes(store, paths.models).restore(version);
}

/**
 * Keeps the bytes of bundles that pointers beside the active ones name, so that they can be restored.
 * @param known marks of those that are kept; what is kept now is added
 * @throws MinutehandError STORE_UNUSABLE
 */
export async function keepNamed(place: LostPlace, finder: LossFinder, known: Set<string>): Promise<void> {
  const { paths, env } = place;
  const fresh = finder.sides.flatMap((side) => {
    const named = quietlyNamed(side);
    return named.flatMap((bundle) => {
      const mark = markOf(folderOfNamed(paths.models, bundle));
      return mark === '' || known.has(mark) ? [] : [{ bundle, mark }];
    });
  });
  if (fresh.length === 0) return;
  const store = await openStore(storeUrl(env, paths));
  try {
    for (const { bundle, mark } of fresh) {
      const { version, slot } = bundle;
      try {
        if (isRuleSlot(slot)) await new RuleBytes(store, paths.models).keep(version);
        else await registryOf(store, paths, shelfNameOf(slot)).register(version);
      } catch (error) {
        // A damaged bundle is a loss, and reported as one.
        if (describeError(error).code === 'STORE_UNUSABLE') throw error;
      }
      known.add(mark);
    }
  } finally {
    await store.close();
  }
}

function quietlyNamed(side: SidePointer): readonly NamedBundle[] {
  try {
    return side.named() ?? [];
  } catch {
    return [];
  }
}

function joined(recoveries: readonly Recovery[]): Recovery {
  return {
    recovered: recoveries.flatMap(({ recovered }) => recovered),
    intact: recoveries.flatMap(({ intact }) => intact),
    failed: recoveries.flatMap(({ failed }) => failed),
    activated: recoveries.flatMap(({ activated }) => activated),
  };
}

/** Whether a pointer of a loss was accepted in this home. Marks that cannot be read count as one. */
export function hadModels(paths: HomePaths, slot: string): boolean {
  if (!isModelSlot(slot)) return true;
  try {
    return shelfOf(paths, shelfNameOf(slot)).accepted(slot) !== null;
  } catch {
    return true;
  }
}

/** What a recovery is reported as. @param modelsFolder whose models were lost */
export function recoveredNotice({ recovered, activated }: Recovery, modelsFolder: string, nowMs: number): Notice {
  const active = activated.length === 0 ? '' : `; active again: ${activated.join(', ')}`;
  const text = `${modelsFolder} had lost models. Restored from the registry: ${recovered.join(', ') || 'pointers'}${active}.`;
  return { key: `models_recovered:${nowMs}`, event: 'models_recovered', subject: 'models', text, isOnce: true };
}
