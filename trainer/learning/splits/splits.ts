import { MinutehandError } from '../../../shared/errors.ts';
import { checkSpans, purgedKFold, rowsOutside } from './purged_kfold.ts';
import { positions, type ValidationRows } from '../dataset/rows.ts';

/** Rows to learn from and rows to be evaluated on, by row number, ascending. */
export interface Split {
  /** `kfold 2`, `walk_forward 1`, `final`. */
  readonly name: string;
  readonly train: Int32Array;
  readonly test: Int32Array;
  /** Epoch seconds: the test rows are those with `from` ≤ time < `until`. */
  readonly from: number;
  readonly until: number;
}

type Spans = Pick<ValidationRows, 'time' | 'labelEnd'>;

/**
 * Purged k-fold with embargo: every row is tested once, by a model that learned from both sides of it.
 * @param embargo Seconds.
 * @throws as `purgedKFold`
 */
export function kFoldSplits(rows: Spans, folds: number, embargo: number): Split[] {
  const parts = purgedKFold(rows.time, rows.labelEnd, folds, embargo);
  const starts = parts.map(({ test }) => test.reduce((least, row) => Math.min(least, rows.time[row]!), Infinity));
  return parts.map(({ train, test }, fold) => ({
    name: `kfold ${fold + 1}`,
    train,
    test,
    // The blocks cover all times, so that rows of other sets have a model as well.
    from: fold === 0 ? -Infinity : starts[fold]!,
    until: starts[fold + 1] ?? Infinity,
  }));
}

/**
 * Purged k-fold with the borders of other folds, so that both test the same periods.
 * @param starts `from` of each fold, ascending, the first −Infinity
 * @throws MinutehandError DATA_TOO_SHORT when a fold has no row to test or to train on
 */
export function kFoldSplitsAt(rows: Spans, starts: readonly number[], embargo: number): Split[] {
  checkSpans(rows.time, rows.labelEnd);
  return starts.map((from, fold) => {
    const until = starts[fold + 1] ?? Infinity;
    const test = positions(rows.time.length, (row) => rows.time[row]! >= from && rows.time[row]! < until);
    const begin = test.reduce((least, row) => Math.min(least, rows.time[row]!), Infinity);
    const end = test.reduce((most, row) => Math.max(most, rows.labelEnd[row]!), -Infinity);
    const train = rowsOutside(rows.time, rows.labelEnd, { begin, end }, embargo);
    const name = `kfold ${fold + 1}`;
    if (test.length === 0 || train.length === 0) throw noRows(name, train, test);
    return { name, train, test, from, until };
  });
}

export interface WalkForward {
  /** Test blocks, ≥ 1. */
  readonly blocks: number;
  /** Share of the rows, in order of time, that comes before the first test block; in (0, 1). */
  readonly firstShare: number;
  /** Seconds between the last training label and the first test row. */
  readonly embargo: number;
  /** Seconds before a test block from which its training rows come (rolling); null = all of the past (expanding). */
  readonly window: number | null;
}

/**
 * Walk-forward: consecutive blocks of about equal size, each tested by a model of its past. A training row's label is
 * known more than `embargo` before the block's first row (purging: López de Prado 2018, ch. 7).
 * @throws MinutehandError DATA_TOO_SHORT when a block is left without a row or without a training row; RangeError when
 * the plan is not as stated or a label ends before it begins
 */
export function walkForwardSplits(rows: Spans, plan: WalkForward): Split[] {
  const { time } = rows;
  checkPlan(plan);
  checkSpans(rows.time, rows.labelEnd);
  const ordered = Float64Array.from(time).sort();
  const tested = ordered.length * (1 - plan.firstShare);
  const starts = Array.from(
    { length: plan.blocks },
    (_, block) => ordered[Math.ceil(ordered.length * plan.firstShare + (block * tested) / plan.blocks)] ?? Infinity,
  );
  return starts.map((from, block) =>
    splitAt(rows, {
      name: `walk_forward ${block + 1}`,
      from,
      until: starts[block + 1] ?? Infinity,
      embargo: plan.embargo,
      window: plan.window,
    }),
  );
}

/**
 * The holdout: tests everything from `from` on, trains on rows whose label was known more than `embargo` seconds
 * before.
 * @throws as `walkForwardSplits`
 */
export function finalSplit(rows: Spans, from: number, embargo: number): Split {
  if (!(embargo >= 0)) throw new RangeError(`embargo is ${embargo}, expected a number ≥ 0`);
  checkSpans(rows.time, rows.labelEnd);
  return splitAt(rows, { name: 'final', from, until: Infinity, embargo, window: null });
}

/** The rows to test, and those to learn from: before them by an embargo, and within a window, if there is one. */
interface Cut {
  readonly name: string;
  readonly from: number;
  readonly until: number;
  readonly embargo: number;
  readonly window: number | null;
}

function splitAt({ time, labelEnd }: Spans, { name, from, until, embargo, window }: Cut): Split {
  const train: number[] = [];
  const test: number[] = [];
  for (let row = 0; row < time.length; row++) {
    if (time[row]! >= from && time[row]! < until) test.push(row);
    else if (labelEnd[row]! + embargo < from && (window === null || time[row]! >= from - window)) train.push(row);
  }
  if (train.length === 0 || test.length === 0) {
    throw noRows(name, train, test);
  }
  return { name, train: Int32Array.from(train), test: Int32Array.from(test), from, until };
}

function noRows(name: string, train: ArrayLike<number>, test: ArrayLike<number>): MinutehandError {
  return new MinutehandError('DATA_TOO_SHORT', {
    seen: `${train.length} training rows and ${test.length} test rows of split ${name}`,
    expected: 'at least one of each: a longer period, fewer blocks, or a shorter embargo',
  });
}

function checkPlan({ blocks, firstShare, embargo, window }: WalkForward): void {
  if (!Number.isInteger(blocks) || blocks < 1) throw new RangeError(`blocks is ${blocks}, expected an integer ≥ 1`);
  if (!(firstShare > 0 && firstShare < 1)) throw new RangeError(`firstShare is ${firstShare}, expected one in (0, 1)`);
  if (!(embargo >= 0)) throw new RangeError(`embargo is ${embargo}, expected a number ≥ 0`);
  if (window !== null && !(window > 0)) throw new RangeError(`window is ${window}, expected a number > 0 or null`);
}
