import type { FailedGate } from '../../../shared/bundle/recorded_gates.ts';
import { resolve } from 'node:path';
import type { Admitted, RegisteredBundle } from '../../../shared/bundle/admission/admission.ts';
import { VERSION } from '../../../shared/bundle/bundle.ts';
import { SIGNATURE_FILE } from '../../../shared/bundle/signature.ts';
import type { Rollout } from '../../../shared/bundle/rollout.ts';
import type { PointerMarks } from '../../../shared/bundle/pointer_marks.ts';
import { MACHINE_CLOCK } from '../../../shared/clock.ts';
import { describeError, MinutehandError } from '../../../shared/errors.ts';
import { MACHINE_FILES } from '../../../shared/files.ts';
import type { HomePaths } from '../../../shared/home.ts';
import { installationOf } from '../../../shared/owner/owner.ts';
import type { ActivePointer } from '../../../shared/bundle/pointer.ts';
import type { Clock, FileSystem } from '../../../shared/ports.ts';
import type { Store } from '../../store/store.ts';
import type { ModelRegistryView } from '../../store/schema/models.ts';
import { ModelsFolder } from './models_folder.ts';
import { RegistryRows, type ActivationCause, type RegisteredModels } from './registry_rows.ts';
import { openShelf, shelfOf, type Shelf } from './shelf.ts';
import type { ModelType, ShelfName } from '../../../shared/strategies/registry.ts';
import { ALL_SHELVES } from '../../../shared/bundle/shelves/registry.ts';
import { pathInside } from '../../../shared/path_name.ts';
import { sha256Hex } from '../../../shared/sha256.ts';
import { whenUnlocked } from '../../../shared/process/home_lock.ts';
import type { ModelSlotId } from '../../../shared/subject/slot.ts';

export interface Recovery {
  /** Bundles restored from the registry. */
  readonly recovered: readonly string[];
  /** Bundles whose folder is identical to the registry. */
  readonly intact: readonly string[];
  /** Bundles that could not be restored or, of the active one, not activated again, with the reason. */
  readonly failed: readonly { readonly version: string; readonly error: ReturnType<typeof describeError> }[];
  /** Versions in restored pointers; none if they were intact. */
  readonly activated: readonly string[];
}

/** @throws MinutehandError when the bundle is refused */
export type AdmitRecovered = (version: string) => Promise<Admitted<'recovery'>>;

/** What a removal of old bundles has done. */
export interface Retained {
  readonly removed: readonly string[];
  /** Still there, with what was thrown. */
  readonly failed: readonly { readonly version: string; readonly error: unknown }[];
}

/**
 * Every bundle of a shelf with its status and bytes. The pointers, `models/active.json` or those of the direction
 * models, are authoritative, because daemons read them; the registry is updated afterward, and `mend` synchronizes it
 * if a process was killed in between.
 */
