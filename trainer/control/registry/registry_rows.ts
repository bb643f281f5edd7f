import { modelsOf } from '../../../shared/strategies/registry.ts';
import type { Kysely } from 'kysely';
import type { RegisteredBundle } from '../../../shared/bundle/admission/admission.ts';
import type { RecordedGate } from '../../../shared/bundle/gates/gate_result.ts';
import {
  describeRejections,
  failuresOf,
  readRejections,
  type FailedGate,
} from '../../../shared/bundle/recorded_gates.ts';
import { MinutehandError } from '../../../shared/errors.ts';
import type { Clock } from '../../../shared/ports.ts';
import { recordModelEvent } from '../model_events/model_event.ts';
import type { ModelEventKind } from '../../store/schema/models.ts';
import { ownPromotions } from '../../store/promotion_owner.ts';
import { fenceOfHolder } from './promotion_fence.ts';
import type { Store } from '../../store/store.ts';
import type { ModelRegistryView, ModelStatus } from '../../store/schema/models.ts';
import type { Tables } from '../../store/schema/schema.ts';
import type { ModelType, ShelfName } from '../../../shared/strategies/registry.ts';
import type { BundleShelf } from '../../../shared/bundle/shelves/bundle_shelf.ts';
import { shelfNamed } from '../../../shared/bundle/shelves/registry.ts';
import { sha256Hex } from '../../../shared/sha256.ts';
import type { ModelSlotId } from '../../../shared/subject/slot.ts';

/** How a bundle became active; null: inferred from what was active before. */
export type ActivationCause = Exclude<ModelEventKind, 'rejected' | 'rollout_started'> | null;

/** Entry of a bundle in the registry, without the manifest. Times are ISO 8601 in UTC. */
export interface RegisteredModels {
  readonly version: string;
  readonly slot: ModelSlotId;
  readonly status: ModelStatus;
  readonly created: string;
  /** The failed gates, in words and as data. */
  readonly reasons: readonly string[];
  readonly failed_gates: readonly FailedGate[];
  /** For the active bundle: its predecessor. */
  readonly previous_version: string | null;
  readonly adopted_at: string | null;
  readonly retired_at: string | null;
  /** Time at which its folder and bytes were removed; null while they are kept. */
  readonly removed_at: string | null;
}

/** One file of a bundle. */
export interface Artifact {
  readonly file: string;
  readonly sha256: string;
  readonly content: Uint8Array;
}

const COLUMNS = [
  'version',
  'slot',
  'status',
  'created',
  'reasons',
  'previous_version',
  'adopted_at',
  'retired_at',
  'removed_at',
] as const;

/** Of a bundle that no training run of the trainer has rejected, too. */
function failedGates(manifest: string): FailedGate[] {
  const { gates = [] } = JSON.parse(manifest) as { gates?: readonly RecordedGate[] };
  return failuresOf(gates);
}

/** What a pointer says. */
export interface RegisteredPointer {
  readonly version: string;
  readonly previous: string | null;
  /** Of the owner of promotions that wrote it; null: a person, or an earlier version. */
  readonly fence: number | null;
}

interface ActiveRow {
  readonly version: string;
  readonly previous_version: string | null;
  readonly fence: number | null;
}

/** A bundle that is registered. */
export interface NewRow {
  readonly version: string;
  readonly slot: ModelSlotId;
  readonly created: string;
  /** Its text. */
  readonly manifest: string;
  /** Absolute path of the bundle. */
  readonly folder: string;
}

/** Key of the rows of a bundle: its path below the folder of models. */
function keyIn(shelf: BundleShelf, version: string): string {
  const folder = shelf.folder('');
  return folder === '' ? version : `${folder}/${version}`;
}

function versionOf(key: string): string {
  return key.slice(key.indexOf('/') + 1);
}

type Row = Pick<RegisteredModels, 'version' | 'slot' | 'status' | 'created' | 'previous_version'> &
  Pick<RegisteredModels, 'adopted_at' | 'retired_at' | 'removed_at'> & { readonly reasons: string };

function registeredModels({ reasons, version, ...row }: Row): RegisteredModels {
  return { version: versionOf(version), ...row, ...describeRejections(readRejections(reasons)) };
}

export interface RowsOptions {
  readonly clock: Clock;
  readonly shelf: ShelfName;
  /** The installation, as the owner of promotions; null: nobody is asked. */
  readonly holder: string | null;
}

/**
 * The registry's tables, for the bundles of a shelf: a row per bundle in `core.model_registry`, a row per file in
 * `core.model_artifacts`. Pairs and instruments may have the same version; their keys differ.
 */
export class RegistryRows {
  readonly #store: Pick<Store, 'db' | 'transaction' | 'kind' | 'place'>;
  readonly #db: Kysely<Tables>;
  readonly #clock: Clock;
  readonly #shelf: BundleShelf;
  readonly #holder: string | null;

