import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { MinutehandError } from '../../../shared/errors.ts';
import { finalSplit, kFoldSplits, kFoldSplitsAt, walkForwardSplits, type Split, type WalkForward } from './splits.ts';

interface Problem {
  readonly time: Float64Array;
  readonly labelEnd: Float64Array;
}

const problem = fc
  .array(fc.record({ time: fc.integer({ min: 0, max: 80 }), span: fc.integer({ min: 0, max: 12 }) }), {
    minLength: 4,
    maxLength: 90,
  })
  .map((rows): Problem => ({
    time: Float64Array.from(rows, (r) => r.time),
    labelEnd: Float64Array.from(rows, (r) => r.time + r.span),
  }));
const embargoes = fc.integer({ min: 0, max: 10 });
const plans = fc.record({
  blocks: fc.integer({ min: 1, max: 5 }),
  firstShare: fc.constantFrom(0.2, 0.5, 0.75),
  embargo: embargoes,
  window: fc.option(fc.integer({ min: 1, max: 50 }), { nil: null }),
});

/** The splits, or null when the rows are too few for the plan. */
function orTooShort(make: () => Split[]): Split[] | null {
  try {
    return make();
  } catch (error) {
    if (error instanceof MinutehandError && error.code === 'DATA_TOO_SHORT') return null;
    throw error;
  }
}

/** No training label interval meets a test one, and none begins within the embargo after one. */
function expectPurged({ time, labelEnd }: Problem, { train, test }: Split, embargo: number): void {
  for (const a of train)
    for (const b of test) {
      expect(time[a]! <= labelEnd[b]! && time[b]! <= labelEnd[a]!).toBe(false);
      expect(time[a]! > labelEnd[b]! && time[a]! <= labelEnd[b]! + embargo && time[a]! > time[b]!).toBe(false);
    }
}

function rowsBetween({ time }: Problem, { from, until }: Split): number[] {
  return [...time.keys()].filter((row) => time[row]! >= from && time[row]! < until);
}

describe('kFoldSplits', () => {
  it('test every row once, purged, under embargo, each block holding the rows of its time', () => {
    fc.assert(
      fc.property(problem, fc.integer({ min: 2, max: 5 }), embargoes, (rows, folds, embargo) => {
        const splits = orTooShort(() => kFoldSplits(rows, folds, embargo));
        if (splits === null) return;
        expect(splits.flatMap(({ test }) => [...test]).sort((a, b) => a - b)).toEqual([...rows.time.keys()]);
        for (const split of splits) {
          expectPurged(rows, split, embargo);
          expect(rowsBetween(rows, split)).toEqual([...split.test]);
        }
        expect(splits.map(({ name }) => name)).toEqual(splits.map((_, i) => `kfold ${i + 1}`));
        expect([splits[0]!.from, splits.at(-1)!.until]).toEqual([-Infinity, Infinity]);
      }),
    );
  });
});

describe('kFoldSplitsAt', () => {
  it('reproduces the folds with the given borders, and purges other rows at the same times', () => {
    fc.assert(
      fc.property(problem, problem, fc.integer({ min: 2, max: 4 }), embargoes, (rows, others, folds, embargo) => {
        const own = orTooShort(() => kFoldSplits(rows, folds, embargo));
        if (own === null || own.some(({ train }) => train.length === 0)) return;
        const starts = own.map(({ from }) => from);
        expect(kFoldSplitsAt(rows, starts, embargo)).toEqual(own);
        const splits = orTooShort(() => kFoldSplitsAt(others, starts, embargo)) ?? [];
        for (const [fold, split] of splits.entries()) {
          expect([split.from, split.until]).toEqual([own[fold]!.from, own[fold]!.until]);
          expectPurged(others, split, embargo);
          const inside = [...others.time.keys()].filter(
            (row) => others.time[row]! >= split.from && others.time[row]! < split.until,
          );
          expect([...split.test]).toEqual(inside);
        }
      }),
    );
  });

  it('refuses rows that leave a fold empty', () => {
    const rows = { time: Float64Array.of(1, 2, 3), labelEnd: Float64Array.of(1, 2, 3) };
    expect(() => kFoldSplitsAt(rows, [-Infinity, 10], 0)).toThrow(
      expect.objectContaining({ code: 'DATA_TOO_SHORT', seen: '0 training rows and 3 test rows of split kfold 1' }),
    );
    expect(() => kFoldSplitsAt(rows, [-Infinity, 2.5, 10], 0)).toThrow(
      expect.objectContaining({ code: 'DATA_TOO_SHORT', seen: '3 training rows and 0 test rows of split kfold 3' }),
    );
  });
});

