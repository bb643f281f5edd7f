import {
  chmodSync,
  closeSync,
  mkdirSync,
  mkdtempSync,
  openSync,
  readFileSync,
  renameSync,
  rmSync,
  truncateSync,
  writeFileSync,
  writeSync,
} from 'node:fs';
import { stat } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { skipNote } from '../../test/skip_note.ts';
import { MACHINE_SCHEDULER } from '../clock.ts';
import { MinutehandError } from '../errors.ts';
import type { Scheduler } from '../ports.ts';
import { clockSteps } from './clock_step.ts';
import { Database } from '../store/sqlite.ts';
import { damageOf, noteDamage } from '../store/damaged_files.ts';
import { databaseInUse } from './database.ts';
import { fileInUse, folderInUse } from './files.ts';
import { DependencyWatch, type DependencyFault } from './watch.ts';

let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'minutehand-dependency-'));
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

describe('a file in use', () => {
  it('fails when it is deleted, and when another file has its path', async () => {
    const path = join(folder, 'a.db');
    const check = fileInUse(path);
    // A store that was not written yet.
    await check();
    writeFileSync(path, 'a');
    await check();
    writeFileSync(path, 'longer');
    await check();
    writeFileSync(join(folder, 'b'), 'a');
    renameSync(join(folder, 'b'), path);
    await expect(check()).rejects.toMatchObject({ code: 'FILE_REPLACED', seen: `${path} is another file` });
    rmSync(path);
    await expect(check()).rejects.toMatchObject({ code: 'FILE_REPLACED', seen: `${path} is gone` });
  });
});

describe('a database in use', () => {
  const withTable = (path: string): void => {
    const db = new Database(path);
    db.pragma('journal_mode = WAL');
    db.exec('CREATE TABLE t (text)');
    for (let i = 0; i < 20; i++) db.prepare('INSERT INTO t VALUES (?)').run('x'.repeat(3000));
    db.close();
  };
  const DAMAGED = { code: 'DATABASE_DAMAGED' };

  it('fails when it is cut in place, but not while a checkpoint lengthens it', async () => {
    const path = join(folder, 'a.db');
    const check = databaseInUse(path);
    await check();
    withTable(path);
    await check();
    const { size } = await stat(path);
    truncateSync(path, size / 2);
    await check();
    truncateSync(path, size);
    await check();
    truncateSync(path, size / 2);
    await check();
    await expect(check()).rejects.toMatchObject({ ...DAMAGED, seen: `${path}: ${size / 2} of ${size} bytes` });
    truncateSync(path, 0);
    await expect(check()).rejects.toMatchObject({ ...DAMAGED, seen: `${path}: the file is empty` });
  });

  it.skipIf(process.platform !== 'linux')('keeps the locks that this process has on it', async () => {
    const path = join(folder, 'a.db');
    withTable(path);
    const db = new Database(path);
    db.prepare('SELECT count(*) FROM t').get();
    const { ino } = await stat(path);
    const locks = () =>
      readFileSync('/proc/locks', 'utf8')
        .split('\n')
        .filter((line) => line.includes(`:${ino} `));
    expect(locks()).toHaveLength(1);
    const check = databaseInUse(path);
    await check();
    await check();
    expect(locks()).toHaveLength(1);
    db.close();
  });

  it('fails when its log is gone: what is written since then is in no file', async () => {
    const path = join(folder, 'a.db');
    withTable(path);
    const check = databaseInUse(path);
    await check();
    const db = new Database(path);
    db.exec("INSERT INTO t VALUES ('in the log')");
    await check();
    rmSync(`${path}-wal`);
    await expect(check()).rejects.toMatchObject({ code: 'FILE_REPLACED', seen: `${path}-wal is gone` });
    db.close();
  });

  it('may be empty until its first page is written', async () => {
    const path = join(folder, 'a.db');
    writeFileSync(path, '');
    const check = databaseInUse(path);
    await check();
    await check();
  });

  it('fails when its header is overwritten', async () => {
    const path = join(folder, 'a.db');
    withTable(path);
    const check = databaseInUse(path);
    await check();
    const file = openSync(path, 'r+');
    writeSync(file, Buffer.alloc(16, 'y'), 0, 16, 0);
    closeSync(file);
    await expect(check()).rejects.toMatchObject(DAMAGED);
  });

  it('fails for good when a whole older copy is written over it, and not while it grows, is checkpointed or vacuumed', async () => {
    const path = join(folder, 'a.db');
    withTable(path);
    const copy = readFileSync(path);
    const check = databaseInUse(path);
    await check();
    const db = new Database(path);
    for (let i = 0; i < 3; i++) {
      db.exec('CREATE TABLE IF NOT EXISTS u (text)');
      for (let row = 0; row < 50; row++) db.prepare('INSERT INTO u VALUES (?)').run('y'.repeat(3000));
      db.pragma('wal_checkpoint(TRUNCATE)');
      await check();
      db.exec('DROP TABLE u; VACUUM');
      db.pragma('wal_checkpoint(TRUNCATE)');
      await check();
    }
    const grown = readFileSync(path);
    writeFileSync(path, copy);
    const overwritten = { ...DAMAGED, seen: `${path}: an older copy was written over it while it was in use` };
    await expect(check()).rejects.toMatchObject(overwritten);
    writeFileSync(path, grown);
    await expect(check()).rejects.toMatchObject(overwritten);
    db.close();
  });

  it('fails once this process has met damage in it, and asks the other check only while nothing else is wrong', async () => {
    const path = join(folder, 'a.db');
    withTable(path);
    let asked = 0;
    const check = databaseInUse(path, () => void asked++);
    await check();
    noteDamage(path, Object.assign(new Error('busy'), { code: 'SQLITE_BUSY' }));
    await check();
    expect(damageOf(path)).toBeUndefined();
    noteDamage(path, Object.assign(new Error('malformed'), { code: 'SQLITE_CORRUPT_INDEX' }));
    await expect(check()).rejects.toMatchObject({ ...DAMAGED, seen: `${path}: malformed` });
    expect(asked).toBe(2);
  });
});

