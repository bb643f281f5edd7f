import { createHash, randomBytes } from 'node:crypto';
import { existsSync } from 'node:fs';
import { link, open, readFile, rm } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { MinutehandError } from '../errors.ts';
import { makePrivateFolder } from '../private_files.ts';
import { checkHash, type Blobs, type ContentHash, type KeptResult } from './blobs.ts';

/**
 * Blobs in a folder, which several machines may share by a network file system. A file gets its name by `link`, which
 * no second writer can do: the first result of a key stays.
 */
export function folderBlobs(folder: string): Blobs {
  const blobPath = (hash: string): string => join(folder, 'blobs', checkHash(hash).slice(0, 2), hash);
  const resultPath = (key: string): string => join(folder, 'results', checkHash(key).slice(0, 2), `${key}.json`);

  /** Writes a whole file, unless one of this name is there. */
  async function writeNew(path: string, bytes: Uint8Array): Promise<void> {
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
      await link(draft, path).catch((error: NodeJS.ErrnoException) => {
        if (error.code !== 'EEXIST') throw error;
      });
    } finally {
      await rm(draft, { force: true });
    }
  }

  async function result(key: string): Promise<KeptResult | null> {
    const text = await readIfThere(resultPath(key));
    return text === null ? null : (JSON.parse(text.toString('utf8')) as KeptResult);
  }

  return {
    async put(bytes) {
      const hash = hashOf(bytes);
      const path = blobPath(hash);
      if (!existsSync(path)) await writeNew(path, bytes);
      return hash;
    },
    async get(hash) {
      const bytes = await readIfThere(blobPath(hash));
      return verified(hash, bytes, folder);
    },
    has: (hash) => Promise.resolve(existsSync(blobPath(hash))),
    result,
    async keep(key, made) {
      await writeNew(resultPath(key), Buffer.from(JSON.stringify(made)));
      return (await result(key))!;
    },
    close: () => undefined,
  };
}

export function hashOf(bytes: Uint8Array): ContentHash {
  return createHash('sha256').update(bytes).digest('hex');
}

/** @throws MinutehandError BLOB_MISSING, BLOB_DAMAGED */
export function verified(hash: ContentHash, bytes: Uint8Array | null, place: string): Uint8Array {
  if (bytes === null) throw new MinutehandError('BLOB_MISSING', { seen: `${hash} in ${place}` });
  if (hashOf(bytes) !== hash) throw new MinutehandError('BLOB_DAMAGED', { seen: `${hash} in ${place}` });
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