export interface Registry {
  /**
   * Registers a bundle of the models folder as a candidate; a known one is unchanged except for a new signature.
   * @throws MinutehandError MODEL_MISSING, MODEL_MANIFEST, MODEL_HASH; MODEL_EXISTS if another bundle had its version
   */
  register(version: string): Promise<void>;
  /**
   * Registers a bundle with its failed gates. Active and formerly active bundles keep their status.
   * @throws MinutehandError as `register`
   */
  reject(version: string, reasons: readonly FailedGate[]): Promise<void>;
  /**
   * Registers the challenger of a rollout that has started, and records the event. Idempotent.
   * @throws MinutehandError as register
   */
  startRollout(rollout: Pick<Rollout, 'id' | 'champion' | 'challenger'>): Promise<void>;
  /**
   * Synchronizes statuses with the pointers: after a crash, or after a manual change.
   * @param cause how the bundle became active, for its event
   * @throws MinutehandError as `Shelf.pointer` and `register`; PROMOTION_OWNER, PROMOTION_STALE when another
   * installation is, or was since, the owner of promotions
   */
  mend(cause?: ActivationCause): Promise<void>;
  /**
   * Removes folders and bytes of all but `count` bundles of each slot. The active one, its predecessor and the shadow
   * are kept and count; of the others the newest are kept.
   * Those that cannot be removed do not keep the others.
   */
  retain(count: number): Promise<Retained>;
  /**
   * Removes folder and bytes of a bundle; its row stays.
   * @throws MinutehandError MODEL_MISSING; MODEL_IN_USE for the active one, its predecessor and the shadow;
   * PROMOTION_OWNER
   */
  remove(version: string): Promise<void>;
  /** Drops the bytes of bundles whose folders were removed; others are not concerned. */
  forget(versions: readonly string[]): Promise<void>;
  /**
   * Restores lost or damaged folders, byte for byte, and a pointer that is missing or damaged. A pointer is not
   * restored to another version than the newest one that this home accepted: the registry may lag behind it, or the
   * home may be an old copy, and which of them is meant is a person's decision (`models promote`).
   * @param version of the only bundle to check; no pointer is changed then
   * @param admit the admission of the bundle that a pointer is to name
   * @param slots whose pointers may be restored; default: all of the shelf
   * @throws MinutehandError MODEL_MISSING when the registry does not have the version
   */
  recover(version: string | undefined, admit: AdmitRecovered, slots?: readonly ModelSlotId[]): Promise<Recovery>;
  /** undefined when the registry never had the version. */
  find(version: string): Promise<RegisteredModels | undefined>;
  /** For its admission; undefined when the registry never had the version. */
  verdictsOf(version: string): Promise<RegisteredBundle | undefined>;
  /** As `AdmissionPlace.promotionFence`. */
  promotionFence(market: string, present: number): Promise<number>;
  /** Oldest first. */
  list(): Promise<readonly RegisteredModels[]>;
  /** The view `model_registry`: a row per model, oldest bundle first. */
  models(): Promise<readonly ModelRegistryView[]>;
  /**
   * Writes the notes of a bundle's models.
   * @throws MinutehandError MODEL_MISSING when the registry does not have the version
   */
  note(version: string, types: readonly ModelType[], notes: string): Promise<void>;
}

export interface RegistryPorts {
  readonly clock?: Clock;
  readonly files?: FileSystem;
  /** Of the home; without them, active.json is not checked. */
  readonly marks?: PointerMarks | null;
  /** The installation, as the owner of promotions; without it, as in a folder of bundles alone, nobody is asked. */
  readonly holder?: string | null;
}

/** The registry of the models of pairs. @param modelsFolder of the bundles and active.json */
export function createRegistry(
  store: Store,
  modelsFolder: string,
  { clock = MACHINE_CLOCK, files = MACHINE_FILES, marks = null, holder = null }: RegistryPorts = {},
): Registry {
  const shelf = openShelf('pairs', modelsFolder, files, () => marks);
  return new StoreRegistry(new RegistryRows(store, { clock, shelf: shelf.name, holder }), shelf, files, clock);
}

/** The registries of an installation. */
export function registriesOf(
  store: Store,
  paths: Pick<HomePaths, 'models' | 'home'>,
): Readonly<Record<ShelfName, Registry>> {
  const own = ALL_SHELVES.map(({ name }) => [name, registryOf(store, paths, name)] as const);
  return Object.fromEntries(own) as Record<ShelfName, Registry>;
}

/** The registry of a shelf of an installation. */
export function registryOf(
  store: Store,
  paths: Pick<HomePaths, 'models' | 'home'>,
  name: ShelfName,
  clock: Clock = MACHINE_CLOCK,
): Registry {
  const shelf = shelfOf(paths, name);
  const rows = new RegistryRows(store, { clock, shelf: name, holder: installationOf(paths.home) });
  return new StoreRegistry(rows, shelf, MACHINE_FILES, clock);
}

class StoreRegistry implements Registry {
  readonly #rows: RegistryRows;
  readonly #shelf: Shelf;
  readonly #folder: ModelsFolder;
  readonly #clock: Clock;

  constructor(rows: RegistryRows, shelf: Shelf, files: FileSystem, clock: Clock) {
    this.#rows = rows;
    this.#shelf = shelf;
    this.#folder = new ModelsFolder(shelf, files);
    this.#clock = clock;
  }

