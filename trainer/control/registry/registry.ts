import type { Rejection } from '../../../shared/bundle/recorded_gates.ts';
import { resolve } from 'node:path';
import { restoreActive } from '../../../shared/bundle/admission/activation.ts';
import type { Admitted, RegisteredBundle } from '../../../shared/bundle/admission/admission.ts';
import { readActive } from '../../../shared/bundle/bundle.ts';
import { manifestSchema } from '../../../shared/bundle/manifest.ts';
import { SIGNATURE_FILE } from '../../../shared/bundle/signature.ts';
import type { Rollout } from '../../../shared/bundle/rollout.ts';
import type { PointerMarks } from '../../../shared/bundle/pointer_marks.ts';
import { MACHINE_CLOCK } from '../../../shared/clock.ts';
import { describeError, MinutehandError } from '../../../shared/errors.ts';
import { MACHINE_FILES } from '../../../shared/files.ts';
import type { Clock, FileSystem } from '../../../shared/ports.ts';
import type { Store } from '../../store/store.ts';
import type { ModelRegistryView, ModelType } from '../../store/tables.ts';
import { ModelsFolder } from './models_folder.ts';
import { RegistryRows, type ActivationCause, type RegisteredModels } from './registry_rows.ts';
import { pathInside } from '../../../shared/path_name.ts';
import { sha256Hex } from '../../../shared/sha256.ts';

export interface Recovery {
  /** Bundles restored from the registry. */
  readonly recovered: readonly string[];
  /** Bundles whose folder is identical to the registry. */
  readonly intact: readonly string[];
  /** Bundles that could not be restored or, of the active one, not activated again, with the reason. */
  readonly failed: readonly { readonly version: string; readonly error: ReturnType<typeof describeError> }[];
  /** Version in the restored active.json; null if it was intact. */
  readonly activated: string | null;
}

/** @throws MinutehandError when the bundle is refused */
export type AdmitRecovered = (version: string) => Promise<Admitted<'recovery'>>;

/**
 * Every bundle with its status and bytes. `models/active.json` is authoritative, because daemons read it; the registry
 * is updated afterward, and `mend` synchronizes it if a process was killed in between.
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
  reject(version: string, reasons: readonly Rejection[]): Promise<void>;
  /**
   * Registers the challenger of a rollout that has started, and records the event. Idempotent.
   * @throws MinutehandError as register
   */
  startRollout(rollout: Pick<Rollout, 'id' | 'champion' | 'challenger'>): Promise<void>;
  /**
   * Synchronizes statuses with active.json: after a crash, or after a manual change.
   * @param cause how the bundle became active, for its event
   * @throws MinutehandError as `readActive` and `register`
   */
  mend(cause?: ActivationCause): Promise<void>;
  /**
   * Removes folders and bytes of all but `count` bundles. The active one, its predecessor and the shadow are kept and
   * count; of the others the newest are kept.
   * @returns the removed versions
   */
  retain(count: number): Promise<readonly string[]>;
  /**
   * Removes folder and bytes of a bundle; its row stays.
   * @throws MinutehandError MODEL_MISSING, MODEL_IN_USE for the active one, its predecessor and the shadow
   */
  remove(version: string): Promise<void>;
  /**
   * Restores lost or damaged folders, byte for byte, and active.json when it is missing or damaged.
   * @param version of the only bundle to check; active.json is not changed then
   * @param admit the admission of the bundle that active.json is to name
   * @throws MinutehandError MODEL_MISSING when the registry does not have the version
   */
  recover(version: string | undefined, admit: AdmitRecovered): Promise<Recovery>;
  /** undefined when the registry never had the version. */
  find(version: string): Promise<RegisteredModels | undefined>;
  /** For its admission; undefined when the registry never had the version. */
  verdictsOf(version: string): Promise<RegisteredBundle | undefined>;
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
}

/** @param modelsFolder of the bundles and active.json */
export function createRegistry(
  store: Store,
  modelsFolder: string,
  { clock = MACHINE_CLOCK, files = MACHINE_FILES, marks = null }: RegistryPorts = {},
): Registry {
  return new StoreRegistry(new RegistryRows(store, clock), modelsFolder, files, clock, marks);
}

class StoreRegistry implements Registry {
  readonly #rows: RegistryRows;
  readonly #folder: ModelsFolder;
  readonly #modelsFolder: string;
  readonly #files: FileSystem;
  readonly #clock: Clock;
  readonly #marks: PointerMarks | null;