describe('walkForwardSplits', () => {
  it('train on the past alone: every training label is known before the block, by more than the embargo', () => {
    fc.assert(
      fc.property(problem, plans, (rows, plan) => {
        const splits = orTooShort(() => walkForwardSplits(rows, plan));
        if (splits === null) return;
        expect(splits.length).toBe(plan.blocks);
        splits.forEach((split) => {
          const { train, test, from } = split;
          expectPurged(rows, split, plan.embargo);
          const lastKnown = Math.max(...[...train].map((row) => rows.labelEnd[row]!));
          expect(Math.min(...[...test].map((row) => rows.time[row]!)) - lastKnown).toBeGreaterThan(plan.embargo);
          const expected = [...rows.time.keys()].filter(
            (row) =>
              rows.labelEnd[row]! + plan.embargo < from &&
              (plan.window === null || rows.time[row]! >= from - plan.window),
          );
          expect([...train]).toEqual(expected);
        });
      }),
      { numRuns: 300 },
    );
  });

  it('test each row from the first block on once, blocks in time order, of about equal size', () => {
    fc.assert(
      fc.property(problem, plans, (rows, plan) => {
        const splits = orTooShort(() => walkForwardSplits(rows, plan));
        if (splits === null) return;
        const tested = splits.flatMap(({ test }) => [...test]).sort((a, b) => a - b);
        expect(tested).toEqual([...rows.time.keys()].filter((row) => rows.time[row]! >= splits[0]!.from));
        splits.forEach((split, i) => {
          expect(rowsBetween(rows, split)).toEqual([...split.test]);
          expect(split.until).toBe(splits[i + 1]?.from ?? Infinity);
        });
      }),
    );
  });

  it('expand over the whole past, or roll a window over it', () => {
    const time = Float64Array.from({ length: 100 }, (_, i) => i * 60);
    const rows = { time, labelEnd: time.map((t) => t + 120) };
    const plan: WalkForward = { blocks: 5, firstShare: 0.5, embargo: 60, window: null };
    const sizes = (splits: Split[]): number[][] => splits.map(({ train, test }) => [train.length, test.length]);
    // The labels of the last two rows before a block are known within it, and that of one more exactly an embargo
    // before it.
    expect(sizes(walkForwardSplits(rows, plan))).toEqual([47, 57, 67, 77, 87].map((train) => [train, 10]));
    expect(sizes(walkForwardSplits(rows, { ...plan, window: 1800 }))).toEqual(Array(5).fill([27, 10]));
    expect(walkForwardSplits(rows, plan).map(({ name }) => name)).toEqual(
      [1, 2, 3, 4, 5].map((block) => `walk_forward ${block}`),
    );
  });

  it('begin at the same times in any order of the rows', () => {
    const time = Float64Array.from({ length: 100 }, (_, i) => ((i * 37) % 100) * 60);
    const plan: WalkForward = { blocks: 5, firstShare: 0.5, embargo: 60, window: null };
    const splits = walkForwardSplits({ time, labelEnd: time.map((t) => t + 120) }, plan);
    expect(splits.map(({ from }) => from)).toEqual([50, 60, 70, 80, 90].map((minute) => minute * 60));
  });

  it('refuses invalid plans and data that is too short', () => {
    const time = Float64Array.of(0, 60, 120, 180);
    const rows = { time, labelEnd: time };
    const plan: WalkForward = { blocks: 2, firstShare: 0.5, embargo: 0, window: null };
    expect(() => walkForwardSplits(rows, { ...plan, blocks: 0 })).toThrow(/blocks is 0/);
    expect(() => walkForwardSplits(rows, { ...plan, firstShare: 1 })).toThrow(/firstShare is 1/);
    expect(() => walkForwardSplits(rows, { ...plan, firstShare: 0 })).toThrow(/firstShare is 0/);
    expect(() => walkForwardSplits(rows, { ...plan, embargo: -1 })).toThrow(/embargo is -1/);
    expect(() => walkForwardSplits(rows, { ...plan, window: 0 })).toThrow(/window is 0/);
    expect(() => walkForwardSplits({ time, labelEnd: time.map((t) => t - 1) }, plan)).toThrow(/row 0: label ends/);
    expect(() => walkForwardSplits(rows, { ...plan, embargo: 600 })).toThrow(
      /0 training rows and 1 test rows of split walk_forward 1/,
    );
  });
});

describe('finalSplit', () => {
  it('is named, open at its end, and refuses invalid arguments', () => {
    const time = Float64Array.of(0, 60, 120, 180);
    const rows = { time, labelEnd: time };
    expect(finalSplit(rows, 120, 30)).toMatchObject({ name: 'final', from: 120, until: Infinity });
    expect(() => finalSplit(rows, 120, -1)).toThrow(new RangeError('embargo is -1, expected a number ≥ 0'));
    expect(() => finalSplit(rows, 181, 0)).toThrow(
      /4 training rows and 0 test rows of split final.*at least one of each: a longer period, fewer blocks, or a shorter embargo/s,
    );
  });

  it('is everything from a time on against labels known before', () => {
    fc.assert(
      fc.property(problem, fc.integer({ min: 1, max: 80 }), embargoes, (rows, from, embargo) => {
        const [split] = orTooShort(() => [finalSplit(rows, from, embargo)]) ?? [];
        if (split === undefined) return;
        expectPurged(rows, split, embargo);
        expect([...split.test]).toEqual([...rows.time.keys()].filter((row) => rows.time[row]! >= from));
        expect([...split.train]).toEqual([...rows.time.keys()].filter((row) => rows.labelEnd[row]! + embargo < from));
      }),
    );
  });
});
