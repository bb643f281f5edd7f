import { createRng } from '../../../../shared/rng.ts';
import type { FitRows } from '../contract/fit_rows.ts';
import { countClasses } from './class_counts.ts';

/** Number of neighbors from which the second point is drawn (Chawla et al. 2002). */
const NEIGHBORS = 5;
/** Rows of a class in which neighbors are searched: a sample, since all pairs would be quadratic. */
const POOL_ROWS = 1000;

/**
 * Adds synthetic rows to every class up to the size of the most frequent one, each between a row of the class and one
 * of its nearest neighbors in the class (SMOTE). Columns are scaled by their standard deviation over the training rows;
 * a value missing on either side stays missing. A synthetic row has the time of its row and the later label end of
 * both.
 * @returns the rows followed by the synthetic ones, and `train` with those
 */
export function smote(
  rows: FitRows,
  train: Int32Array,
  classes: number,
  seed: string,
): { readonly rows: FitRows; readonly train: Int32Array } {
  const counts = countClasses(rows.y, train, classes);
  const most = Math.max(...counts);
  const scale = columnScales(rows, train);
  const made: Synthetic[] = [];
  for (let k = 0; k < classes; k++) {
    const own = train.filter((row) => rows.y[row] === k);
    if (own.length < 2) continue;
    const rng = createRng(`${seed}/smote/${k}`);
    const pool =
      own.length <= POOL_ROWS ? own : Int32Array.from({ length: POOL_ROWS }, () => own[rng.integer(own.length)]!);
    const neighborsOf = neighborSearch(rows, pool, scale);
    for (let i = own.length; i < most; i++) {
      const row = own[rng.integer(own.length)]!;
      const neighbors = neighborsOf(row);
      if (neighbors.length === 0) break;
      made.push({ row, neighbor: neighbors[rng.integer(neighbors.length)]!, share: rng.uniform() });
    }
  }
  return append(rows, train, made);
}

interface Synthetic {
  readonly row: number;
  readonly neighbor: number;
  readonly share: number;
}

/** 1 / standard deviation of each column over the training rows that have a value; 0 for a constant column. */
function columnScales({ x }: FitRows, train: Int32Array): Float64Array {
  return Float64Array.from({ length: x.columns }, (_, column) => {
    let count = 0;
    let mean = 0;
    let m2 = 0;
    for (const row of train) {
      const value = x.values[row * x.columns + column]!;
      if (!Number.isFinite(value)) continue;
      count++;
      const d = value - mean;
      mean += d / count;
      m2 += d * (value - mean);
    }
    return m2 > 0 ? 1 / Math.sqrt(m2 / count) : 0;
  });
}

/** Nearest rows of the pool, excluding the row itself; searched once per row. */
function neighborSearch({ x }: FitRows, pool: Int32Array, scale: Float64Array): (row: number) => readonly number[] {
  const known = new Map<number, readonly number[]>();
  const distance = (a: number, b: number, limit: number): number => {
    let sum = 0;
    for (let column = 0; column < x.columns && sum < limit; column++) {
      const d = (x.values[a * x.columns + column]! - x.values[b * x.columns + column]!) * scale[column]!;
      // Missing values do not count in the distance.
      if (Number.isFinite(d)) sum += d * d;
    }
    return sum;
  };
  return (row) => {
    const found = known.get(row);
    if (found !== undefined) return found;
    const nearest: { readonly row: number; readonly distance: number }[] = [];
    for (const other of pool) {
      if (other === row || nearest.some((own) => own.row === other)) continue;
      const limit = nearest.length < NEIGHBORS ? Infinity : nearest.at(-1)!.distance;
      const own = distance(row, other, limit);
      if (own >= limit) continue;
      if (nearest.length === NEIGHBORS) nearest.pop();
      nearest.push({ row: other, distance: own });
      nearest.sort((a, b) => a.distance - b.distance);
    }
    const neighbors = nearest.map((own) => own.row);
    known.set(row, neighbors);
    return neighbors;
  };
}

function append(
  rows: FitRows,
  train: Int32Array,
  made: readonly Synthetic[],
): { readonly rows: FitRows; readonly train: Int32Array } {
  const { x } = rows;
  const total = x.rows + made.length;
  const values = new Float32Array(total * x.columns);
  values.set(x.values);
  const longer = (from: Float64Array, of: (own: Synthetic) => number): Float64Array => {
    const all = new Float64Array(total);
    all.set(from);
    made.forEach((own, i) => (all[x.rows + i] = of(own)));
    return all;
  };
  made.forEach(({ row, neighbor, share }, i) => {
    for (let column = 0; column < x.columns; column++) {
      const from = x.values[row * x.columns + column]!;
      const to = x.values[neighbor * x.columns + column]!;
      values[(x.rows + i) * x.columns + column] = from + share * (to - from);
    }
  });
  return {
    rows: {
      x: { rows: total, columns: x.columns, values },
      y: longer(rows.y, ({ row }) => rows.y[row]!),
      time: longer(rows.time, ({ row }) => rows.time[row]!),
      labelEnd: longer(rows.labelEnd, ({ row, neighbor }) => Math.max(rows.labelEnd[row]!, rows.labelEnd[neighbor]!)),
      weights: longer(rows.weights, ({ row }) => rows.weights[row]!),
    },
    train: Int32Array.from([...train, ...made.map((_, i) => x.rows + i)]),
  };
}