describe('a folder in use', () => {
  it('fails when it is gone, another one, no folder, or its disk is full', async () => {
    const path = join(folder, 'home');
    await expect(folderInUse(path)()).rejects.toMatchObject({ code: 'FOLDER_UNUSABLE' });
    const absent = folderInUse(path, { mayBeAbsent: true });
    await absent();
    mkdirSync(path);
    const strict = folderInUse(path);
    const remade = folderInUse(path, { mayBeRemade: true });
    for (const check of [absent, strict, remade]) await check();
    const withFree = (bavail: number, blocks: number) =>
      folderInUse(path, {
        minFreeBytes: 1 << 20,
        spaceOf: () => Promise.resolve({ bavail, blocks, bsize: 1024 }),
      });
    await withFree(1024, 1 << 20)();
    await expect(withFree(1023, 1 << 20)()).rejects.toMatchObject({ code: 'DISK_FULL' });
    // Of a small disk an eighth is enough.
    await withFree(10, 80)();
    await expect(withFree(9, 80)()).rejects.toMatchObject({ code: 'DISK_FULL' });
    renameSync(path, join(folder, 'other'));
    for (const check of [absent, strict, remade])
      await expect(check()).rejects.toMatchObject({ code: 'FOLDER_UNUSABLE' });
    mkdirSync(path);
    await expect(strict()).rejects.toMatchObject({ seen: `${path} is another folder than at the start` });
    await remade();
    rmSync(path, { recursive: true });
    writeFileSync(path, '');
    await expect(remade()).rejects.toMatchObject({ seen: `${path} is no folder` });
  });

  const isRoot = process.getuid?.() === 0;
  it.skipIf(isRoot)(`fails when it cannot be written${skipNote(isRoot, 'root may write everywhere')}`, async () => {
    chmodSync(folder, 0o500);
    await expect(folderInUse(folder)()).rejects.toMatchObject({ code: 'FOLDER_UNUSABLE' });
    chmodSync(folder, 0o700);
  });

  it('fails when it is on another file system than before', async (context) => {
    const shm = '/dev/shm';
    const path = join(folder, 'exchange');
    let isSame = false;
    const check = folderInUse(path, { mayBeRemade: true, isSame: () => isSame });
    mkdirSync(path);
    await check();
    rmSync(path, { recursive: true });
    try {
      const other = mkdtempSync(join(shm, 'minutehand-'));
      const { symlinkSync } = await import('node:fs');
      symlinkSync(other, path);
      await expect(check()).rejects.toMatchObject({ seen: `${path} is on another file system than at the start` });
      // A network folder that was mounted again.
      isSame = true;
      await check();
      isSame = false;
      await check();
      rmSync(other, { recursive: true });
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code === 'ENOENT') context.skip(`no ${shm}`);
      throw error;
    }
  });
});

