import type { TrainingTable } from '../learner.ts';
import { MinutehandError } from '../../../../../shared/errors.ts';
import { FAR } from './split_node.ts';

/** A table for the engines: float32 throughout, no rows of weight 0, only the columns that may split. */
export interface EngineRows {
  readonly rows: number;
  readonly columns: number;
  /** [rows, columns], within ±FAR, NaN = missing. */
  readonly values: Float32Array;
  /** [rows]. */
  readonly y: Float32Array;
  /** [rows]; null = 1 each. */
  readonly weights: Float32Array | null;
}

/**
 * @param columnOf the table's column of each column to take
 * @throws MinutehandError DATA_TOO_SHORT when no row has weight
 */
export function engineRows({ x, y, weights }: TrainingTable, columnOf: ArrayLike<number>): EngineRows {
  const taken = weights === null ? null : Int32Array.from(y.keys()).filter((row) => weights[row]! > 0);
  const rows = taken === null ? x.rows : taken.length;
  if (rows === 0) throw new MinutehandError('DATA_TOO_SHORT', { seen: 'no row with a weight above 0' });
  const pick = (column: Float64Array): Float32Array =>
    taken === null ? Float32Array.from(column) : Float32Array.from(taken, (row) => column[row]!);
  return {
    rows,
    columns: columnOf.length,
    values: takeValues(x.values, x.columns, taken, rows, columnOf),
    y: pick(y),
    weights: weights === null ? null : pick(weights),
  };
}

/** Returns the input array itself if it can be used unchanged. */
function takeValues(
  values: Float32Array,
  width: number,
  taken: Int32Array | null,
  rows: number,
  columnOf: ArrayLike<number>,
): Float32Array {
  if (taken === null && columnOf.length === width && isWithinFar(values)) return values;
  const picked = new Float32Array(rows * columnOf.length);
  let at = 0;
  for (let row = 0; row < rows; row++) {
    const from = (taken === null ? row : taken[row]!) * width;
    for (let column = 0; column < columnOf.length; column++) {
      const value = values[from + columnOf[column]!]!;
      // NaN compares false and is kept.
      picked[at++] = value > FAR ? FAR : value < -FAR ? -FAR : value;
    }
  }
  return picked;
}

function isWithinFar(values: Float32Array): boolean {
  for (let i = 0; i < values.length; i++) if (values[i]! > FAR || values[i]! < -FAR) return false;
  return true;
}