  constructor(rows: RegistryRows, modelsFolder: string, files: FileSystem, clock: Clock, marks: PointerMarks | null) {
    this.#rows = rows;
    this.#folder = new ModelsFolder(modelsFolder, files, marks);
    this.#marks = marks;
    this.#modelsFolder = modelsFolder;
    this.#files = files;
    this.#clock = clock;
  }

  async register(version: string): Promise<void> {
    const { created, text } = this.#folder.readManifest(version);
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
    if (!isKept)
      await this.#rows.addCandidate(version, created, text, resolve(pathInside(this.#modelsFolder, version)));
  }

  async reject(version: string, reasons: readonly Rejection[]): Promise<void> {
    await this.register(version);
    await this.#rows.reject(version, reasons);
  }

  async startRollout({ id, champion, challenger }: Pick<Rollout, 'id' | 'champion' | 'challenger'>): Promise<void> {
    await this.register(challenger);
    await this.#rows.startRollout(challenger, champion, id);
  }

  async mend(cause: ActivationCause = null): Promise<void> {
    this.#folder.removeLeftovers(this.#clock.nowMs());
    const pointer = readActive(this.#modelsFolder, this.#files, this.#marks);
    if (pointer === null) return;
    await this.register(pointer.version);
    const active = await this.#rows.active();
    if (active?.version !== pointer.version || active.previous_version !== pointer.previous)
      await this.#rows.setActive(pointer.version, pointer.previous, cause);
  }

  async remove(version: string): Promise<void> {
    const known = await this.#rows.identityOf(version);
    if (known === undefined || known.removed_at !== null)
      throw new MinutehandError('MODEL_MISSING', { seen: `the registry does not have ${version}` });
    if ((await this.#bound()).includes(version)) throw new MinutehandError('MODEL_IN_USE', { seen: version });
    this.#folder.remove(version);
    await this.#rows.removeArtifacts(version);
  }

  /** Versions that are active, its predecessor, the shadow, or an arm of the active rollout. */
  async #bound(): Promise<readonly (string | null | undefined)[]> {
    const pointer = this.#folder.activePointer();
    // If active.json cannot be read, use the active version of the registry.
    const active = await this.#rows.active();
    const arms = this.#folder.rolloutArms();
    return [
      pointer?.version,
      pointer?.previous,
      this.#folder.shadow(),
      active?.version,
      active?.previous_version,
      ...arms,
    ];
  }

  async retain(count: number): Promise<readonly string[]> {
    const kept = (await this.#rows.list()).filter(({ removed_at }) => removed_at === null).reverse();
    const bound = await this.#bound();
    const free = kept.filter(({ version }) => !bound.includes(version));
    const old = free.slice(Math.max(0, count - (kept.length - free.length))).map(({ version }) => version);
    for (const version of old) {
      this.#folder.remove(version);
      await this.#rows.removeArtifacts(version);
    }
    return old;
  }

  async recover(version: string | undefined, admit: AdmitRecovered): Promise<Recovery> {
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
    const active = await this.#rows.active();
    const isPointerLost = version === undefined && this.#folder.activePointer() === null;
    if (!isPointerLost || active === undefined || failed.some((one) => one.version === active.version))
      return { recovered, intact, failed, activated: null };
    try {
      const admitted = await admit(active.version);
      restoreActive(admitted, active.previous_version, this.#modelsFolder, this.#files, this.#marks);
    } catch (error) {
      failed.push({ version: active.version, error: describeError(error) });
      return { recovered, intact, failed, activated: null };
    }
    return { recovered, intact, failed, activated: active.version };
  }

  find(version: string): Promise<RegisteredModels | undefined> {
    return this.#rows.find(version);
  }

  verdictsOf(version: string): Promise<RegisteredBundle | undefined> {
    return this.#rows.verdictsOf(version);
  }

  list(): Promise<readonly RegisteredModels[]> {
    return this.#rows.list();
  }

  async models(): Promise<readonly ModelRegistryView[]> {
    const rows = await this.#rows.models();
    return rows.map((row) => ({
      ...row,
      theta1: Number(row.theta1),
      theta2: Number(row.theta2),
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
    if (artifacts.length === 0 || !manifestSchema.shape.version.safeParse(version).success)
      throw new MinutehandError('MODEL_MISSING', { seen: `the registry has no bytes of ${version}` });
    if (this.#folder.has(version, artifacts)) return false;
    this.#folder.write(version, artifacts);
    return true;
  }
}
