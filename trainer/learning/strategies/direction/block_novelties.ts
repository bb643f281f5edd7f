import type { Matrix } from '../../../../shared/bundle/onnx/tree_ensemble.ts';
import type { InputDescription } from '../../../../shared/bundle/input_novelty.ts';
import { takeRows } from '../../learners/contract/fit_rows.ts';
import { describeInputs } from '../../novelty/input_description.ts';
import { rowNovelties } from '../../novelty/row_novelties.ts';
import type { Split } from '../../splits/splits.ts';
import type { InstrumentRows } from './instrument_rows.ts';

/** Entries that the policy refuses for their novelty. */
export interface NoveltyLimit {
  /** `novelty_min` of core_policy.yaml. */
  readonly min: number;
  /** Share of training rows that are farther out, [rows]; NaN: not known. */
  readonly novelties: Float64Array;
}

/** The rows that a direction model learned from; null with too few. A model uses all columns that vary. */
export function describeRows(
  { x, time, columns }: Pick<InstrumentRows, 'x' | 'time' | 'columns'>,
  seed: string,
): InputDescription | null {
  return describeInputs({ x, time }, usedColumns(columns), seed);
}

/**
 * Novelty of the rows that blocks of time are tested on, each measured from the rows that its model learned from, as a
 * bundle of that model would measure it.
 * @param x of the tested rows, where it differs from what was learned
 */
export function blockNovelties(
  rows: Pick<InstrumentRows, 'x' | 'time' | 'columns'>,
  splits: readonly Split[],
  seed: string,
  x: Matrix = rows.x,
): Float64Array {
  const novelties = new Float64Array(rows.time.length).fill(NaN);
  for (const { train, test, from } of splits) {
    const learned = { ...rows, x: takeRows(rows.x, train), time: Float64Array.from(train, (row) => rows.time[row]!) };
    const inputs = describeRows(learned, `${seed}/inputs/${from}`);
    const measured = rowNovelties(takeRows(x, test), inputs, usedColumns(rows.columns));
    if (measured !== null) test.forEach((row, i) => (novelties[row] = measured[i]!));
  }
  return novelties;
}

function usedColumns(columns: readonly string[]): { readonly name: string; readonly isUsed: true }[] {
  return columns.map((name) => ({ name, isUsed: true }));
}