  async register(version: string): Promise<void> {
    const { created, slot, text } = this.#folder.readManifest(version);
    const known = await this.#rows.identityOf(version);
    if (known !== undefined && known.manifest_sha256 !== sha256Hex(text))
      throw new MinutehandError('MODEL_EXISTS', { seen: `the registry has other models under ${version}` });
    const isKept = known !== undefined && known.removed_at === null;
    // Bytes first: a row of the registry guarantees that they exist.
    for (const file of this.#folder.fileNames(version)) {
      // For a known bundle, only the signature may differ.
      if (!isKept || file === SIGNATURE_FILE)
        await this.#rows.keepArtifact(version, file, this.#folder.read(version, file));
    }
    if (!isKept) {
      const folder = resolve(pathInside(this.#shelf.path, version));
      await this.#rows.addCandidate({ version, slot, created, manifest: text, folder });
    }
  }

  async reject(version: string, reasons: readonly FailedGate[]): Promise<void> {
    await this.register(version);
    await this.#rows.reject(version, reasons);
  }

  async startRollout({ id, champion, challenger }: Pick<Rollout, 'id' | 'champion' | 'challenger'>): Promise<void> {
    await this.register(challenger);
    await this.#rows.startRollout(challenger, champion, id);
  }

  async mend(cause: ActivationCause = null): Promise<void> {
    this.#folder.removeLeftovers(this.#shelf.name, this.#clock.nowMs());
    const errors: unknown[] = [];
    for (const slot of this.#shelf.slots)
      await this.#follow(slot, cause).catch((error: unknown) => void errors.push(error));
    // A slot whose pointer cannot be read keeps no other from being followed.
    if (errors.length > 0) throw errors[0];
  }

  async #follow(slot: ModelSlotId, cause: ActivationCause): Promise<void> {
    const pointer = this.#shelf.pointer(slot);
    if (pointer === null) return;
    await this.register(pointer.version);
    const active = await this.#rows.active(slot);
    if (active?.version !== pointer.version || active.previous_version !== pointer.previous)
      await this.#rows.setActive(slot, { ...pointer, fence: this.#shelf.fence(slot) }, cause);
  }

  async remove(version: string): Promise<void> {
    const known = await this.#rows.identityOf(version);
    if (known === undefined || known.removed_at !== null)
      throw new MinutehandError('MODEL_MISSING', { seen: `the registry does not have ${version}` });
    if ((await this.#bound()).includes(version)) throw new MinutehandError('MODEL_IN_USE', { seen: version });
    await this.#rows.ownOf(version);
    this.#folder.remove(version);
    await this.#rows.removeArtifacts(version);
  }

  /** Versions that are active, their predecessors, the shadow, or an arm of the active rollout. */
  async #bound(): Promise<readonly (string | null | undefined)[]> {
    const bound: (string | null | undefined)[] = [...this.#shelf.others()];
    for (const slot of this.#shelf.slots) {
      const pointer = this.#pointerOrNull(slot);
      // If the pointer cannot be read, use the active version of the registry.
      const active = await this.#rows.active(slot);
      bound.push(pointer?.version, pointer?.previous, active?.version, active?.previous_version);
    }
    return bound;
  }

  /** null when it is missing, damaged or refused. */
  #pointerOrNull(slot: ModelSlotId): ActivePointer | null {
    try {
      return this.#shelf.pointer(slot);
    } catch {
      return null;
    }
  }

  async retain(count: number): Promise<Retained> {
    const rows = (await this.#rows.list()).filter(({ removed_at }) => removed_at === null).reverse();
    const bound = await this.#bound();
    const old = this.#shelf.slots.flatMap((slot) => {
      const kept = rows.filter((row) => row.slot === slot);
      const free = kept.filter(({ version }) => !bound.includes(version));
      return free.slice(Math.max(0, count - (kept.length - free.length))).map(({ version }) => version);
    });
    const removed: string[] = [];
    const failed: { version: string; error: unknown }[] = [];
    for (const version of old) {
      try {
        await this.#rows.ownOf(version);
        this.#folder.remove(version);
        await this.#rows.removeArtifacts(version);
        removed.push(version);
      } catch (error) {
        failed.push({ version, error });
      }
    }
    return { removed, failed };
  }

  async forget(versions: readonly string[]): Promise<void> {
    for (const version of versions) {
      const known = await this.#rows.identityOf(version);
      if (known !== undefined && known.removed_at === null) await this.#rows.removeArtifacts(version);
    }
  }

  async recover(
    version: string | undefined,
    admit: AdmitRecovered,
    slots: readonly ModelSlotId[] = this.#shelf.slots,
  ): Promise<Recovery> {
    const rows = (await this.#rows.list()).filter((row) =>
      version === undefined ? row.removed_at === null : row.version === version,
    );
    if (version !== undefined && rows.length === 0)
      throw new MinutehandError('MODEL_MISSING', { seen: `the registry does not have ${version}` });
    const recovered: string[] = [];
    const intact: string[] = [];
    const failed: { version: string; error: ReturnType<typeof describeError> }[] = [];
    for (const row of rows) {
      try {
        ((await this.#rebuild(row.version)) ? recovered : intact).push(row.version);
      } catch (error) {
        failed.push({ version: row.version, error: describeError(error) });
      }
    }
    const activated: string[] = [];
    for (const slot of version === undefined ? this.#shelf.slots.filter((one) => slots.includes(one)) : []) {
      const active = await this.#rows.active(slot);
      const isLost = active !== undefined && this.#pointerOrNull(slot) === null;
      if (!isLost || failed.some((one) => one.version === active.version)) continue;
      try {
        this.#refuseOlder(slot, active.version);
        const admitted = await admit(active.version);
        await whenUnlocked(() => this.#shelf.restore(admitted, active.previous_version));
        activated.push(active.version);
      } catch (error) {
        failed.push({ version: active.version, error: describeError(error) });
      }
    }
    return { recovered, intact, failed, activated };
  }

  /** @throws MinutehandError POINTER_ROLLBACK */
  #refuseOlder(slot: ModelSlotId, version: string): void {
    const accepted = this.#shelf.accepted(slot);
    if (accepted === null || accepted === version) return;
    throw new MinutehandError('POINTER_ROLLBACK', {
      seen: `the registry has ${version} as active, the newest pointer that this home accepted named ${accepted}`,
      next: `\`minutehand models promote <version>\` with the one that is to be active.`,
    });
  }

  find(version: string): Promise<RegisteredModels | undefined> {
    return this.#rows.find(version);
  }

  verdictsOf(version: string): Promise<RegisteredBundle | undefined> {
    return this.#rows.verdictsOf(version);
  }

  promotionFence(market: string, present: number): Promise<number> {
    return this.#rows.own(market, present);
  }

  list(): Promise<readonly RegisteredModels[]> {
    return this.#rows.list();
  }

  async models(): Promise<readonly ModelRegistryView[]> {
    const rows = await this.#rows.models();
    return rows.map((row) => ({
      ...row,
      theta1: row.theta1 === null ? null : Number(row.theta1),
      theta2: row.theta2 === null ? null : Number(row.theta2),
      metrics: typeof row.metrics === 'string' ? (JSON.parse(row.metrics) as unknown) : row.metrics,
    }));
  }

  async note(version: string, types: readonly ModelType[], notes: string): Promise<void> {
    if ((await this.#rows.identityOf(version)) === undefined)
      throw new MinutehandError('MODEL_MISSING', { seen: `the registry does not have ${version}` });
    await this.#rows.note(version, types, notes);
  }

  /** @returns whether the folder had to be made. @throws MinutehandError MODEL_HASH, MODEL_MISSING, MODEL_MANIFEST */
  async #rebuild(version: string): Promise<boolean> {
    const artifacts = await this.#rows.artifacts(version);
    if (artifacts.length === 0 || !VERSION.test(version))
      throw new MinutehandError('MODEL_MISSING', { seen: `the registry has no bytes of ${version}` });
    if (this.#folder.has(version, artifacts)) return false;
    this.#folder.write(version, artifacts);
    return true;
  }
}
