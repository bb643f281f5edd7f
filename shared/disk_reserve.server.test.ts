import { mkdtempSync, readFileSync, readdirSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { fillDisk, mayMount, MOUNT_NOTE, mountSmallDisk, type SmallDisk } from '../test/mounts.ts';
import { skipNote } from '../test/skip_note.ts';
import { knownError, type MinutehandError } from './errors.ts';
import { MACHINE_FILES } from './files.ts';
import { lockHome } from './process/home_lock.ts';
import { addStops, liftStops, readHalts } from './bundle/halts.ts';
import { openDatabase } from './store/journal_database.ts';
import { keepReserve, replaceEvenWhenFull, RESERVE_BYTES, reservePath } from './disk_reserve.ts';

const NO_MOUNTS = !mayMount();
const NOW = new Date('2026-11-28T12:00:00Z');
const ORDER = { kind: 'entries', reason: 'the disk is full', by: 'tester' } as const;
const manySubjects = (count: number): string[] => Array.from({ length: count }, (_, index) => `SYMBOL${index}`);

let folder: string;
let disk: SmallDisk;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'minutehand-reserve-'));
  if (!NO_MOUNTS) disk = mountSmallDisk(join(folder, 'models'), 32);
});
afterEach(() => {
  if (!NO_MOUNTS) disk.remove();
  rmSync(folder, { recursive: true, force: true });
});

const stoppedSubjects = (): string[] => (readHalts(disk.path).stops ?? []).map(({ pair_id }) => pair_id);

describe(`A folder of bundles on a full disk${skipNote(NO_MOUNTS, MOUNT_NOTE)}`, () => {
  it.skipIf(NO_MOUNTS)('gives its locks, which write nothing', () => {
    const known = join(disk.path, 'known.lock');
    lockHome(known)();
    fillDisk(disk.path);
    for (const path of [known, join(disk.path, 'new.lock')]) {
      const unlock = lockHome(path);
      expect(() => lockHome(path)).toThrow(expect.objectContaining({ code: 'HOME_LOCKED' }));
      unlock();
      lockHome(path)();
    }
    expect(readdirSync(disk.path).sort()).toEqual(['filler', 'known.lock', 'new.lock']);
  });

  it.skipIf(NO_MOUNTS)('takes a stop in the space of its reserve, and another one once there is room again', () => {
    addStops(disk.path, ['EURUSD'], ORDER, NOW);
    expect(statSync(reservePath(disk.path)).size).toBe(RESERVE_BYTES);
    const filler = fillDisk(disk.path);
    addStops(disk.path, ['*'], ORDER, NOW);
    expect(stoppedSubjects()).toEqual(['EURUSD', '*']);
    expect(readdirSync(disk.path).sort()).toEqual(['filler', 'halts.json', 'halts.json.lock']);
    // What the stop left of the reserve, another writer may take.
    fillDisk(disk.path);
    expect(() => addStops(disk.path, ['GBPUSD'], ORDER, NOW)).toThrow(expect.objectContaining({ code: 'ENOSPC' }));
    expect(stoppedSubjects()).toEqual(['EURUSD', '*']);
    rmSync(filler);
    liftStops(disk.path, ['*'], NOW);
    expect(stoppedSubjects()).toEqual([]);
    expect(statSync(reservePath(disk.path)).size).toBe(RESERVE_BYTES);
  });

  it.skipIf(NO_MOUNTS)('uses the reserve of the folder above for a pointer, and replaces it as a whole', () => {
    MACHINE_FILES.makeFolder(join(disk.path, 'rules'));
    const pointer = join(disk.path, 'rules', 'active.json');
    expect(keepReserve(disk.path)).toBe(true);
    replaceEvenWhenFull(MACHINE_FILES, pointer, '{"version":"20261127_0300"}\n');
    const before = statSync(pointer).ino;
    fillDisk(disk.path);
    replaceEvenWhenFull(MACHINE_FILES, pointer, '{"version":"20261128_0300"}\n');
    expect(readFileSync(pointer, 'utf8')).toBe('{"version":"20261128_0300"}\n');
    expect(statSync(pointer).ino).not.toBe(before);
  });

  it.skipIf(NO_MOUNTS)('writes a text that is longer than the reserve, or says that the disk is full', () => {
    keepReserve(disk.path);
    const path = join(disk.path, 'halts.json');
    writeFileSync(path, 'before');
    fillDisk(disk.path);
    const long = 'x'.repeat(RESERVE_BYTES + 8192);
    expect(() => replaceEvenWhenFull(MACHINE_FILES, path, long)).toThrow(expect.objectContaining({ code: 'ENOSPC' }));
    expect(readFileSync(path, 'utf8')).toBe('before');
    // The reserve was given up for it.
    const fits = 'y'.repeat(RESERVE_BYTES - 8192);
    replaceEvenWhenFull(MACHINE_FILES, path, fits);
    expect(readFileSync(path, 'utf8')).toBe(fits);
  });

  it.skipIf(NO_MOUNTS)('holds a thousand stops', () => {
    keepReserve(disk.path);
    fillDisk(disk.path);
    addStops(disk.path, manySubjects(1000), ORDER, NOW);
    expect(stoppedSubjects()).toHaveLength(1000);
  });

  it.skipIf(NO_MOUNTS)('gets no reserve where that would take the last of the disk', () => {
    writeFileSync(join(disk.path, 'large'), Buffer.alloc(20 << 20));
    expect(keepReserve(disk.path)).toBe(false);
    expect(readdirSync(disk.path)).toEqual(['large']);
    rmSync(join(disk.path, 'large'));
    expect(keepReserve(disk.path)).toBe(true);
  });
});

