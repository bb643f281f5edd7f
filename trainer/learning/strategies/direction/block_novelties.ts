import type { Matrix } from '../../../../shared/bundle/onnx/tree_ensemble.ts';
import type { InputDescription } from '../../../../shared/bundle/input_novelty.ts';
import { takeRows } from '../../learners/contract/fit_rows.ts';
import { describeInputs } from '../../novelty/input_description.ts';
import { rowNovelties } from '../../novelty/row_novelties.ts';
import type { Split } from '../../splits/splits.ts';
import { learnedBefore, type ImportedDirection } from './imported_direction.ts';
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

/** Rows that blocks of time are tested on, and what their models learned from. */
export interface TestedBlocks {
  readonly rows: Pick<InstrumentRows, 'x' | 'time' | 'labelEnd' | 'columns'>;
  readonly splits: readonly Split[];
  /** Of the training. */
  readonly seed: string;
  /** The imported model, which answers every block; absent: each block has its own model. */
  readonly imported?: Pick<ImportedDirection, 'learnedUntil'> | undefined;
  /** Values of the tested rows, where they differ from what was learned. */
  readonly x?: Matrix;
}

/**
 * Novelty of the rows that blocks of time are tested on, each measured from the rows that its model learned from, as a
 * bundle of that model would measure it.
 */
export function blockNovelties({ rows, splits, seed, imported, x = rows.x }: TestedBlocks): Float64Array {
  const novelties = new Float64Array(rows.time.length).fill(NaN);
  const ofImported = imported === undefined ? null : describeRows(importedRows(rows, imported), `${seed}/inputs`);
  for (const { train, test, from } of splits) {
    const inputs = imported === undefined ? describeRows(rowsOf(rows, train), `${seed}/inputs/${from}`) : ofImported;
    const measured = rowNovelties(takeRows(x, test), inputs, usedColumns(rows.columns));
    if (measured !== null) test.forEach((row, i) => (novelties[row] = measured[i]!));
  }
  return novelties;
}

/** The rows that a model of another program may have learned from. */
export function importedRows(
  rows: TestedBlocks['rows'],
  { learnedUntil }: Pick<ImportedDirection, 'learnedUntil'>,
): Pick<InstrumentRows, 'x' | 'time' | 'columns'> {
  return rowsOf(rows, learnedBefore(rows, learnedUntil));
}

function rowsOf(
  { x, time, columns }: TestedBlocks['rows'],
  rows: Int32Array,
): Pick<InstrumentRows, 'x' | 'time' | 'columns'> {
  return { x: takeRows(x, rows), time: Float64Array.from(rows, (row) => time[row]!), columns };
}

function usedColumns(columns: readonly string[]): { readonly name: string; readonly isUsed: true }[] {
  return columns.map((name) => ({ name, isUsed: true }));
}
