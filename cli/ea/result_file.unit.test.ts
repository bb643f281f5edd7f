import { existsSync, mkdtempSync, readFileSync, renameSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { findRotated, readNewLines, type FileMark, type TailedLines } from '../../trainer/control/fills/tail.ts';
import { openResultFile } from './result_file.ts';

let folder: string;
let path: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'minutehand-result-'));
  path = join(folder, 'result.json');
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

const lineOf = (index: number): string => `{"fill": ${index}, "text": "${'x'.repeat(80)}"}`;
const linesOf = (file: string): string[] => readFileSync(file, 'utf8').trimEnd().split('\n');

describe('result.json', () => {
  it('is renamed when it is full, and its reader misses no line', () => {
    const result = openResultFile(path, 1000);
    const seen: string[] = [];
    let mark: FileMark | null = null;
    for (let index = 0; index < 100; index++) {
      result.append([lineOf(index)]);
      expect(statSync(path).size).toBeLessThanOrEqual(1000);
      if (index % 3 !== 0) continue;
      const read: TailedLines = readNewLines(path, mark)!;
      if (read.isAnew) seen.push(...readNewLines(findRotated(path, mark!)!, mark)!.lines);
      seen.push(...read.lines);
      mark = read.mark;
    }
    expect(seen).toEqual(Array.from({ length: 100 }, (_, index) => lineOf(index)));
    expect(linesOf(`${path}.1`).length).toBeGreaterThan(3);
  });

  it('takes one line that is longer than its bound', () => {
    const result = openResultFile(path, 10);
    result.append([lineOf(1)]);
    result.append([lineOf(2)]);
    expect([linesOf(path), linesOf(`${path}.1`)]).toEqual([[lineOf(2)], [lineOf(1)]]);
  });

  it('misses no line that stands at the end of the file before', () => {
    writeFileSync(path, `${lineOf(1)}\n${lineOf(2)}\n`);
    renameSync(path, `${path}.1`);
    const result = openResultFile(path);
    expect(result.missing([lineOf(2), lineOf(3)])).toEqual([lineOf(3)]);
    rmSync(`${path}.1`);
    expect(existsSync(`${path}.1`)).toBe(false);
    expect(result.missing([lineOf(2), lineOf(3)])).toEqual([lineOf(2), lineOf(3)]);
  });
});
