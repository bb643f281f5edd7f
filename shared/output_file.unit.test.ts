import { chmodSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { openOutputFile } from './output_file.ts';
import { asPlainUser } from '../test/plain_user.ts';
import { skipNote } from '../test/skip_note.ts';

const isWindows = process.platform === 'win32';
const isLinux = process.platform === 'linux';

let folder: string;
let path: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'minutehand-output-'));
  path = join(folder, 'signals.jsonl');
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

describe('an output file', () => {
  it('appears when it is complete, also when it takes several writes', () => {
    const line = `${'ä'.repeat(1000)}\n`;
    const file = openOutputFile(path);
    for (let i = 0; i < 3000; i++) file.write(line);
    expect(readdirSync(folder)).not.toContain('signals.jsonl');
    file.close();
    expect(readFileSync(path, 'utf8')).toBe(line.repeat(3000));
    expect(readdirSync(folder)).toEqual(['signals.jsonl']);
  });

  it('has no name that promises another format: text under it could not be read as such', () => {
    for (const name of ['trades.parquet', 'signals.csv.gz', 'bars.XLSX'])
      expect(() => openOutputFile(join(folder, name))).toThrow(expect.objectContaining({ code: 'USAGE' }));
    expect(readdirSync(folder)).toEqual([]);
  });

  it('that is discarded leaves the earlier file', () => {
    writeFileSync(path, 'before');
    const file = openOutputFile(path);
    file.write('after');
    file.discard();
    expect(readFileSync(path, 'utf8')).toBe('before');
    expect(readdirSync(folder)).toEqual(['signals.jsonl']);
  });

  it('is refused before any work is done: a folder, no folder, no right to write', () => {
    expect(() => openOutputFile(folder)).toThrow(expect.objectContaining({ code: 'OUTPUT_UNWRITABLE' }));
    expect(() => openOutputFile(join(folder, 'no', 'x'))).toThrow(
      expect.objectContaining({ code: 'OUTPUT_UNWRITABLE' }),
    );
    asPlainUser(folder, () => {
      chmodSync(folder, 0o500);
      expect(() => openOutputFile(path)).toThrow(expect.objectContaining({ code: 'OUTPUT_UNWRITABLE' }));
      chmodSync(folder, 0o700);
    });
  });

  it.skipIf(isWindows)(`that is a device is written to and stays one${skipNote(isWindows, 'no /dev/null')}`, () => {
    const file = openOutputFile('/dev/null');
    file.write('text');
    file.close();
    expect(statSync('/dev/null').isCharacterDevice()).toBe(true);
  });

  it.skipIf(!isLinux)(`reports a full disk${skipNote(!isLinux, 'no /dev/full')}`, () => {
    const file = openOutputFile('/dev/full');
    file.write('text');
    expect(() => file.close()).toThrow(
      expect.objectContaining({ code: 'OUTPUT_UNWRITABLE', seen: '/dev/full (ENOSPC)' }),
    );
  });
});
