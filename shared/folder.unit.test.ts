import { existsSync, mkdirSync, mkdtempSync, renameSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { holdFolder, makeFolder, makeFolderAsync } from './folder.ts';

let root: string;
beforeAll(() => {
  root = mkdtempSync(join(tmpdir(), 'minutehand-folder-'));
});
afterAll(() => rmSync(root, { recursive: true, force: true }));

const code = (text: string): Error => expect.objectContaining({ code: text }) as Error;

describe.each([
  ['makeFolder', (path: string) => Promise.resolve().then(() => makeFolder(path))],
  ['makeFolderAsync', makeFolderAsync],
])('%s', (name, make) => {
  it('creates absent folders, and returns the highest one', async () => {
    const top = join(root, name);
    expect(await make(join(top, 'b', 'c'))).toBe(top);
    expect(await make(join(top, 'b', 'c'))).toBeUndefined();
    expect(await make(join(top, 'b', 'd'))).toBe(join(top, 'b', 'd'));
    expect(await make('/')).toBeUndefined();
  });

  it('accepts a symbolic link to a folder, and with a relative path', async () => {
    mkdirSync(join(root, `${name}-target`));
    symlinkSync(join(root, `${name}-target`), join(root, `${name}-link`));
    expect(await make(join(root, `${name}-link`))).toBeUndefined();
    await make(join(root, `${name}-link`, 'x'));
    expect(existsSync(join(root, `${name}-target`, 'x'))).toBe(true);
    expect(await make('.')).toBeUndefined();
  });

  it('makes no folder again that was held when it was moved away, nor one above or below it', async () => {
    const home = join(root, `${name}-home`);
    const models = join(home, 'models');
    await make(models);
    const release = holdFolder(models);
    expect(await make(models)).toBeUndefined();
    await make(join(models, 'a'));
    const other = join(root, `${name}-moved`);
    renameSync(home, other);
    for (const path of [models, home, join(models, 'a', 'b')])
      await expect(make(path), path).rejects.toThrow(code('FOLDER_UNUSABLE'));
    expect(existsSync(home)).toBe(false);
    await make(join(root, `${name}-home2`));
    renameSync(other, home);
    await make(join(models, 'a', 'b'));
    renameSync(home, other);
    release();
    await make(models);
    expect(existsSync(models)).toBe(true);
    // An absent one is not held.
    holdFolder(join(root, `${name}-absent`));
    await make(join(root, `${name}-absent`));
  });

  it('fails where a file is, at the end of the path or in the middle', async () => {
    const file = join(root, `${name}-file`);
    writeFileSync(file, '');
    await expect(make(file)).rejects.toThrow(code('EEXIST'));
    await expect(make(join(file, 'x', 'y'))).rejects.toThrow(code('ENOTDIR'));
  });

  it('creates folders that several processes create at once', async () => {
    // Enough rounds for a parent that appears between a refused creation and the look at it.
    for (let round = 0; round < 40; round++) {
      const deep = join(root, `${name}-many-${round}`, 'a', 'b', 'c', 'd');
      await Promise.all(Array.from({ length: 20 }, (_, i) => make(join(deep, String(i % 3)))));
      expect(existsSync(join(deep, '2'))).toBe(true);
    }
  });
});
