import type { GateResult } from '../../../../shared/bundle/gates/gate_result.ts';
import type { ValidationRows } from '../../dataset/rows.ts';
import type { Split } from '../../splits/splits.ts';

/**
 * Checks that no training row overlaps the test rows of its split: its label interval [time, labelEnd] must not touch
 * one of theirs, nor begin within `embargo` seconds after one (López de Prado 2018, ch. 7). All pairs count: those with
 * a common leg are correlated.
 */
export function checkFoldBorders(
  rows: Pick<ValidationRows, 'time' | 'labelEnd'>,
  splits: readonly Split[],
  embargo: number,
): GateResult {
  const found = splits.map((split) => [split.name, countOverlaps(rows, split, embargo)] as const);
  const leaking = found.filter(([, overlaps]) => overlaps > 0);
  const checked = splits.reduce((sum, { train }) => sum + train.length, 0);
  return {
    code: 'fold_borders',
    role: null,
    passed: leaking.length === 0,
    value: leaking.reduce((sum, [, overlaps]) => sum + overlaps, 0),
    relation: '<=',
    limit: 0,
    unit: 'count',
    evidence: {
      checked,
      splits: splits.length,
      overlaps: Object.fromEntries(leaking),
      embargo_seconds: embargo,
    },
  };
}

/** O((train + test) log test). */
function countOverlaps(
  { time, labelEnd }: Pick<ValidationRows, 'time' | 'labelEnd'>,
  { train, test }: Split,
  embargo: number,
): number {
  const order = test.slice().sort((a, b) => time[a]! - time[b]!);
  const begins = Float64Array.from(order, (row) => time[row]!);
  // latestEnd[i]: where the last of the first i + 1 test intervals ends.
  let latest = -Infinity;
  const latestEnd = Float64Array.from(order, (row) => (latest = Math.max(latest, labelEnd[row]! + embargo)));
  return train.reduce((overlaps, row) => {
    const begun = countUpTo(begins, labelEnd[row]!);
    return overlaps + (begun > 0 && latestEnd[begun - 1]! >= time[row]! ? 1 : 0);
  }, 0);
}

/** Number of ascending values ≤ `bound`. */
function countUpTo(ascending: Float64Array, bound: number): number {
  let low = 0;
  let high = ascending.length;
  while (low < high) {
    const middle = (low + high) >>> 1;
    if (ascending[middle]! <= bound) low = middle + 1;
    else high = middle;
  }
  return low;
}
