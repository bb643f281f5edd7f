import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { CONFIG_FILE_NAMES, approvedPath, readApproved, readPointer, writeApproved } from './approved.ts';

const COMMIT = 'c'.repeat(40);
const CHANGE = {
  change_id: 7,
  commit: COMMIT,
  author: 'ann',
  approver: 'bob',
  reason: 'wider stop',
  applied_at: '2026-11-20T12:00:00Z',
};
/** SHA-256 of `abc`. */
const ABC = 'ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad';
const TEXTS = Object.fromEntries(CONFIG_FILE_NAMES.map((name) => [name, 'abc']));

let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'minutehand-approved-'));
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

const unapproved = (path: string) => expect.objectContaining({ code: 'CONFIG_UNAPPROVED', seen: path });
const errorOf = (call: () => unknown): unknown => {
  try {
    return call();
  } catch (error) {
    return error;
  }
};

describe('the approved configuration', () => {
  it('is none before a change is applied', () => {
    expect([readApproved(folder), readPointer(folder)]).toEqual([null, null]);
  });

  it('is the four files of a commit, with their hashes and who decided', () => {
    writeApproved(folder, CHANGE, TEXTS);
    expect(CONFIG_FILE_NAMES).toHaveLength(4);
    const sha256 = Object.fromEntries(CONFIG_FILE_NAMES.map((name) => [name, ABC]));
    expect(readApproved(folder)).toEqual({ ...CHANGE, sha256, folder: join(folder, COMMIT) });
    expect(readdirSync(folder).sort()).toEqual(['approved.json', COMMIT]);
    expect(readdirSync(join(folder, COMMIT)).sort()).toEqual([...CONFIG_FILE_NAMES].sort());
    expect(readFileSync(approvedPath(folder), 'utf8')).toMatch(/^\{\n {2}"change_id": 7,[^]*\n\}\n$/);
  });

  it('is refused when one of its files was changed or taken away', () => {
    for (const name of CONFIG_FILE_NAMES) {
      writeApproved(folder, CHANGE, TEXTS);
      const path = join(folder, COMMIT, name);
      writeFileSync(path, 'abd');
      expect(errorOf(() => readApproved(folder))).toEqual(unapproved(path));
      rmSync(path);
      expect(errorOf(() => readApproved(folder))).toEqual(unapproved(path));
      expect(readPointer(folder)).toMatchObject({ change_id: 7 });
    }
  });

  it('is refused when its pointer is damaged', () => {
    writeApproved(folder, CHANGE, TEXTS);
    const pointer = JSON.parse(readFileSync(approvedPath(folder), 'utf8')) as Record<string, unknown>;
    for (const damaged of [
      '{',
      JSON.stringify({ ...pointer, commit: `../${COMMIT}` }),
      JSON.stringify({ ...pointer, commit: `${COMMIT}/..` }),
      JSON.stringify({ ...pointer, other: 1 }),
      JSON.stringify({ ...pointer, sha256: { 'minutehand.yaml': `${ABC}0` } }),
    ]) {
      writeFileSync(approvedPath(folder), damaged);
      expect(errorOf(() => readPointer(folder))).toEqual(unapproved(approvedPath(folder)));
    }
  });
});
