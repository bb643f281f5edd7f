import {
  chmodSync,
  existsSync,
  lchownSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { asPlainUser } from '../test/plain_user.ts';
import { removeForeignLinks } from './foreign_links.ts';

const NOBODY = 65_534;
const NOTE = 'links of another user are made as root';

let folder: string;
beforeEach(() => (folder = mkdtempSync(join(tmpdir(), 'minutehand-links-'))));
afterEach(() => rmSync(folder, { recursive: true, force: true }));

function linkOf(uid: number, target: string, path: string): void {
  symlinkSync(target, path);
  lchownSync(path, uid, uid);
}

it('removes links of other users and leaves what they point to, own links, folders and files', ({ skip }) => {
  if (process.geteuid?.() !== 0) return skip(NOTE);
  const elsewhere = join(folder, 'elsewhere');
  const signals = join(folder, 'signals');
  mkdirSync(elsewhere);
  mkdirSync(join(signals, 'C_D'), { recursive: true });
  writeFileSync(join(elsewhere, 'signal.json'), 'precious');
  writeFileSync(join(signals, 'signals.json'), '{}');
  linkOf(NOBODY, elsewhere, join(signals, 'A_B'));
  linkOf(NOBODY, join(folder, 'absent'), join(signals, 'E_F'));
  symlinkSync(elsewhere, join(signals, 'G_H'));
  expect(removeForeignLinks(signals)).toEqual([join(signals, 'A_B'), join(signals, 'E_F')]);
  expect(readdirSync(signals).sort()).toEqual(['C_D', 'G_H', 'signals.json']);
  expect(existsSync(join(elsewhere, 'signal.json'))).toBe(true);
  expect(removeForeignLinks(signals)).toEqual([]);
});

it('leaves links of root to a service that runs as another user', ({ skip }) => {
  if (process.geteuid?.() !== 0) return skip(NOTE);
  const signals = join(folder, 'signals');
  mkdirSync(signals);
  for (const path of [folder, signals]) chmodSync(path, 0o777);
  linkOf(0, join(folder, 'elsewhere'), join(signals, 'A_B'));
  linkOf(4711, join(folder, 'elsewhere'), join(signals, 'C_D'));
  asPlainUser(signals, () => expect(removeForeignLinks(signals)).toEqual([join(signals, 'C_D')]));
  expect(readdirSync(signals)).toEqual(['A_B']);
});

it('removes the folder itself where it is such a link', ({ skip }) => {
  if (process.geteuid?.() !== 0) return skip(NOTE);
  mkdirSync(join(folder, 'elsewhere'));
  linkOf(NOBODY, join(folder, 'elsewhere'), join(folder, 'signals'));
  expect(removeForeignLinks(join(folder, 'signals'))).toEqual([join(folder, 'signals')]);
  expect(readdirSync(folder)).toEqual(['elsewhere']);
});

it('has nothing to do where there is no folder', () => {
  expect(removeForeignLinks(join(folder, 'absent'))).toEqual([]);
});
