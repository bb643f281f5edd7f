import { join } from 'node:path';
import {
  activate,
  activePath,
  readActive,
  readBundle,
  readShadow,
  sha256Hex,
  type ActivePointer,
} from '../../shared/bundle/bundle.ts';
import { manifestSchema } from '../../shared/bundle/manifest.ts';
import { readModelsFile } from '../../shared/bundle/models_file.ts';
import { SIGNATURE_FILE } from '../../shared/bundle/signature.ts';
import { MACHINE_CLOCK } from '../../shared/clock.ts';
import { renamePatiently, replaceDurably, writeDurably } from '../../shared/durable_file.ts';
import { describeError, MinutehandError } from '../../shared/errors.ts';
import { MACHINE_FILES } from '../../shared/files.ts';
import type { Clock, FileSystem } from '../../shared/ports.ts';
import type { Store } from '../store/store.ts';
import type { ModelStatus } from '../store/tables.ts';

/** What the registry says of a bundle, the manifest left out. Times are ISO 8601 in UTC. */
export interface RegisteredModels {
  readonly version: string;
  readonly status: ModelStatus;
  readonly created: string;
  /** What it did not pass. */
  readonly reasons: readonly string[];
  /** Of the active one: what was active before it. */
  readonly previous_version: string | null;
  readonly adopted_at: string | null;
  readonly retired_at: string | null;
  /** When its folder and bytes were given up; null while they are kept. */
  readonly removed_at: string | null;
}

export interface Recovery {
  /** Bundles whose folder was made again from the bytes of the registry. */
  readonly recovered: readonly string[];
  /** Bundles whose folder has the very bytes of the registry. */
  readonly intact: readonly string[];
  /** Bundles that could not be made again, and why. */
  readonly failed: readonly { readonly version: string; readonly error: ReturnType<typeof describeError> }[];
  /** The version that active.json names now, when it was missing or damaged before. */
  readonly activated: string | null;
}

/**
 * Every bundle with its status and its bytes. What is active is what `models/active.json` says, because that is what daemons read;
 * the registry is told afterward, and `mend` brings it up to date when a process died in between.
 */
export interface Registry {
  /**
   * Keeps a bundle of the models folder as a candidate; one that is known already stays what it is, but for a new signature.
   * @throws MinutehandError MODEL_MISSING, MODEL_MANIFEST, MODEL_HASH; MODEL_EXISTS when another bundle has had its version
   */
  register(version: string): Promise<void>;
  /** Registers a bundle and activates it; what was active is archived. Idempotent. @throws MinutehandError as register */
  adopt(version: string): Promise<void>;
  /** Registers a bundle and keeps what it did not pass. The active one and those before it stay what they are. @throws MinutehandError as register */
  reject(version: string, reasons: readonly string[]): Promise<void>;
  /** Makes the statuses agree with active.json: after a crash, and after it was changed by hand. @throws MinutehandError as readActive and register */
  mend(): Promise<void>;
  /**
   * Gives up folders and bytes of all but `count` bundles. The active one, its predecessor and the shadow stay and count; of the others the newest.
   * @returns the versions that were given up
   */
  retain(count: number): Promise<readonly string[]>;
  /**
   * Makes lost or damaged folders again, byte for byte, and active.json when it is missing or damaged.
   * @param version of the only bundle to look at; active.json is left alone then
   * @throws MinutehandError MODEL_MISSING when the registry does not know the version
   */
  recover(version?: string): Promise<Recovery>;
  /** Oldest first. */
  list(): Promise<readonly RegisteredModels[]>;
}

/** Names of files in a bundle: none of them leads out of its folder. */
const PLAIN_NAME = /^\w[\w.-]*$/;
/** What a removal that was killed has left behind. */
const GIVEN_UP = /^\..+\.removed$/;
/** A bundle that was being written; nobody works a day on one. */
const DRAFT = /^\.\d{8}_.+\.tmp$/;
const DRAFT_LIFE_MS = 86_400_000;
const COLUMNS = [
  'version',
  'status',
  'created',
  'reasons',
  'previous_version',
  'adopted_at',
  'retired_at',
  'removed_at',
] as const;

