import {
  existsSync,
  mkdtempSync,
  readdirSync,
  rmSync,
  statSync,
  truncateSync,
  unlinkSync,
  utimesSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { sha256Hex } from '../sha256.ts';
import type { Blobs } from './blobs.ts';
import { folderBlobs } from './folder_blobs.ts';
import { openBlobs } from './open_blobs.ts';

const KEY = 'a'.repeat(64);
const BYTES = Buffer.from('a model');

let folder: string;
let blobs: Blobs;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'minutehand-blobs-'));
  blobs = folderBlobs(folder);
});
afterEach(() => rmSync(folder, { recursive: true }));

const pathOf = (hash: string): string => join(folder, 'blobs', hash.slice(0, 2), hash);

describe('blobs in a folder', () => {
  it('are what their name says, or an error: changed, cut, empty and gone', async () => {
    const hash = await blobs.put(BYTES);
    expect(hash).toBe(sha256Hex(BYTES));
    expect(Buffer.from(await blobs.get(hash))).toEqual(BYTES);
    writeFileSync(pathOf(hash), 'a mod3l');
    await expect(blobs.get(hash)).rejects.toMatchObject({ code: 'BLOB_DAMAGED' });
    truncateSync(pathOf(hash), 3);
    await expect(blobs.get(hash)).rejects.toMatchObject({ code: 'BLOB_DAMAGED' });
    truncateSync(pathOf(hash), 0);
    await expect(blobs.get(hash)).rejects.toMatchObject({ code: 'BLOB_DAMAGED' });
    unlinkSync(pathOf(hash));
    expect(await blobs.has(hash)).toBe(false);
    await expect(blobs.get(hash)).rejects.toMatchObject({ code: 'BLOB_MISSING' });
  });

  it('heal: bytes and results that are damaged are replaced by the next that are kept', async () => {
    const hash = await blobs.put(BYTES);
    for (const damage of ['a mod3l', 'a mo', '']) {
      writeFileSync(pathOf(hash), damage);
      expect(await blobs.put(BYTES)).toBe(hash);
      expect(Buffer.from(await blobs.get(hash))).toEqual(BYTES);
    }
    await blobs.keep(KEY, { hash, maker: 'one' });
    for (const damage of ['', '{', 'null', '{"hash":"../../x","maker":"two"}', `{"hash":"${hash}"}`]) {
      writeFileSync(join(folder, 'results', 'aa', `${KEY}.json`), damage);
      expect(await blobs.result(KEY)).toBeNull();
      expect(await blobs.keep(KEY, { hash, maker: 'two' })).toEqual({ hash, maker: 'two' });
    }
    await blobs.drop(KEY);
    await blobs.drop(KEY);
    expect(await blobs.result(KEY)).toBeNull();
  });

  it('are readable by their owner alone, and leave no drafts', async () => {
    const hash = await blobs.put(BYTES);
    await blobs.put(BYTES);
    await blobs.keep(KEY, { hash, maker: 'one' });
    if (process.platform !== 'win32') expect(statSync(pathOf(hash)).mode & 0o077).toBe(0);
    const files = readdirSync(folder, { recursive: true, withFileTypes: true }).filter((entry) => entry.isFile());
    expect(files.map(({ name }) => name).sort()).toEqual([hash, `${KEY}.json`].sort());
  });

  it('keep the first result of a key, whoever comes later', async () => {
    expect(await blobs.result(KEY)).toBeNull();
    const first = { hash: 'b'.repeat(64), maker: 'one' };
    const kept = await Promise.all([
      blobs.keep(KEY, first),
      folderBlobs(folder).keep(KEY, { hash: 'c'.repeat(64), maker: 'two' }),
    ]);
    expect(kept[0]).toEqual(kept[1]);
    expect(await blobs.keep(KEY, { hash: 'd'.repeat(64), maker: 'three' })).toEqual(kept[0]);
    expect(await blobs.result(KEY)).toEqual(kept[0]);
  });

  it('are removed when they were not used for long, and nothing of another fleet or program in the same folder', async () => {
    const other = openBlobs(folder, {}, 'fleet-research');
    const hashes = [await blobs.put(BYTES), await other.put(BYTES)];
    writeFileSync(join(folder, 'notes.txt'), '');
    const paths = [pathOf(hashes[0]!), join(folder, 'fleet-research', 'blobs', hashes[1]!.slice(0, 2), hashes[1]!)];
    for (const path of [...paths, join(folder, 'notes.txt')]) utimesSync(path, 1000, 1000);
    expect(await blobs.prune(1000)).toBe(1);
    expect(paths.map((path) => existsSync(path))).toEqual([false, true]);
    expect(existsSync(join(folder, 'notes.txt'))).toBe(true);
    expect(await other.prune(1000)).toBe(1);
  });

  it('take no name that is no hash: nothing outside the folder is read or written', async () => {
    writeFileSync(join(folder, 'secret'), 'x');
    for (const name of ['../secret', '..', `${'a'.repeat(62)}/.`, 'A'.repeat(64), `${KEY}\n`, '']) {
      await expect(blobs.get(name), name).rejects.toThrow(RangeError);
      await expect(blobs.result(name), name).rejects.toThrow(RangeError);
      await expect(blobs.keep(name, { hash: KEY, maker: '' }), name).rejects.toThrow(RangeError);
    }
    expect(existsSync(join(folder, 'results'))).toBe(false);
  });
});
