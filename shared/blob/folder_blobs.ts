import { renameFileAsync } from '../durable_file.ts';
import { randomBytes } from 'node:crypto';
import { existsSync } from 'node:fs';
import { link, open, readdir, readFile, rm, stat, utimes } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { MinutehandError } from '../errors.ts';
import { makePrivateFolder } from '../private_files.ts';
import { checkHash, parseKeptResult, type Blobs, type ContentHash, type KeptResult } from './blobs.ts';
import { sha256Hex } from '../sha256.ts';

/**
 * Blobs in a folder, which several machines may share by a network file system. A file gets its name by `link`, which
 * no second writer can do: the first result of a key stays.
 */
export function folderBlobs(folder: string): Blobs {
  const blobPath = (hash: string): string => join(folder, 'blobs', checkHash(hash).slice(0, 2), hash);
  const resultPath = (key: string): string => join(folder, 'results', checkHash(key).slice(0, 2), `${key}.json`);

  /** Writes a whole file, unless one of this name is there and is whole. */
  async function writeNew(path: string, bytes: Uint8Array, isDamaged = false): Promise<void> {
    makePrivateFolder(dirname(path));
    const draft = `${path}.${randomBytes(8).toString('hex')}.tmp`;
    try {
      const file = await open(draft, 'wx', 0o600);
      try {
        await file.writeFile(bytes);
        await file.sync();
      } finally {
        await file.close();
      }
      if (isDamaged) await renameFileAsync(draft, path);
      else
        await link(draft, path).catch((error: NodeJS.ErrnoException) => {
          if (error.code !== 'EEXIST') throw error;
        });
    } finally {
      await rm(draft, { force: true });
    }
  }

  async function result(key: string): Promise<KeptResult | null> {
    const path = resultPath(key);
    const text = await readIfThere(path);
    if (text === null) return null;
    await used(path);
    return parseKeptResult(text.toString('utf8'));
  }

  return {
    async put(bytes) {
      const hash = sha256Hex(bytes);
      const path = blobPath(hash);
      const there = await readIfThere(path);
      if (there !== null && sha256Hex(there) === hash) await used(path);
      else await writeNew(path, bytes, there !== null);
      return hash;
    },
    async get(hash) {
      const path = blobPath(hash);
      const bytes = await readIfThere(path);
      if (bytes !== null) await used(path);
      return verified(hash, bytes, folder);
    },
    has: (hash) => Promise.resolve(existsSync(blobPath(hash))),
    result,
    async keep(key, made) {
      const path = resultPath(key);
      const isDamaged = existsSync(path) && (await result(key)) === null;
      await writeNew(path, Buffer.from(JSON.stringify(made)), isDamaged);
      return (await result(key)) ?? made;
    },
    drop: (key) => rm(resultPath(key), { force: true }),
    async prune(unusedMs) {
      const oldest = Date.now() - unusedMs;
      let removed = 0;
      for (const kind of ['blobs', 'results']) {
        const root = join(folder, kind);
        if (!existsSync(root)) continue;
        for (const entry of await readdir(root, { recursive: true, withFileTypes: true })) {
          const path = join(entry.parentPath, entry.name);
          if (!entry.isFile() || (await stat(path)).mtimeMs >= oldest) continue;
          await rm(path, { force: true });
          removed++;
        }
      }
      return removed;
    },
  };
}

/** The time of its last use is that of the file. */
async function used(path: string): Promise<void> {
  const now = new Date();
  // Another user's file, or one that was just removed.
  await utimes(path, now, now).catch(() => undefined);
}

/** @throws MinutehandError BLOB_MISSING, BLOB_DAMAGED */
export function verified(hash: ContentHash, bytes: Uint8Array | null, place: string): Uint8Array {
  if (bytes === null) throw new MinutehandError('BLOB_MISSING', { seen: `${hash} in ${place}` });
  if (sha256Hex(bytes) !== hash) throw new MinutehandError('BLOB_DAMAGED', { seen: `${hash} in ${place}` });
  return bytes;
}

async function readIfThere(path: string): Promise<Buffer | null> {
  try {
    return await readFile(path);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return null;
    throw error;
  }
}
