import { MinutehandError } from '../../../shared/errors.ts';

/** Row numbers, ascending. */
export interface Fold {
  readonly train: Int32Array;
  readonly test: Int32Array;
}

/**
 * Purged k-fold with embargo (López de Prado, Advances in Financial Machine Learning, 2018, ch. 7). The rows, in order
 * of time, are cut into `folds` contiguous test blocks of about equal size; rows of the same time stay together. From
 * the training rows of a block those are left out
 * - whose label interval [time, labelEnd] touches the block's [first time, last label end], both ends included, and
 * - that begin within `embargo` after the block's end.
 *
 * @param times When each row's features were known, [rows], in any order; any unit, e.g. epoch seconds.
 * @param labelEnds When its label was known, [rows], ≥ times, same unit.
 * @param folds ≥ 2.
 * @param embargo ≥ 0, same unit.
 * @throws MinutehandError DATA_TOO_SHORT when there are fewer distinct times than folds; RangeError when lengths
 * differ, a label ends before it begins, or folds or embargo are not as stated.
 */
export function purgedKFold(
  times: ArrayLike<number>,
  labelEnds: ArrayLike<number>,
  folds: number,
  embargo: number,
): Fold[] {
  checkArguments(times, labelEnds, folds, embargo);
  const rows = times.length;
  const order = Int32Array.from({ length: rows }, (_, row) => row).sort((a, b) => times[a]! - times[b]! || a - b);
  const bounds = blockBounds(times, order, folds);

  return Array.from({ length: folds }, (_, fold) => {
    const test = order.slice(bounds[fold]!, bounds[fold + 1]!).sort();
    const begin = times[order[bounds[fold]!]!]!;
    let end = -Infinity;
    for (const row of test) end = Math.max(end, labelEnds[row]!);
    return { train: rowsOutside(times, labelEnds, { begin, end }, embargo), test };
  });
}

/**
 * The training rows, ascending, for a test block of [first time, last label end]: known before it, or begun more than
 * `embargo` after it.
 */
export function rowsOutside(
  times: ArrayLike<number>,
  labelEnds: ArrayLike<number>,
  { begin, end }: { readonly begin: number; readonly end: number },
  embargo: number,
): Int32Array {
  const outside: number[] = [];
  for (let row = 0; row < times.length; row++)
    if (labelEnds[row]! < begin || times[row]! > end + embargo) outside.push(row);
  return Int32Array.from(outside);
}

/**
 * Positions in `order` where the blocks begin, and its end: at a change of time, each nearest above its equal share.
 */
function blockBounds(times: ArrayLike<number>, order: Int32Array, folds: number): number[] {
  const starts: number[] = [];
  for (let i = 0; i < order.length; i++) {
    if (i === 0 || times[order[i]!] !== times[order[i - 1]!]) starts.push(i);
  }
  if (starts.length < folds) {
    throw new MinutehandError('DATA_TOO_SHORT', {
      seen: `${starts.length} distinct times`,
      expected: `at least ${folds}, one per fold`,
    });
  }
  const bounds = [0];
  let group = 0;
  for (let fold = 1; fold < folds; fold++) {
    group++;
    // Every later fold needs its own time.
    const last = starts.length - (folds - fold);
    while (group < last && starts[group]! < (fold * order.length) / folds) group++;
    bounds.push(starts[group]!);
  }
  bounds.push(order.length);
  return bounds;
}

function checkArguments(times: ArrayLike<number>, labelEnds: ArrayLike<number>, folds: number, embargo: number): void {
  if (!Number.isInteger(folds) || folds < 2) throw new RangeError(`folds is ${folds}, expected an integer ≥ 2`);
  if (!(embargo >= 0)) throw new RangeError(`embargo is ${embargo}, expected a number ≥ 0`);
  checkSpans(times, labelEnds);
}

/** @throws RangeError when lengths differ or a label ends before it begins */
export function checkSpans(times: ArrayLike<number>, labelEnds: ArrayLike<number>): void {
  if (times.length !== labelEnds.length) throw new RangeError(`${times.length} times, ${labelEnds.length} label ends`);
  for (let row = 0; row < times.length; row++) {
    if (!(labelEnds[row]! >= times[row]!)) {
      throw new RangeError(`row ${row}: label ends at ${labelEnds[row]}, before its time ${times[row]}`);
    }
  }
}
