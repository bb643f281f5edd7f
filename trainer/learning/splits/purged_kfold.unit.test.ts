import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { purgedKFold } from './purged_kfold.ts';

const problem = fc
  .record({
    rows: fc.array(fc.record({ time: fc.integer({ min: 0, max: 60 }), span: fc.integer({ min: 0, max: 12 }) }), {
      minLength: 2,
      maxLength: 80,
    }),
    folds: fc.integer({ min: 2, max: 6 }),
    embargo: fc.integer({ min: 0, max: 10 }),
  })
  .filter(({ rows, folds }) => new Set(rows.map((r) => r.time)).size >= folds)
  .map(({ rows, folds, embargo }) => ({
    times: rows.map((r) => r.time),
    ends: rows.map((r) => r.time + r.span),
    folds,
    embargo,
  }));

describe('purgedKFold', () => {
  it('tests every row once, in blocks that follow each other and never split a time', () => {
    fc.assert(
      fc.property(problem, ({ times, ends, folds, embargo }) => {
        const blocks = purgedKFold(times, ends, folds, embargo);
        expect(blocks.length).toBe(folds);
        const tested = blocks.flatMap(({ test }) => [...test]).sort((a, b) => a - b);
        expect(tested).toEqual(times.map((_, row) => row));
        for (let f = 1; f < folds; f++) {
          const lastBefore = Math.max(...[...blocks[f - 1]!.test].map((row) => times[row]!));
          const first = Math.min(...[...blocks[f]!.test].map((row) => times[row]!));
          expect(first).toBeGreaterThan(lastBefore);
        }
      }),
    );
  });

  it('never trains on a label interval that overlaps one of the test rows', () => {
    fc.assert(
      fc.property(problem, ({ times, ends, folds, embargo }) => {
        for (const { train, test } of purgedKFold(times, ends, folds, embargo)) {
          for (const a of train) {
            for (const b of test) expect(times[a]! <= ends[b]! && times[b]! <= ends[a]!).toBe(false);
          }
        }
      }),
    );
  });

  it('leaves out exactly the test rows, the purged ones and those under embargo', () => {
    fc.assert(
      fc.property(problem, ({ times, ends, folds, embargo }) => {
        for (const { train, test } of purgedKFold(times, ends, folds, embargo)) {
          const tested = new Set(test);
          const begin = Math.min(...[...test].map((row) => times[row]!));
          const end = Math.max(...[...test].map((row) => ends[row]!));
          const expected = times
            .map((_, row) => row)
            .filter((row) => !tested.has(row))
            .filter((row) => !(times[row]! <= end && ends[row]! >= begin))
            .filter((row) => !(times[row]! > end && times[row]! <= end + embargo));
          expect([...train]).toEqual(expected);
        }
      }),
    );
  });

  it('makes blocks of equal size when every row has its own time', () => {
    const times = Array.from({ length: 100 }, (_, i) => (i * 37) % 100);
    const sizes = purgedKFold(times, times, 5, 0).map(({ test, train }) => [test.length, train.length]);
    expect(sizes).toEqual(Array(5).fill([20, 80]));
  });

  it('makes blocks of equal size when few times share the rows', () => {
    const times = [5, 4, 3, 2, 1, 0];
    expect(purgedKFold(times, times, 3, 0).map(({ test }) => [...test])).toEqual([
      [4, 5],
      [2, 3],
      [0, 1],
    ]);
  });

  it('purges and embargoes the rows around the second of four blocks', () => {
    const times = Array.from({ length: 12 }, (_, i) => i * 60);
    const ends = times.map((time) => time + 60);
    const { train, test } = purgedKFold(times, ends, 4, 60)[1]!;
    expect([...test]).toEqual([3, 4, 5]);
    // Row 2's label ends when the block begins, row 6 begins when its last label ends, row 7 is under embargo.
    expect([...train]).toEqual([0, 1, 8, 9, 10, 11]);
  });

  it('refuses too few times and intervals that run backwards', () => {
    expect(() => purgedKFold([1, 1, 1], [2, 2, 2], 2, 0)).toThrow(/1 distinct times.*at least 2, one per fold/s);
    expect(() => purgedKFold([1, 2], [0, 3], 2, 0)).toThrow(/row 0/);
    expect(() => purgedKFold([1, 2], [1], 2, 0)).toThrow(new RangeError('2 times, 1 label ends'));
    expect(() => purgedKFold([1, 2], [1, 2], 1, 0)).toThrow(/folds is 1/);
    expect(() => purgedKFold([1, 2], [1, 2], 2, -1)).toThrow(/embargo is -1/);
  });
});