describe('A reserve', () => {
  it('is kept once, and made again when it was cut', () => {
    expect(keepReserve(folder)).toBe(true);
    const { ino } = statSync(reservePath(folder));
    expect(keepReserve(folder)).toBe(true);
    expect(statSync(reservePath(folder)).ino).toBe(ino);
    writeFileSync(reservePath(folder), '');
    expect(keepReserve(folder)).toBe(true);
    expect(statSync(reservePath(folder)).size).toBe(RESERVE_BYTES);
  });

  it('is not made in a folder that does not exist', () => {
    expect(keepReserve(join(folder, 'absent'))).toBe(false);
    expect(readdirSync(folder).filter((name) => name === 'absent')).toEqual([]);
  });
});

describe(`A disk that takes no file although it has room${skipNote(NO_MOUNTS, MOUNT_NOTE)}`, () => {
  it.skipIf(NO_MOUNTS)('is told from one without room, by the next step', () => {
    const small = mountSmallDisk(join(folder, 'few'), 8, 10);
    const caught = (write: () => void): MinutehandError => {
      for (;;)
        try {
          write();
        } catch (error) {
          return knownError(error)!;
        }
    };
    // Without a log beside it, which the next opening makes.
    const journal = join(small.path, 'live_main.db');
    openDatabase(journal, false).close();
    try {
      let made = 0;
      const few = caught(() => writeFileSync(join(small.path, String(made++)), ''));
      expect(few).toMatchObject({ code: 'DISK_FULL' });
      expect(few.next).toMatch(/No inode is left.*df -i/);
      for (const readOnly of [false, true]) {
        const unopened = caught(() => openDatabase(journal, readOnly).close());
        expect([unopened.code, unopened.next]).toEqual(['DISK_FULL', few.next]);
      }
      fillDisk(disk.path);
      const full = caught(() => writeFileSync(join(disk.path, 'filler'), 'x', { flag: 'a' }));
      expect(full.next).toMatch(/Free space/);
    } finally {
      small.remove();
    }
    const quota = knownError(Object.assign(new Error('EDQUOT: quota exceeded, write'), { code: 'EDQUOT' }))!;
    expect([quota.code, quota.next]).toEqual(['DISK_FULL', expect.stringMatching(/quota -s/)]);
  });
});
