import type { Matrix } from '../../../../shared/bundle/onnx/tree_ensemble.ts';
import type { DirectionBalance } from '../../../../shared/policy/balances.ts';
import { joinedFloat32 } from '../../../../shared/joined_numbers.ts';
import { DIRECTIONS, DOWN, UP } from './label/direction.ts';
import { balanceRows, type BalancedRows, type BalancePlan } from '../../learners/balance/balance.ts';
import type { FitRows } from '../../learners/contract/fit_rows.ts';
import type { InstrumentRows } from './instrument_rows.ts';

/** Class balance of a direction model. `mirror`: with class weights, from the rows and their mirror images. */
export interface DirectionBalancePlan extends Omit<BalancePlan, 'balance'> {
  readonly balance: DirectionBalance;
}

export function hasClassWeights(balance: DirectionBalance): boolean {
  return balance === 'class_weights' || balance === 'mirror';
}

/** The label of the mirrored market: up and down change places. */
export function mirroredLabel(label: number): number {
  if (label === UP) return DOWN;
  return label === DOWN ? UP : label;
}

/** The rows that a direction model learns from, and those for early stopping, balanced; added rows are behind. */
export function learnedRows(
  rows: InstrumentRows,
  train: Int32Array,
  stopping: Int32Array,
  { balance, ...plan }: DirectionBalancePlan,
): BalancedRows {
  const classes = DIRECTIONS.length;
  if (balance !== 'mirror') return balanceRows(rows, classes, train, stopping, { ...plan, balance });
  const both = withMirrorImages(rows, train, stopping);
  return balanceRows(both.rows, classes, both.train, both.stopping, { ...plan, balance: 'class_weights' });
}

/** The features of the rows in the mirrored market. @throws RangeError where they were not asked for */
export function mirroredOf({ mirrored }: InstrumentRows): Matrix {
  if (mirrored === undefined) throw new RangeError('the rows have no mirror images');
  return mirrored;
}

/** The rows, and behind all of them the mirror images of those that are learned from or stop the learning. */
function withMirrorImages(
  rows: InstrumentRows,
  train: Int32Array,
  stopping: Int32Array,
): { readonly rows: FitRows; readonly train: Int32Array; readonly stopping: Int32Array } {
  const { x } = rows;
  const mirrored = mirroredOf(rows);
  const count = x.rows;
  const imaged = new Int32Array(train.length + stopping.length);
  imaged.set(train);
  imaged.set(stopping, train.length);
  const values = new Float32Array((count + imaged.length) * x.columns);
  values.set(x.values);
  imaged.forEach((row, i) => {
    const image = mirrored.values.subarray(row * x.columns, (row + 1) * x.columns);
    values.set(image, (count + i) * x.columns);
  });
  const behind = (column: Float64Array, of: (value: number) => number = (value) => value): Float64Array => {
    const all = new Float64Array(count + imaged.length);
    all.set(column);
    imaged.forEach((row, i) => (all[count + i] = of(column[row]!)));
    return all;
  };
  const images = (first: number, own: Int32Array): Int32Array =>
    Int32Array.from([...own, ...own.map((_, i) => count + first + i)]);
  return {
    rows: {
      x: { rows: count + imaged.length, columns: x.columns, values, ...pastOfBoth(x, mirrored, imaged) },
      y: behind(rows.y, mirroredLabel),
      time: behind(rows.time),
      labelEnd: behind(rows.labelEnd),
      weights: behind(rows.weights),
    },
    train: images(0, train),
    stopping: images(train.length, stopping),
  };
}

/** The past of the rows, and of the mirror images of some of them, whose bars lie behind those of all rows. */
function pastOfBoth(x: Matrix, mirrored: Matrix, imaged: Int32Array): Pick<Matrix, 'past'> {
  if (x.past === undefined || mirrored.past === undefined) return {};
  const first = x.past.table.length / x.columns;
  const last = new Int32Array(x.rows + imaged.length);
  last.set(x.past.last);
  imaged.forEach((row, i) => (last[x.rows + i] = first + mirrored.past!.last[row]!));
  return { past: { bars: x.past.bars, table: joinedFloat32([x.past.table, mirrored.past.table]), last } };
}
