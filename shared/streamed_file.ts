import { randomUUID } from 'node:crypto';
import { open, rm } from 'node:fs/promises';
import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { createGzip } from 'node:zlib';
import { renameFileAsync } from './durable_file.ts';
import { MinutehandError } from './errors.ts';

/**
 * Writes a file of any size, which is complete or absent: temporary file beside it, of a name that nobody can guess,
 * fsync, rename.
 * @param write fills the temporary file, whose path it gets; it has closed the file when it settles
 * @returns what `write` returns
 * @throws MinutehandError OUTPUT_UNWRITABLE; what `write` throws otherwise
 */
export async function writeStreamed<T>(path: string, write: (temporary: string) => Promise<T>): Promise<T> {
  const temporary = `${path}.${randomUUID()}.tmp`;
  try {
    const written = await write(temporary);
    const file = await open(temporary, 'r+');
    try {
      await file.sync();
    } finally {
      await file.close();
    }
    await renameFileAsync(temporary, path);
    return written;
  } catch (cause) {
    await rm(temporary, { force: true });
    const code = (cause as NodeJS.ErrnoException | null)?.code;
    if (code !== undefined && OF_THE_DISK.has(code))
      throw new MinutehandError('OUTPUT_UNWRITABLE', { seen: `${path} (${code})`, cause });
    throw cause;
  }
}

const OF_THE_DISK = new Set(['EACCES', 'EDQUOT', 'EIO', 'EISDIR', 'ENOENT', 'ENOSPC', 'ENOTDIR', 'EPERM', 'EROFS']);

/**
 * Writes texts to a new file, compressed when told. The file is opened before the first text is asked for: a stream
 * that opens its file itself may make it after an early failure, when its owner has removed it.
 */
export async function writeTexts(path: string, texts: AsyncGenerator<string, void>, isZipped: boolean): Promise<void> {
  const file = await open(path, 'wx');
  try {
    const target = file.createWriteStream();
    if (isZipped) await pipeline(Readable.from(texts), createGzip(), target);
    else await pipeline(Readable.from(texts), target);
  } finally {
    // The stream closes it too, but does not wait for that after a failure.
    await file.close();
  }
}
