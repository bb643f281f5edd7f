import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { openColumns, readColumns, writeColumns, writerOf, type Column, type ColumnFile } from './column_file.ts';

let folder: string;
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'minutehand-columns-'));
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

const column: fc.Arbitrary<Column> = fc.oneof(
  fc.float64Array({ maxLength: 30 }),
  fc.float32Array({ maxLength: 30 }),
  fc.int32Array({ maxLength: 30 }),
  fc.uint8Array({ maxLength: 30 }),
);
const SAMPLE = new Map<string, Column>([
  ['time', Float64Array.of(1, NaN, -0, Infinity)],
  ['bar', Int32Array.of(1, 2, 3)],
  ['part', Uint8Array.of(1)],
]);

function withOpen(path: string, work: (file: ColumnFile) => void): void {
  const file = openColumns(path)!;
  try {
    work(file);
  } finally {
    file.close();
  }
}

describe('writeColumns, readColumns and openColumns', () => {
  it('read one file after the other into memory that grows to the longest', () => {
    const space = new Map<string, ArrayBuffer>();
    const found = [3, 5, 2].map((length) => {
      const path = join(folder, `of ${length}`);
      writeColumns(path, null, new Map([['time', new Float64Array(length).fill(length)]]));
      let read!: Column;
      withOpen(path, (file) => (read = file.read('time', space)));
      expect([...read]).toEqual(new Array(length).fill(length));
      return read;
    });
    expect(found.map(({ buffer }) => buffer === space.get('time'))).toEqual([false, true, true]);
    expect(space.get('time')!.byteLength).toBe(40);
  });

  it('preserve names, order, types and bits of arbitrary columns', () => {
    const path = join(folder, 'any');
    fc.assert(
      fc.property(fc.uniqueArray(fc.tuple(fc.string(), column), { selector: ([name]) => name }), (entries) => {
        writeColumns(path, { entries: entries.length }, new Map(entries));
        const found = readColumns(path)!;
        expect(found.meta).toEqual({ entries: entries.length });
        expect([...found.columns.keys()]).toEqual(entries.map(([name]) => name));
        for (const [name, values] of entries) {
          const read = found.columns.get(name)!;
          expect(read.constructor).toBe(values.constructor);
          expect(Buffer.from(read.buffer, read.byteOffset, read.byteLength)).toEqual(Buffer.from(values.buffer));
        }
        withOpen(path, (file) => {
          expect(file.meta).toEqual(found.meta);
          expect([...file.names]).toEqual([...found.columns.keys()]);
          for (const [name, values] of entries) {
            const read = file.read(name);
            expect(file.lengthOf(name)).toBe(values.length);
            expect(read.constructor).toBe(values.constructor);
            expect(Buffer.from(read.buffer)).toEqual(Buffer.from(values.buffer));
          }
        });
      }),
    );
  });

  it('read columns of an open file one by one, each into memory of its own, also after it was deleted', () => {
    const path = join(folder, 'opened');
    writeColumns(path, null, SAMPLE);
    withOpen(path, (file) => {
      rmSync(path);
      expect(file.read('bar')).toEqual(SAMPLE.get('bar'));
      expect(file.read('bar').buffer).not.toBe(file.read('bar').buffer);
      expect(file.read('bar').buffer.byteLength).toBe(12);
      expect(() => file.read('none')).toThrow('no column none among time, bar, part');
    });
    expect(openColumns(path)).toBeNull();
  });

  it('read back a large file, and a column that is a part of its memory', () => {
    const path = join(folder, 'large');
    const values = Float64Array.from({ length: 300_000 }, (_, i) => i / 7);
    writeColumns(path, null, new Map([['part', values.subarray(1, 250_000)]]));
    expect(readColumns(path)!.columns.get('part')).toEqual(values.slice(1, 250_000));
  });

  it('detect a file that was truncated, has a changed bit, or is of another kind', () => {
    const path = join(folder, 'sample');
    writeColumns(path, { key: 'x' }, SAMPLE);
    const whole = readFileSync(path);
    const torn = join(folder, 'torn');
    for (let bytes = 0; bytes < whole.length; bytes++) {
      writeFileSync(torn, whole.subarray(0, bytes));
      expect(readColumns(torn), `${bytes} bytes`).toBeNull();
      expect(openColumns(torn), `${bytes} bytes`).toBeNull();
    }
    for (let at = 0; at < whole.length; at++) {
      const changed = Buffer.from(whole);
      changed[at]! ^= 1 << (at % 8);
      writeFileSync(torn, changed);
      expect(readColumns(torn), `byte ${at}`).toBeNull();
      expect(openColumns(torn), `byte ${at}`).toBeNull();
    }
    writeFileSync(torn, 'time,open,high,low,close,volume\n1,2,3,4,5,6\n');
    expect(readColumns(torn)).toBeNull();
    expect(readColumns(join(folder, 'absent'))).toBeNull();
    expect(readColumns(folder)).toBeNull();
    expect(openColumns(folder)).toBeNull();
  });

  it('replace a file atomically and leave nothing else behind, even when writing fails', () => {
    const own = mkdtempSync(join(folder, 'own-'));
    writeColumns(join(own, 'a'), 1, SAMPLE);
    writeColumns(join(own, 'a'), 2, SAMPLE);
    expect(readColumns(join(own, 'a'))!.meta).toBe(2);
    expect(() => writeColumns(join(own, 'no', 'folder'), 1, SAMPLE)).toThrow(/ENOENT/);
    expect(readdirSync(own)).toEqual(['a']);
    expect(existsSync(join(own, 'no'))).toBe(false);
  });
});

describe('writerOf', () => {
  it('is the writing process of a temporary file, and null for other names', () => {
    expect(writerOf('.abc.123.tmp')).toBe(123);
    for (const name of ['abc', 'abc.123.tmp', '.abc.tmp', '.abc.12x.tmp']) expect(writerOf(name)).toBeNull();
  });
});
