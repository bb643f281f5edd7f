import { readdirSync, statSync } from 'node:fs';
import { admit, type Admitted } from '../../../shared/bundle/admission/admission.ts';
import { gatesText } from '../../../shared/bundle/recorded_gates.ts';
import { shelfOfTimeframe, slotNameOf, timeframeOfSlot } from '../../../shared/bundle/shelf_name.ts';
import type { ShelfName } from '../../../shared/strategies/registry.ts';
import { ALL_SHELVES, placeOfSlot, shelfNamed } from '../../../shared/bundle/shelves/registry.ts';
import { describeError, MinutehandError, type ErrorCode, type ErrorReport } from '../../../shared/errors.ts';
import type { HomePaths } from '../../../shared/home.ts';
import { barSecondsOf, parseInstrument, timeframeOf } from '../../../shared/pair.ts';
import { pathInside } from '../../../shared/path_name.ts';
import type { Settings } from '../../../shared/policy/policy.ts';
import { openStoreIfThere } from '../../store/store.ts';
import type { RegistrySlot } from '../../store/tables.ts';
import type { Notice } from '../notify/outbox.ts';
import { registryOf, type Recovery, type Registry } from './registry.ts';
import { shelfOf, type Shelf } from './shelf.ts';

export interface LostPlace {
  readonly settings: Settings;
  readonly paths: HomePaths;
  /** Environment with the address of the store. */
  readonly env: NodeJS.ProcessEnv;
}

/** Active models of a slot that no daemon could load. */
export interface Loss {
  readonly slot: RegistrySlot;
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

/** Finds lost models of the configured subjects. Bundles whose files have not changed are not read again. */
export class LossFinder {
  readonly #slots: readonly { readonly slot: RegistrySlot; readonly shelf: Shelf; readonly pointer: string }[];
  /** Marks of whole bundles, by slot. */
  readonly #whole = new Map<RegistrySlot, string>();

  constructor({ settings, paths }: Pick<LostPlace, 'settings' | 'paths'>) {
    const { pairs, instruments } = settings.minutehand;
    const timeframes = instruments.map((id) => timeframeOf(barSecondsOf(parseInstrument(id))));
    this.#slots = [...(pairs.length === 0 ? [] : [null]), ...new Set(timeframes)].map((timeframe) => ({
      slot: slotNameOf(timeframe),
      shelf: shelfOf(paths, shelfOfTimeframe(timeframe)),
      pointer: placeOfSlot(paths.models, timeframe).path,
    }));
  }

  losses(): Loss[] {
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
    const lost = losses.map(({ slot }) => slot);
    const known = new Set<RegistrySlot>();
    const recoveries: Recovery[] = [];
    for (const { name: shelf } of ALL_SHELVES) {
      const registry = registryOf(store, place.paths, shelf);
      const active = (await registry.list()).filter(
        ({ slot, status, removed_at }) => lost.includes(slot) && status === 'active' && removed_at === null,
      );
      for (const { slot } of active) known.add(slot);
      if (active.length === 0) continue;
      const admitOne = admission(registry, place, shelf);
      const admitOwn = async (version: string) => refuseOwnOverride(await admitOne(version));
      recoveries.push(await registry.recover(undefined, admitOwn, lost));
    }
    if (recoveries.length === 0) return null;
    return { ...joined(recoveries), left: finder.losses().filter(({ slot }) => known.has(slot)) };
  } finally {
    await store.close();
  }
}

/** @throws MinutehandError MODEL_GATES for failed gates that no person has overridden */
function refuseOwnOverride(admitted: Admitted<'recovery'>): Admitted<'recovery'> {
  const { version, despite } = admitted;
  if (despite === null || despite.by !== '') return admitted;
  throw new MinutehandError('MODEL_GATES', {
    seen: `${version}: ${gatesText(despite.gates)}; nothing in this home shows that a person overrode them`,
    next: '`minutehand models recover` makes it active again, as it was.',
  });
}

function joined(recoveries: readonly Recovery[]): Recovery {
  return {
    recovered: recoveries.flatMap(({ recovered }) => recovered),
    intact: recoveries.flatMap(({ intact }) => intact),
    failed: recoveries.flatMap(({ failed }) => failed),
    activated: recoveries.flatMap(({ activated }) => activated),
  };
}

/** Whether a pointer of the slot was accepted in this home. Marks that cannot be read count as one. */
export function hadModels(paths: HomePaths, slot: RegistrySlot): boolean {
  try {
    return shelfOf(paths, shelfOfTimeframe(timeframeOfSlot(slot))).accepted(slot) !== null;
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
