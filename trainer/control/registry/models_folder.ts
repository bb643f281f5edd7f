import { join } from 'node:path';
import { shelfNamed } from '../../../shared/bundle/shelves/registry.ts';
import { readModelsFile } from '../../../shared/bundle/models_file.ts';
import { renamePatiently, writeDurably } from '../../../shared/durable_file.ts';
import { MinutehandError } from '../../../shared/errors.ts';
import type { FileSystem } from '../../../shared/ports.ts';
import type { ShelfName } from '../../../shared/strategies/registry.ts';
import type { Artifact } from './registry_rows.ts';
import type { Shelf } from './shelf.ts';
import { pathInside } from '../../../shared/path_name.ts';
import { sha256Hex } from '../../../shared/sha256.ts';
import type { ModelSlotId } from '../../../shared/subject/slot.ts';

/** Plain file names in a bundle, which cannot escape its folder. */
const PLAIN_NAME = /^\w[\w.-]*$/;
/** Names of folders left by a killed removal. */
const REMOVED = /^\..+\.removed$/;
/** A bundle being written; no training run writes one for a day. */
const DRAFT = /^\.\d{8}_.+\.tmp$/;
const DRAFT_LIFE_MS = 86_400_000;

/** Folders of the bundles of a shelf, as read, restored and removed by the registry. */
export class ModelsFolder {
  readonly #shelf: Pick<Shelf, 'path' | 'read'>;
  readonly #path: string;
  readonly #files: FileSystem;

  constructor(shelf: Pick<Shelf, 'path' | 'read'>, files: FileSystem) {
    this.#shelf = shelf;
    this.#path = shelf.path;
    this.#files = files;
  }

  /**
   * Time, slot and text of a bundle's manifest.
   * @throws MinutehandError MODEL_MISSING, MODEL_MANIFEST, MODEL_HASH
   */
  readManifest(version: string): { readonly created: string; readonly slot: ModelSlotId; readonly text: string } {
    const folder = pathInside(this.#path, version);
    const { created, slot } = this.#shelf.read(folder);
    const text = readModelsFile(join(folder, 'manifest.json'), 'manifest', this.#files).toString('utf8');
    return { created, slot, text };
  }

  fileNames(version: string): readonly string[] {
    const entries = this.#files.list(pathInside(this.#path, version));
    return entries.filter(({ name, isFolder }) => !isFolder && PLAIN_NAME.test(name)).map(({ name }) => name);
  }

  read(version: string, file: string): Buffer {
    return readModelsFile(pathInside(pathInside(this.#path, version), file), 'content', this.#files);
  }

  /** Returns whether the bundle's folder has each of these files, byte for byte. */
  has(version: string, artifacts: readonly Artifact[]): boolean {
    const hashOf = (path: string): string | null =>
      this.#files.stat(path) === null ? null : sha256Hex(readModelsFile(path, 'content', this.#files));
    return artifacts.every(({ file, sha256 }) => hashOf(pathInside(pathInside(this.#path, version), file)) === sha256);
  }

  /**
   * Writes a bundle and replaces an existing one.
   * @throws MinutehandError MODEL_HASH when its bytes are not those of their hashes; as readBundle
   */
  write(version: string, artifacts: readonly Artifact[]): void {
    const files = this.#files;
    const folder = pathInside(this.#path, version);
    files.makeFolder(this.#path);
    const draft = join(this.#path, `.${version}.${process.pid}.tmp`);
    files.remove(draft);
    files.makeFolder(draft);
    try {
      for (const { file, sha256, content } of artifacts) {
        if (!PLAIN_NAME.test(file) || sha256Hex(content) !== sha256)
          throw new MinutehandError('MODEL_HASH', { seen: `${file} of ${version} in the registry` });
        writeDurably(files, pathInside(draft, file), content);
      }
      this.#shelf.read(draft);
      files.sync(draft);
      const damaged = this.#setAside(version);
      renamePatiently(files, draft, folder);
      files.sync(this.#path);
      files.remove(damaged);
    } catch (error) {
      files.remove(draft);
      throw error;
    }
  }

  remove(version: string): void {
    this.#files.remove(this.#setAside(version));
  }

  /**
   * Renames a bundle's folder to a name that is not a version, so that no reader sees a partial one.
   * @returns its path, whether or not it exists
   */
  #setAside(version: string): string {
    const folder = pathInside(this.#path, version);
    const aside = join(this.#path, `.${version}.removed`);
    this.#files.remove(aside);
    if (this.#files.stat(folder) !== null) renamePatiently(this.#files, folder, aside);
    return aside;
  }

  /** Removes leftovers of killed processes. What `removeOldBundles` was removing, it removes itself. */
  removeLeftovers(shelf: ShelfName, nowMs: number): void {
    if (this.#files.stat(this.#path) === null) return;
    for (const { name } of this.#files.list(this.#path)) {
      const path = join(this.#path, name);
      const ageMs = nowMs - (this.#files.stat(path)?.modifiedMs ?? Infinity);
      const isRemoved = !shelfNamed(shelf).isPrunedHourly && REMOVED.test(name);
      if (isRemoved || (DRAFT.test(name) && ageMs > DRAFT_LIFE_MS)) this.#files.remove(path);
    }
  }
}