describe('the clock', () => {
  it('fails for a while after it was set, in either direction, and not by a slow drift', () => {
    let wallMs = 1e12;
    let uptimeMs = 0;
    const check = clockSteps({
      wallMs: () => wallMs,
      uptimeMs: () => uptimeMs,
      maxStepMs: 30_000,
      reportedMs: 600_000,
    });
    const pass = (ms: number, byWallMs = ms): void => {
      uptimeMs += ms;
      wallMs += byWallMs;
    };
    for (let minute = 0; minute < 1000; minute++) {
      pass(60_000, 60_100);
      check();
    }
    pass(10_000, -25_000);
    expect(check).toThrow('The clock of this machine was set');
    expect(check).toThrow('35 s back');
    pass(599_000);
    expect(check).toThrow('The clock of this machine was set');
    pass(1000);
    check();
    pass(10_000, 3_610_000);
    expect(check).toThrow('3600 s forward');
  });
});

/** Timers that only fire by hand. */
function handScheduler(): Scheduler & { fire(ms: number): void } {
  const timers = new Map<object, { ms: number; work: () => void }>();
  const add = (ms: number, work: () => void): (() => void) => {
    const key = {};
    timers.set(key, { ms, work });
    return () => void timers.delete(key);
  };
  const once = (ms: number, work: () => void): (() => void) => {
    const remove = add(ms, () => {
      remove();
      work();
    });
    return remove;
  };
  return {
    afterTurn: (work) => void setImmediate(work),
    after: once,
    every: add,
    fire: (ms) => {
      for (const timer of [...timers.values()]) if (timer.ms === ms) timer.work();
    },
  };
}

describe('the watch of dependencies', () => {
  it('reports each change once, keeps the first time, and counts a check that hangs as failed without repeating it', async () => {
    const scheduler = handScheduler();
    const found: string[] = [];
    let nowMs = 1_000_000;
    let problem: MinutehandError | null = null;
    let started = 0;
    const watch = new DependencyWatch({
      checks: {
        journal_file: () => {
          if (problem !== null) throw problem;
        },
        exchange_folder: () => {
          started++;
          return new Promise(() => undefined);
        },
      },
      scheduler,
      nowMs: () => nowMs,
      onFault: ({ dependency, code }: DependencyFault) => found.push(`${dependency} ${code}`),
      onWell: (dependency) => found.push(`${dependency} well`),
      everyMs: 10,
      timeoutMs: 8,
    });
    const look = async (): Promise<void> => {
      const looked = watch.look();
      await new Promise((resolve) => setImmediate(resolve));
      // The eight parts of the time for an answer.
      for (let part = 0; part < 8; part++) scheduler.fire(1);
      await looked;
    };
    await look();
    expect(found).toEqual(['exchange_folder FOLDER_UNUSABLE']);
    expect(watch.states).toEqual([
      ['journal_file', true],
      ['exchange_folder', false],
    ]);
    problem = new MinutehandError('FILE_REPLACED');
    nowMs = 2_000_000;
    await look();
    nowMs = 3_000_000;
    await look();
    expect(watch.faults.find(({ dependency }) => dependency === 'journal_file')).toMatchObject({
      code: 'FILE_REPLACED',
      since: new Date(2_000_000).toISOString(),
    });
    problem = new MinutehandError('DISK_FULL');
    await look();
    problem = null;
    await look();
    expect(found.slice(1)).toEqual(['journal_file FILE_REPLACED', 'journal_file DISK_FULL', 'journal_file well']);
    expect(started).toBe(1);
    watch.stop();
  });

  it('does not take time in which this process itself could not read answers for that of a dependency', async () => {
    const found: string[] = [];
    const watch = new DependencyWatch({
      checks: { home_folder: () => stat(folder).then(() => undefined), log_folder: () => new Promise(() => undefined) },
      scheduler: MACHINE_SCHEDULER,
      nowMs: () => 0,
      onFault: ({ dependency, code }: DependencyFault) => found.push(`${dependency} ${code}`),
      onWell: () => undefined,
      timeoutMs: 80,
    });
    const looked = watch.look();
    // The checks have begun; then this thread computes for longer than they may take.
    await Promise.resolve();
    await Promise.resolve();
    await Promise.resolve();
    const until = performance.now() + 200;
    while (performance.now() < until);
    await looked;
    expect(found).toEqual(['log_folder FOLDER_UNUSABLE']);
    watch.stop();
  });
});
