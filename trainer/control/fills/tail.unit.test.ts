import fc from 'fast-check';
import { appendFileSync, mkdtempSync, renameSync, rmSync, truncateSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { findRotated, readNewLines, type FileMark, type TailedLines } from './tail.ts';

let folder: string;
let path: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'minutehand-tail-'));
  path = join(folder, 'result.json');
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

describe('the tail of a file', () => {
  it.each(['utf16le', 'utf16be'] as const)(
    'is read as it grows where it is %s, as MetaTrader writes it',
    (encoding) => {
      const little = Buffer.from('\uFEFF{"line":0,"note":"\u0a00\u0100"}\r\n{"line":1}\r\n{"line":2}\r\n', 'utf16le');
      const bytes = encoding === 'utf16le' ? little : Buffer.from(little).swap16();
      for (const step of [1, 7, 30, bytes.length]) {
        rmSync(path, { force: true });
        let mark: FileMark | null = null;
        const seen: string[] = [];
        for (let at = 0; at < bytes.length; at += step) {
          appendFileSync(path, bytes.subarray(at, at + step));
          const read: TailedLines = readNewLines(path, mark)!;
          seen.push(...read.lines);
          mark = read.mark;
        }
        expect(seen).toEqual(['{"line":0,"note":"\u0a00\u0100"}', '{"line":1}', '{"line":2}']);
      }
    },
  );

  it('returns each line once and complete, however the writes are split', () => {
    const pieces = fc.array(fc.array(fc.integer({ min: 0, max: 9999 }), { maxLength: 5 }), { maxLength: 8 });
    fc.assert(
      fc.property(pieces, fc.array(fc.nat(40), { maxLength: 30 }), (groups, cuts) => {
        rmSync(path, { force: true });
        const lines = groups.flat().map((number, index) => `{"line":${index},"number":${number}}`);
        const text = lines.map((line) => `${line}\n`).join('');
        let mark: FileMark | null = null;
        let at = 0;
        const seen: string[] = [];
        for (const cut of [...cuts, text.length]) {
          appendFileSync(path, text.slice(at, at + cut));
          at += cut;
          const read: TailedLines = readNewLines(path, mark)!;
          expect(read.isAnew).toBe(false);
          seen.push(...read.lines);
          mark = read.mark;
        }
        expect(seen).toEqual(lines);
      }),
      { numRuns: 60 },
    );
  });

  it('waits for the end of the last line, and handles carriage returns and a byte order mark', () => {
    writeFileSync(path, '\uFEFFone\r\n\r\ntwo\r\nthr');
    const first = readNewLines(path, null)!;
    expect(first.lines).toEqual(['one', 'two']);
    appendFileSync(path, 'ee\n');
    expect(readNewLines(path, first.mark)!.lines).toEqual(['three']);
  });

  it('is null while there is no file, and starts when it appears', () => {
    expect(readNewLines(path, null)).toBeNull();
    writeFileSync(path, 'one\n');
    expect(readNewLines(path, null)!.lines).toEqual(['one']);
  });

  it.each([
    ['was truncated', () => truncateSync(path, 0)],
    ['was truncated and grew beyond', () => writeFileSync(path, 'new 1\nnew 2\nnew 3\nnew 4\n')],
    [
      'was replaced',
      () => {
        writeFileSync(`${path}.tmp`, 'new 1\nnew 2\n');
        renameSync(`${path}.tmp`, path);
      },
    ],
  ])('restarts when the file %s', (_what, change) => {
    writeFileSync(path, 'old 1\nold 2\n');
    const { mark } = readNewLines(path, null)!;
    change();
    const read = readNewLines(path, mark)!;
    expect(read.isAnew).toBe(true);
    appendFileSync(path, 'last\n');
    const rest = readNewLines(path, read.mark)!;
    expect([...read.lines, ...rest.lines].at(-1)).toBe('last');
    expect([...read.lines, ...rest.lines]).not.toContain('old 1');
  });

  it('continues in a file rewritten with the same lines and more', () => {
    writeFileSync(path, 'one\ntwo\n');
    const { mark } = readNewLines(path, null)!;
    writeFileSync(`${path}.tmp`, 'one\ntwo\nthree\n');
    renameSync(`${path}.tmp`, path);
    expect(readNewLines(path, mark)).toMatchObject({ lines: ['three'], isAnew: false });
  });

  it('finds the file under its new name after rotation', () => {
    writeFileSync(path, 'one\ntwo\n');
    const { mark } = readNewLines(path, null)!;
    appendFileSync(path, 'three\n');
    renameSync(path, `${path}.1`);
    writeFileSync(path, 'four\n');
    writeFileSync(join(folder, 'result.json.2'), 'another\n');
    expect(findRotated(path, mark)).toBe(`${path}.1`);
    expect(readNewLines(`${path}.1`, mark)!.lines).toEqual(['three']);
  });

  it('returns an endless line in pieces, so that the next line is reached', () => {
    writeFileSync(path, `${'x'.repeat(2_500_000)}\nend\n`);
    const seen: string[] = [];
    for (let mark: FileMark | null = null; ;) {
      const read: TailedLines = readNewLines(path, mark)!;
      seen.push(...read.lines);
      mark = read.mark;
      if (!read.hasMore) break;
    }
    expect(seen.at(-1)).toBe('end');
    expect(seen.join('')).toHaveLength(2_500_003);
  });
});
