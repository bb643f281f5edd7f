import { execFileSync } from 'node:child_process';
import {
  closeSync,
  existsSync,
  lstatSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
  writeSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { readNewLines } from '../trainer/control/fills/tail.ts';
import { MACHINE_FILES } from './files.ts';
import { filesUnderUmask } from './private_files.ts';
import { createFile, openForAppending, openForReading } from './outside_files.ts';

let folder: string;
let secret: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'minutehand-outside-'));
  secret = join(folder, 'secret');
  writeFileSync(secret, 'ours');
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

const errorCodeOf = (work: () => unknown): string => {
  try {
    work();
    return 'none';
  } catch (error) {
    return (error as NodeJS.ErrnoException).code ?? 'other';
  }
};

describe.runIf(process.platform !== 'win32')('a folder that another user can write', () => {
  it('cannot make us write through a link: the link is replaced by the new file', () => {
    const name = join(folder, '.signal.json.1.tmp');
    const files = [MACHINE_FILES, filesUnderUmask(0o022)];
    for (const create of [createFile, ...files.map((own) => own.write.bind(own))]) {
      symlinkSync(secret, name);
      create(name, 'signal');
      expect(lstatSync(name).isFile()).toBe(true);
      expect(readFileSync(name, 'utf8')).toBe('signal');
      expect(readFileSync(secret, 'utf8')).toBe('ours');
      create(name, 'shorter');
      expect(readFileSync(name, 'utf8')).toBe('shorter');
      rmSync(name);
    }
  });

  it('cannot block a new file with a folder, a dangling link or a pipe of its name', () => {
    const name = join(folder, 'new');
    mkdirSync(join(name, 'inner'), { recursive: true });
    createFile(name, 'a');
    rmSync(name);
    symlinkSync(join(folder, 'absent'), name);
    createFile(name, 'b');
    expect(existsSync(join(folder, 'absent'))).toBe(false);
    rmSync(name);
    execFileSync('mkfifo', [name]);
    createFile(name, 'c');
    expect(readFileSync(name, 'utf8')).toBe('c');
  });

  it('cannot make a reader wait for a pipe, or follow a link', () => {
    const pipe = join(folder, 'result.json');
    execFileSync('mkfifo', [pipe]);
    expect(errorCodeOf(() => openForReading(pipe))).toBe('EFTYPE');
    expect(errorCodeOf(() => openForAppending(pipe))).toBe('EFTYPE');
    expect(readNewLines(pipe, null)).toBeNull();
    const link = join(folder, 'link.json');
    symlinkSync(secret, link);
    expect(errorCodeOf(() => openForReading(link))).toBe('ELOOP');
    expect(errorCodeOf(() => openForAppending(link))).toBe('ELOOP');
    expect(readNewLines(link, null)).toBeNull();
    expect(readFileSync(secret, 'utf8')).toBe('ours');
  });

  it('is read and appended to as usual', () => {
    const path = join(folder, 'lines');
    const file = openForAppending(path);
    writeSync(file, 'one\n');
    closeSync(file);
    expect(readNewLines(path, null)?.lines).toEqual(['one']);
  });
});
