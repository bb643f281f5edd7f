import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { buildProgram, type Program } from '../../test/program.ts';
import { lockHome } from './home_lock.ts';

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
  it('is taken once, by whoever comes first, and can be given back', () => {
    const path = join(home, 'deep', 'daemon_main.lock');
    const unlock = lockHome(path);
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

  it('is not said to be taken when the folder is the problem', () => {
    const file = join(home, 'a_file');
    writeFileSync(file, 'x');
    expect(() => lockHome(join(file, 'daemon_main.lock'))).toThrowError(withCode('HOME_UNUSABLE'));
    const folder = join(home, 'a_folder.lock');
    mkdirSync(folder);
    expect(() => lockHome(folder)).toThrowError(withCode('HOME_UNUSABLE'));
    const other = join(home, 'other.lock');
    writeFileSync(other, 'not a lock of ours, but somebody’s notes: '.repeat(100));
    expect(() => lockHome(other)).toThrowError(withCode('HOME_UNUSABLE'));
  });
});
