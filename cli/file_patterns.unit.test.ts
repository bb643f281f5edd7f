import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { expandPatterns } from './file_patterns.ts';

let folder: string;
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'minutehand-patterns-'));
  for (const name of ['b', 'a', 'a.b']) {
    mkdirSync(join(folder, name));
    writeFileSync(join(folder, name, 'signal.json'), '');
  }
  mkdirSync(join(folder, 'empty'));
  writeFileSync(join(folder, 'signals.json'), '');
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

const expanded = (...parts: string[]): readonly string[] => expandPatterns([join(folder, ...parts)], 'win32');

describe('expandPatterns', () => {
  it('finds the files of all folders on Windows, in the order of their names', () => {
    expect(expanded('*', 'signal.json')).toEqual(['a', 'a.b', 'b'].map((name) => join(folder, name, 'signal.json')));
    expect(expanded('*.json')).toEqual([join(folder, 'signals.json')]);
  });

  it('takes every other character literally', () => {
    expect(expanded('a.*', '*.json')).toEqual([join(folder, 'a.b', 'signal.json')]);
  });

  it('keeps paths without a pattern, and patterns that nothing matches', () => {
    const none = join(folder, 'none*', 'signal.json');
    expect(expandPatterns(['-', 'missing.json', none], 'win32')).toEqual(['-', 'missing.json', none]);
  });

  it('leaves patterns to the shell elsewhere', () => {
    const quoted = join(folder, '*', 'signal.json');
    expect(expandPatterns([quoted], 'linux')).toEqual([quoted]);
  });
});
