import { writtenGate } from '../../../../test/written_gate.ts';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { createRng } from '../../../../shared/rng.ts';
import { walkRows } from '../../dataset/rows.fixture.ts';
import { finalSplit, kFoldSplits, walkForwardSplits, type Split } from '../../splits/splits.ts';
import { checkFoldBorders } from './fold_borders.ts';

const EMBARGO = 600;
const rows = walkRows({ seed: 'borders', rows: 200 });

/** Trains on everything that is not tested: nothing is purged. */
function unpurged(splits: readonly Split[]): Split[] {
  return splits.map((split) => {
    const tested = new Set(split.test);
    return { ...split, train: Int32Array.from(rows.y.keys()).filter((row) => !tested.has(row)) };
  });
}

describe('checkFoldBorders', () => {
  it('passes purged k-fold, walk-forward and the holdout', () => {
    const forward = { blocks: 4, firstShare: 0.4, embargo: EMBARGO, window: null };
    const middle = rows.time[100]!;
    for (const splits of [
      kFoldSplits(rows, 5, EMBARGO),
      walkForwardSplits(rows, forward),
      [finalSplit(rows, middle, 0)],
    ])
      expect(checkFoldBorders(rows, splits, EMBARGO)).toMatchObject({ code: 'fold_borders', passed: true });
  });

  it('fails labels that overlap the border because nothing was purged', () => {
    const verdict = writtenGate(checkFoldBorders(rows, unpurged(kFoldSplits(rows, 5, EMBARGO)), EMBARGO));
    expect(verdict.passed).toBe(false);
    expect(verdict.seen).toMatch(/overlapping training rows in kfold 1, .* kfold 5/);
  });

  it('fails rows that were assigned at random, and an embargo that was violated', () => {
    const rng = createRng('dealt');
    const fold = rows.y.map(() => rng.integer(5));
    const dealt = kFoldSplits(rows, 5, 0).map((split, i) => ({
      ...split,
      train: Int32Array.from(rows.y.keys()).filter((row) => fold[row] !== i),
      test: Int32Array.from(rows.y.keys()).filter((row) => fold[row] === i),
    }));
    expect(checkFoldBorders(rows, dealt, 0).passed).toBe(false);
    expect(checkFoldBorders(rows, kFoldSplits(rows, 5, 0), 0).passed).toBe(true);
    expect(checkFoldBorders(rows, kFoldSplits(rows, 5, 0), EMBARGO).passed).toBe(false);
  });

  it('counts the same as a comparison of every two rows', () => {
    const row = fc.record({
      time: fc.integer({ min: 0, max: 60 }),
      span: fc.integer({ min: 0, max: 12 }),
      part: fc.constantFrom('train', 'test', 'none'),
    });
    fc.assert(
      fc.property(fc.array(row, { maxLength: 60 }), fc.integer({ min: 0, max: 8 }), (list, embargo) => {
        const time = Float64Array.from(list, (r) => r.time);
        const labelEnd = Float64Array.from(list, (r) => r.time + r.span);
        const of = (part: string): Int32Array => Int32Array.from(list.keys()).filter((i) => list[i]!.part === part);
        const split: Split = { name: 'any', train: of('train'), test: of('test'), from: 0, until: Infinity };
        const overlapping = split.train.filter((a) =>
          split.test.some((b) => time[a]! <= labelEnd[b]! + embargo && time[b]! <= labelEnd[a]!),
        ).length;
        const other = { ...split, name: 'other' };
        const result = checkFoldBorders({ time, labelEnd }, [split, other], embargo);
        const { passed, seen, limit } = writtenGate(result);
        expect(result.value).toBe(2 * overlapping);
        expect(passed).toBe(overlapping === 0);
        const overlaps = `${overlapping} overlapping training rows in`;
        const none = `no overlap of ${2 * of('train').length} training rows in 2 splits`;
        expect(seen).toBe(overlapping > 0 ? `${overlaps} any, ${overlaps} other` : none);
        expect(limit).toBe(`no training label overlaps a test label or begins within ${embargo} s after it`);
        expect([split.train, split.test]).toEqual([of('train'), of('test')]);
      }),
      { numRuns: 300 },
    );
  });
});