  constructor(store: Pick<Store, 'db' | 'transaction' | 'kind' | 'place'>, { clock, shelf, holder }: RowsOptions) {
    this.#store = store;
    this.#shelf = shelfNamed(shelf);
    this.#holder = holder;
    this.#db = store.db;
    this.#clock = clock;
  }

  /** @returns undefined when the bundle was never registered */
  identityOf(version: string): Promise<{ manifest_sha256: string; removed_at: string | null } | undefined> {
    return this.#db
      .selectFrom('core.model_registry')
      .select(['manifest_sha256', 'removed_at'])
      .where('version', '=', this.#key(version))
      .executeTakeFirst();
  }

  /** Adds a candidate; for a bundle whose bytes were removed, only marks them as kept again. */
  async addCandidate({ version, slot, created, manifest, folder }: NewRow): Promise<void> {
    await this.#db
      .insertInto('core.model_registry')
      .values({
        version: this.#key(version),
        slot,
        status: 'candidate',
        created,
        manifest,
        manifest_sha256: sha256Hex(manifest),
        reasons: JSON.stringify(failedGates(manifest)),
        previous_version: null,
        adopted_at: null,
        retired_at: null,
        removed_at: null,
        folder,
      })
      .onConflict((conflict) => conflict.column('version').doUpdateSet({ removed_at: null, folder }))
      .execute();
  }

  async keepArtifact(version: string, file: string, content: Buffer): Promise<void> {
    const kept = { sha256: sha256Hex(content), content };
    await this.#db
      .insertInto('core.model_artifacts')
      .values({ version: this.#key(version), file, ...kept })
      .onConflict((conflict) => conflict.columns(['version', 'file']).doUpdateSet(kept))
      .execute();
  }

  /** In order of the file; none when the bytes were removed. */
  artifacts(version: string): Promise<readonly Artifact[]> {
    return this.#db
      .selectFrom('core.model_artifacts')
      .select(['file', 'sha256', 'content'])
      .where('version', '=', this.#key(version))
      .orderBy('file')
      .execute();
  }

  async removeArtifacts(version: string): Promise<void> {
    const key = this.#key(version);
    await this.#store.transaction(async (tx) => {
      await this.#ownFor(tx, key);
      await tx.deleteFrom('core.model_artifacts').where('version', '=', key).execute();
      await tx.updateTable('core.model_registry').set({ removed_at: this.#now() }).where('version', '=', key).execute();
    });
  }

  async reject(version: string, reasons: readonly FailedGate[]): Promise<void> {
    await this.#store.transaction(async (tx) => {
      const row = await tx
        .updateTable('core.model_registry')
        .set({ status: 'rejected', reasons: JSON.stringify(reasons) })
        .where('version', '=', this.#key(version))
        .where('status', 'in', ['candidate', 'rejected'])
        .returning('version')
        .executeTakeFirst();
      if (row === undefined) return;
      const change = { kind: 'rejected', version, previous: null, reasons, at: this.#now() } as const;
      await recordModelEvent(tx, this.#key(version), change);
    });
  }

  /** Records once that a bundle is the challenger of this rollout; its status stays. */
  async startRollout(version: string, champion: string, rollout: string): Promise<void> {
    const change = { kind: 'rollout_started', version, previous: champion, reasons: [], rollout } as const;
    await this.#store.transaction((tx) => recordModelEvent(tx, this.#key(version), { ...change, at: this.#now() }));
  }

  /**
   * Activates the version of a pointer and archives the previous one of its slot in a single statement, so that there
   * are never two active rows. In the same transaction the installation is, or becomes, the owner of promotions.
   * @throws MinutehandError PROMOTION_OWNER; PROMOTION_STALE when a later owner's version is active
   */
  async setActive(slot: ModelSlotId, pointer: RegisteredPointer, cause: ActivationCause): Promise<void> {
    const { version, previous, fence } = pointer;
    const at = this.#now();
    const key = this.#key(version);
    await this.#store.transaction(async (tx) => {
      const owned = await this.#ownFor(tx, key);
      const before = await activeRow(tx, slot);
      const later = Number(before?.fence ?? 0);
      if (before?.version !== version && fence !== null && fence < later)
        throw new MinutehandError('PROMOTION_STALE', {
          seen: `${version} was promoted with fence ${fence}, ${before!.version} with ${later}`,
        });
      const own = await tx
        .selectFrom('core.model_registry')
        .select('status')
        .where('version', '=', key)
        .executeTakeFirst();
      await this.#activate(tx, slot, key, previous, at);
      await tx
        .updateTable('core.model_registry')
        .set({ fence: fence ?? (owned === 0 ? null : owned) })
        .where('version', '=', key)
        .execute();
      if (before?.version === version) return;
      const inferred =
        before !== undefined && before.previous_version === version
          ? 'rolled_back'
          : own?.status === 'candidate'
            ? 'adopted'
            : 'promoted';
      const kind = cause ?? inferred;
      await recordModelEvent(tx, key, { kind, version, previous: before?.version ?? null, reasons: [], at });
    });
  }

  async #activate(
    tx: Kysely<Tables>,
    slot: ModelSlotId,
    key: string,
    previous: string | null,
    at: string,
  ): Promise<void> {
    await tx
      .updateTable('core.model_registry')
      .set(({ case: choose, ref, fn, val }) => {
        const isThis = () => choose().when('version', '=', key);
        return {
          status: isThis().then<ModelStatus>('active').else<ModelStatus>('archived').end(),
          previous_version: isThis().then(previous).else(null).end(),
          adopted_at: choose()
            .when('version', '<>', key)
            .then(ref('adopted_at'))
            .when('status', '=', 'active')
            .then(fn.coalesce('adopted_at', val(at)))
            .else(at)
            .end(),
          retired_at: isThis().then(null).else(at).end(),
        };
      })
      .where('slot', '=', slot)
      .where(({ or, eb }) => or([eb('version', '=', key), eb('status', '=', 'active')]))
      .execute();
  }

  active(slot: ModelSlotId): Promise<ActiveRow | undefined> {
    return activeRow(this.#db, slot);
  }

  /** As `AdmissionPlace.promotionFence`. */
  async own(market: string, present: number): Promise<number> {
    return this.#holder === null ? present : await fenceOfHolder(this.#store, this.#holder, { market, present });
  }

  /** Before the folder of a bundle is removed. @throws MinutehandError PROMOTION_OWNER */
  ownOf(version: string): Promise<number> {
    return this.#store.transaction((tx) => this.#ownFor(tx, this.#key(version)));
  }

  /** For a change of a bundle, by its market. @throws MinutehandError PROMOTION_OWNER */
  async #ownFor(tx: Kysely<Tables>, key: string): Promise<number> {
    const { manifest } = await tx
      .selectFrom('core.model_registry')
      .select('manifest')
      .where('version', '=', key)
      .executeTakeFirstOrThrow();
    const { market = 'live' } = JSON.parse(manifest) as { readonly market?: string };
    if (this.#holder === null) return 0;
    return await ownPromotions(tx, { kind: this.#store.kind, market, holder: this.#holder });
  }

  /** undefined when the bundle was never registered. */
  async find(version: string): Promise<RegisteredModels | undefined> {
    const row = await this.#db
      .selectFrom('core.model_registry')
      .select(COLUMNS)
      .where('version', '=', this.#key(version))
      .executeTakeFirst();
    return row === undefined ? undefined : registeredModels(row);
  }

  /** For the admission of a bundle; undefined when it was never registered. */
  async verdictsOf(version: string): Promise<RegisteredBundle | undefined> {
    const row = await this.#db
      .selectFrom('core.model_registry')
      .select(['manifest_sha256', 'reasons'])
      .where('version', '=', this.#key(version))
      .executeTakeFirst();
    return row === undefined ? undefined : { ...row, reasons: readRejections(row.reasons) };
  }

  /** Oldest first. */
  async list(): Promise<readonly RegisteredModels[]> {
    const slots = this.#shelf.places('').map(({ slot }) => slot);
    const rows = await this.#db.selectFrom('core.model_registry').select(COLUMNS).where('slot', 'in', slots).execute();
    return rows
      .map(registeredModels)
      .sort((a, b) => compare(Date.parse(a.created), Date.parse(b.created)) || byVersion(a.version, b.version));
  }

  /** One row per model of the shelf, oldest bundle first, then AI1, AI2, AI3. */
  models(): Promise<readonly ModelRegistryView[]> {
    return this.#db
      .selectFrom('model_registry')
      .selectAll()
      .where('model_type', 'in', modelsOf(this.#shelf.strategy))
      .orderBy('created_at')
      .orderBy('model_version')
      .orderBy('model_type')
      .execute();
  }

  async note(version: string, types: readonly ModelType[], notes: string): Promise<void> {
    const updated_at = this.#now();
    await this.#db
      .insertInto('core.model_notes')
      .values(types.map((model_type) => ({ version: this.#key(version), model_type, notes, updated_at })))
      .onConflict((conflict) => conflict.columns(['version', 'model_type']).doUpdateSet({ notes, updated_at }))
      .execute();
  }

  #key(version: string): string {
    return keyIn(this.#shelf, version);
  }

  #now(): string {
    return new Date(this.#clock.nowMs()).toISOString();
  }
}

async function activeRow(db: Kysely<Tables>, slot: ModelSlotId): Promise<ActiveRow | undefined> {
  const row = await db
    .selectFrom('core.model_registry')
    .select(['version', 'previous_version', 'fence'])
    .where('status', '=', 'active')
    .where('slot', '=', slot)
    .executeTakeFirst();
  return row === undefined ? undefined : { ...row, version: versionOf(row.version) };
}

const compare = (a: number, b: number): number => (a < b ? -1 : a > b ? 1 : 0);

/** Bundles of the same minute: `_2` before `_10`. */
function byVersion(a: string, b: string): number {
  return compare(a.length, b.length) || (a < b ? -1 : 1);
}
