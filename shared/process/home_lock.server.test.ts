import { existsSync, mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { buildProgram, type Program } from '../../test/program.ts';
import { skipNote } from '../../test/skip_note.ts';
import { blockUntilUnlocked, isLocked, lockHome, lockHomeSoon, waitForLock, whenUnlocked } from './home_lock.ts';

let program: Program;
let home: string;
beforeAll(async () => {
  home = mkdtempSync(join(tmpdir(), 'minutehand-lock-'));
  program = await buildProgram('store_program');
});
afterAll(async () => {
  await program.remove();
  rmSync(home, { recursive: true, force: true });
});
const withCode = (code: string): Error => expect.objectContaining({ code }) as Error;

describe('the lock of a home', () => {
  it('is taken once, by the first process, and can be released', () => {
    const path = join(home, 'deep', 'daemon_main.lock');
    const unlock = lockHome(path);
    expect(() => lockHome(path, 'give another name')).toThrowError(
      expect.objectContaining({ code: 'HOME_LOCKED', next: 'give another name' }),
    );
    expect(() => lockHome(path)).toThrowError(withCode('HOME_LOCKED'));
    expect(() => lockHome(path)).toThrowError(path);
    lockHome(join(home, 'deep', 'trainer.lock'))();
    unlock();
    lockHome(path)();
  });

  it('holds between processes, and ends with a process that is killed', async () => {
    const path = join(home, 'daemon_main.lock');
    const holder = program.start(['lock', path]);
    expect(await holder.line()).toBe('locked');
    expect(() => lockHome(path)).toThrowError(withCode('HOME_LOCKED'));
    const second = program.start(['lock', path]);
    expect(await second.line()).toBe('HOME_LOCKED');
    expect(await second.ended).toBe(0);
    expect(await holder.kill('SIGKILL')).toBe('SIGKILL');
    const unlock = lockHome(path);
    const third = program.start(['lock', path]);
    expect(await third.line()).toBe('HOME_LOCKED');
    unlock();
  });

  it('can be queried without being taken, and waited for', async () => {
    const path = join(home, 'waited_for.lock');
    expect(isLocked(path)).toBe(false);
    const holder = program.start(['lock', path]);
    expect(await holder.line()).toBe('locked');
    expect(isLocked(path)).toBe(true);
    const never = new AbortController().signal;
    const waiting = waitForLock(path, 5, never);
    await holder.kill('SIGKILL');
    const unlock = (await waiting)!;
    expect(isLocked(path)).toBe(true);
    const ending = new AbortController();
    const second = waitForLock(path, 60_000, ending.signal);
    ending.abort();
    expect(await second).toBe(null);
    unlock();
    expect(isLocked(path)).toBe(false);
    expect(await waitForLock(path, 5, AbortSignal.abort())).toBe(null);
  });

  it('of a change is waited for without holding the event loop, and no longer than it may', async () => {
    const path = join(home, 'change.lock');
    const unlock = lockHome(path);
    let attempts = 0;
    const change = (): string => {
      attempts++;
      lockHome(path)();
      return 'changed';
    };
    const changed = whenUnlocked(change);
    // While it waits, whatever others do goes on.
    for (let turn = 0; turn < 20; turn++) await new Promise((resolve) => setTimeout(resolve, 5));
    expect(attempts).toBeGreaterThan(1);
    await expect(lockHomeSoon(path, 30, 'wait for it')).rejects.toMatchObject({
      code: 'HOME_LOCKED',
      next: 'wait for it',
    });
    unlock();
    expect(await changed).toBe('changed');
    const again = lockHome(path);
    await expect(whenUnlocked(change)).rejects.toMatchObject({
      code: 'HOME_LOCKED',
      next: expect.stringMatching(/^Another process changes the same file\. Try again/) as string,
    });
    again();
    (await lockHomeSoon(path))();

    let failures = 0;
    const failing = (): never => {
      failures++;
      throw new Error('damaged');
    };
    await expect(whenUnlocked(failing)).rejects.toThrow('damaged');
    expect(() => blockUntilUnlocked(failing)).toThrow('damaged');
    expect(failures).toBe(2);
  });

  it('is waited for by the process of a job, which has nothing else to do', async () => {
    const path = join(home, 'job.lock');
    const holder = program.start(['lock', path]);
    expect(await holder.line()).toBe('locked');
    expect(() => blockUntilUnlocked(() => lockHome(path), 30)).toThrowError(withCode('HOME_LOCKED'));
    void holder.kill('SIGKILL');
    blockUntilUnlocked(() => lockHome(path))();
  });

  const isWindows = process.platform === 'win32';
  const linkNote = skipNote(isWindows, 'only administrators make links on Windows');
  it.skipIf(isWindows)(
    `is opened through no link that another user has put there, and neither makes nor locks what that leads to${linkNote}`,
    () => {
      const victim = join(home, 'victim');
      const others = join(home, 'others.db');
      const unlock = lockHome(others);
      for (const [name, target] of [
        ['absent', victim],
        ['there', others],
      ] as const) {
        const path = join(home, `${name}.lock`);
        symlinkSync(target, path);
        for (const take of [lockHome, isLocked])
          expect(() => take(path)).toThrowError(
            expect.objectContaining({
              code: 'HOME_UNUSABLE',
              seen: `${path}: it is a link`,
              next: 'Find out who has put it there, and remove it.',
            }) as Error,
          );
      }
      expect(existsSync(victim)).toBe(false);
      unlock();
      mkdirSync(join(home, 'folder.lock'));
      expect(() => lockHome(join(home, 'folder.lock'))).toThrowError(withCode('HOME_UNUSABLE'));
    },
  );

  it('of this process stays when it is looked at, which opens its file', async () => {
    const path = join(home, 'own.lock');
    const unlock = lockHome(path);
    expect(isLocked(path)).toBe(true);
    const other = program.start(['lock', path]);
    expect(await other.line()).toBe('HOME_LOCKED');
    expect(await other.ended).toBe(0);
    unlock();
  });

  it('is not reported as taken when the folder is the problem', () => {
    const file = join(home, 'a_file');
    writeFileSync(file, 'x');
    expect(() => lockHome(join(file, 'daemon_main.lock'))).toThrowError(withCode('HOME_UNUSABLE'));
    const folder = join(home, 'a_folder.lock');
    mkdirSync(folder);
    expect(() => lockHome(folder)).toThrowError(withCode('HOME_UNUSABLE'));
    const other = join(home, 'other.lock');
    writeFileSync(other, 'not one of our locks, but some notes: '.repeat(100));
    expect(() => lockHome(other)).toThrowError(withCode('HOME_UNUSABLE'));
  });
});
