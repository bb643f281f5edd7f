import {
  chmodSync,
  existsSync,
  lchownSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  symlinkSync,
  unlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { openResultFile } from '../cli/ea/result_file.ts';
import { MACHINE_FILES } from './files.ts';
import { inHeldFolder } from './held_folder.ts';
import { createFile, createFileOfMode, createOnly, openForAppending, openForReading } from './outside_files.ts';
import { skipNote } from '../test/skip_note.ts';

const NOBODY = 65_534;
const isRootOnLinux = process.platform === 'linux' && process.geteuid?.() === 0;

let home: string;
/** What other users cannot write, with files that must stay as they are. */
let ours: string;
let pair: string;
beforeEach(() => {
  home = mkdtempSync(join(tmpdir(), 'minutehand-held-'));
  ours = join(home, 'ours');
  pair = join(home, 'exchange', 'signals', 'A_B');
  mkdirSync(ours);
  mkdirSync(pair, { recursive: true });
  writeFileSync(join(ours, 'result.json'), 'ours\n');
  chmodSync(join(home, 'exchange', 'signals'), 0o777);
});
afterEach(() => rmSync(home, { recursive: true, force: true }));

/** What a terminal's user does who wants this process to write into `ours`. */
function exchangeFolder(uid: number): void {
  renameSync(pair, `${pair}_before`);
  symlinkSync(ours, pair);
  lchownSync(pair, uid, uid);
}

const codeOf = (work: () => unknown): string => {
  try {
    work();
    return 'none';
  } catch (error) {
    return (error as NodeJS.ErrnoException).code ?? String(error);
  }
};

const note = skipNote(!isRootOnLinux, 'only root on Linux makes folders of other users');
describe.runIf(isRootOnLinux)(`a folder that another user exchanges for a link${note}`, () => {
  it('stays the folder that was opened, although its name leads elsewhere before the file is written', () => {
    inHeldFolder(join(pair, 'signal.json'), (held) => {
      exchangeFolder(NOBODY);
      writeFileSync(held, 'signal');
    });
    expect(readFileSync(join(`${pair}_before`, 'signal.json'), 'utf8')).toBe('signal');
    expect(readdirSync(ours)).toEqual(['result.json']);
  });

  it('is refused by every way to open, create and rename, also after it was looked at', () => {
    const at = (name: string): string => join(pair, name);
    createFile(at('signal.json'), 'first');
    const result = openResultFile(at('result.json'), 8);
    result.append(['one']);
    exchangeFolder(NOBODY);
    const ways: Record<string, () => unknown> = {
      create: () => createFile(at('new'), 'x'),
      createOfMode: () => createFileOfMode(at('new'), 'x', 0o644),
      createOnly: () => createOnly(at('new')),
      read: () => openForReading(at('result.json')),
      append: () => openForAppending(at('result.json')),
      rename: () => MACHINE_FILES.rename(at('result.json'), at('other.json')),
    };
    for (const [name, way] of Object.entries(ways)) expect({ [name]: codeOf(way) }).toEqual({ [name]: 'ELOOP' });
    expect(codeOf(() => result.append(['two, which does not fit']))).toBe('OUTPUT_UNWRITABLE');
    expect(readdirSync(ours)).toEqual(['result.json']);
    expect(readFileSync(join(ours, 'result.json'), 'utf8')).toBe('ours\n');
    // It is used again as soon as it is back.
    unlinkSync(pair);
    renameSync(`${pair}_before`, pair);
    createFile(at('signal.json'), 'second');
    expect(readFileSync(at('signal.json'), 'utf8')).toBe('second');
  });

  it('is refused as well when it stands further up', () => {
    renameSync(join(home, 'exchange', 'signals'), join(home, 'exchange', 'before'));
    mkdirSync(join(ours, 'A_B'));
    chmodSync(join(home, 'exchange'), 0o777);
    symlinkSync(ours, join(home, 'exchange', 'signals'));
    lchownSync(join(home, 'exchange', 'signals'), NOBODY, NOBODY);
    expect(codeOf(() => createFile(join(pair, 'signal.json'), 'x'))).toBe('ELOOP');
    expect(readdirSync(join(ours, 'A_B'))).toEqual([]);
  });

  it('is followed where the link is our own, also when that link changes', () => {
    exchangeFolder(0);
    createFile(join(pair, 'signal.json'), 'x');
    expect(existsSync(join(ours, 'signal.json'))).toBe(true);
    unlinkSync(pair);
    renameSync(`${pair}_before`, pair);
    createFile(join(pair, 'signal.json'), 'y');
    expect(readFileSync(join(pair, 'signal.json'), 'utf8')).toBe('y');
    expect(readFileSync(join(ours, 'signal.json'), 'utf8')).toBe('x');
  });
});

it('is reached by its own path where nobody else can exchange a folder of it', () => {
  const path = join(ours, 'signal.json');
  expect(inHeldFolder(path, (held) => held)).toBe(path);
});

it('fails as opening the file does where there is no folder', () => {
  expect(codeOf(() => createFile(join(home, 'absent', 'x'), 'x'))).toBe('ENOENT');
});