/** @param modelsFolder of the bundles and active.json */
export function createRegistry(
  { db }: Store,
  modelsFolder: string,
  { clock = MACHINE_CLOCK, files = MACHINE_FILES }: { readonly clock?: Clock; readonly files?: FileSystem } = {},
): Registry {
  const now = (): string => new Date(clock.nowMs()).toISOString();

  async function register(version: string): Promise<void> {
    const folder = join(modelsFolder, version);
    const { manifest } = readBundle(folder, files);
    if (manifest.version !== version)
      throw new MinutehandError('MODEL_MANIFEST', { seen: `${folder} says version ${manifest.version}` });
    const text = readModelsFile(join(folder, 'manifest.json'), 'manifest', files).toString('utf8');
    const known = await db
      .selectFrom('core.model_registry')
      .select(['manifest_sha256', 'removed_at'])
      .where('version', '=', version)
      .executeTakeFirst();
    const identity = sha256Hex(text);
    if (known !== undefined && known.manifest_sha256 !== identity)
      throw new MinutehandError('MODEL_EXISTS', { seen: `the registry has other models under ${version}` });
    const isKept = known !== undefined && known.removed_at === null;
    // The bytes first: a row of the registry promises that they are there.
    for (const { name, isFolder } of files.list(folder)) {
      // Of a bundle that is known, only the signature may be another one.
      if (!isFolder && PLAIN_NAME.test(name) && (!isKept || name === SIGNATURE_FILE)) await keep(version, name);
    }
    if (isKept) return;
    await db
      .insertInto('core.model_registry')
      .values({
        version,
        status: 'candidate',
        created: manifest.created,
        manifest: text,
        manifest_sha256: identity,
        reasons: '[]',
        previous_version: null,
        adopted_at: null,
        retired_at: null,
        removed_at: null,
      })
      .onConflict((conflict) => conflict.column('version').doUpdateSet({ removed_at: null }))
      .execute();
  }

  async function keep(version: string, file: string): Promise<void> {
    const content = readModelsFile(join(modelsFolder, version, file), 'content', files);
    const kept = { sha256: sha256Hex(content), content };
    await db
      .insertInto('core.model_artifacts')
      .values({ version, file, ...kept })
      .onConflict((conflict) => conflict.columns(['version', 'file']).doUpdateSet(kept))
      .execute();
  }

  /** One statement: there is never a moment with two active ones. */
  async function followPointer(version: string, previous: string | null): Promise<void> {
    const at = now();
    await db
      .updateTable('core.model_registry')
      .set(({ case: choose, ref, fn, val }) => {
        const isThis = () => choose().when('version', '=', version);
        return {
          status: isThis().then<ModelStatus>('active').else<ModelStatus>('archived').end(),
          previous_version: isThis().then(previous).else(null).end(),
          adopted_at: choose()
            .when('version', '<>', version)
            .then(ref('adopted_at'))
            .when('status', '=', 'active')
            .then(fn.coalesce('adopted_at', val(at)))
            .else(at)
            .end(),
          retired_at: isThis().then(null).else(at).end(),
        };
      })
      .where(({ or, eb }) => or([eb('version', '=', version), eb('status', '=', 'active')]))
      .execute();
  }

  async function mend(): Promise<void> {
    clearAway();
    const pointer = readActive(modelsFolder, files);
    if (pointer === null) return;
    await register(pointer.version);
    const active = await activeRow();
    if (active?.version !== pointer.version || active.previous_version !== pointer.previous)
      await followPointer(pointer.version, pointer.previous);
  }

  /** What processes that were killed have left behind. */
  function clearAway(): void {
    for (const { name } of files.list(modelsFolder)) {
      const path = join(modelsFolder, name);
      const ageMs = clock.nowMs() - (files.stat(path)?.modifiedMs ?? Infinity);
      if (GIVEN_UP.test(name) || (DRAFT.test(name) && ageMs > DRAFT_LIFE_MS)) files.remove(path);
    }
  }

  const activeRow = () =>
    db
      .selectFrom('core.model_registry')
      .select(['version', 'previous_version'])
      .where('status', '=', 'active')
      .executeTakeFirst();

  async function list(): Promise<readonly RegisteredModels[]> {
    const rows = await db.selectFrom('core.model_registry').select(COLUMNS).execute();
    return rows
      .map((row) => ({ ...row, reasons: JSON.parse(row.reasons) as string[] }))
      .sort((a, b) => compare(Date.parse(a.created), Date.parse(b.created)) || byVersion(a.version, b.version));
  }

  async function giveUp(version: string): Promise<void> {
    const folder = join(modelsFolder, version);
    // Under a name that is no version before its files go one by one: nobody meets a half of it.
    const leaving = join(modelsFolder, `.${version}.removed`);
    files.remove(leaving);
    if (files.stat(folder) !== null) renamePatiently(files, folder, leaving);
    files.remove(leaving);
    await db.deleteFrom('core.model_artifacts').where('version', '=', version).execute();
    await db.updateTable('core.model_registry').set({ removed_at: now() }).where('version', '=', version).execute();
  }

  /** @returns whether the folder had to be made. @throws MinutehandError MODEL_HASH, MODEL_MISSING, MODEL_MANIFEST */
  async function rebuild(version: string): Promise<boolean> {
    const artifacts = await db
      .selectFrom('core.model_artifacts')
      .select(['file', 'sha256', 'content'])
      .where('version', '=', version)
      .orderBy('file')
      .execute();
    if (artifacts.length === 0 || !manifestSchema.shape.version.safeParse(version).success)
      throw new MinutehandError('MODEL_MISSING', { seen: `the registry has no bytes of ${version}` });
    const folder = join(modelsFolder, version);
    if (artifacts.every(({ file, sha256 }) => hashOf(join(folder, file), files) === sha256)) return false;

    files.makeFolder(modelsFolder);
    const draft = join(modelsFolder, `.${version}.${process.pid}.tmp`);
    files.remove(draft);
    files.makeFolder(draft);
    try {
      for (const { file, sha256, content } of artifacts) {
        if (!PLAIN_NAME.test(file) || sha256Hex(content) !== sha256)
          throw new MinutehandError('MODEL_HASH', { seen: `${file} of ${version} in the registry` });
        writeDurably(files, join(draft, file), content);
      }
      readBundle(draft, files);
      files.sync(draft);
      const damaged = join(modelsFolder, `.${version}.removed`);
      files.remove(damaged);
      if (files.stat(folder) !== null) renamePatiently(files, folder, damaged);
      renamePatiently(files, draft, folder);
      files.sync(modelsFolder);
      files.remove(damaged);
    } catch (error) {
      files.remove(draft);
      throw error;
    }
    return true;
  }

  return {
    register,
    list,
    mend,

    async adopt(version) {
      await register(version);
      const before = pointerOrNull(modelsFolder, files);
      if (before?.version !== version) activate(modelsFolder, version, files);
      await mend();
    },

    async reject(version, reasons) {
      await register(version);
      await db
        .updateTable('core.model_registry')
        .set({ status: 'rejected', reasons: JSON.stringify(reasons) })
        .where('version', '=', version)
        .where('status', 'in', ['candidate', 'rejected'])
        .execute();
    },

    async retain(count) {
      const pointer = pointerOrNull(modelsFolder, files);
      const shadow = shadowOrNull(modelsFolder, files);
      const rows = (await list()).filter(({ removed_at }) => removed_at === null).reverse();
      const named: readonly (string | null | undefined)[] = [pointer?.version, pointer?.previous, shadow];
      // Where the file cannot be read, the registry knows what was active.
      const last = await activeRow();
      const isBound = ({ version }: RegisteredModels): boolean =>
        named.includes(version) || last?.version === version || last?.previous_version === version;
      const free = rows.filter((row) => !isBound(row));
      const old = free.slice(Math.max(0, count - (rows.length - free.length))).map(({ version }) => version);
      for (const version of old) await giveUp(version);
      return old;
    },

    async recover(version) {
      const rows = (await list()).filter((row) =>
        version === undefined ? row.removed_at === null : row.version === version,
      );
      if (version !== undefined && rows.length === 0)
        throw new MinutehandError('MODEL_MISSING', { seen: `the registry does not know ${version}` });
      const recovered: string[] = [];
      const intact: string[] = [];
      const failed: { version: string; error: ReturnType<typeof describeError> }[] = [];
      for (const row of rows) {
        try {
          ((await rebuild(row.version)) ? recovered : intact).push(row.version);
        } catch (error) {
          failed.push({ version: row.version, error: describeError(error) });
        }
      }
      const active = await activeRow();
      const isPointerLost = version === undefined && pointerOrNull(modelsFolder, files) === null;
      if (!isPointerLost || active === undefined || failed.some((one) => one.version === active.version))
        return { recovered, intact, failed, activated: null };
      writePointer({ version: active.version, previous: active.previous_version });
      return { recovered, intact, failed, activated: active.version };
    },
  };

  /** As activate does, with the predecessor that the registry knows if its bundle is there. */
  function writePointer({ version, previous }: ActivePointer): void {
    const isThere = previous !== null && files.stat(join(modelsFolder, previous, 'manifest.json')) !== null;
    const pointer: ActivePointer = { version, previous: isThere ? previous : null };
    replaceDurably(files, activePath(modelsFolder), `${JSON.stringify(pointer)}\n`);
  }
}

const compare = (a: number, b: number): number => (a < b ? -1 : a > b ? 1 : 0);

/** Bundles of the same minute: `_2` before `_10`. */
function byVersion(a: string, b: string): number {
  return compare(a.length, b.length) || (a < b ? -1 : 1);
}

function hashOf(path: string, files: FileSystem): string | null {
  return files.stat(path) === null ? null : sha256Hex(readModelsFile(path, 'content', files));
}

function pointerOrNull(modelsFolder: string, files: FileSystem): ReturnType<typeof readActive> {
  try {
    return readActive(modelsFolder, files);
  } catch {
    return null;
  }
}

function shadowOrNull(modelsFolder: string, files: FileSystem): string | null {
  try {
    return readShadow(modelsFolder, files);
  } catch {
    return null;
  }
}
