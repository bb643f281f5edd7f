import type { LabelledRows } from '../dataset/dataset.ts';
import type { FitTask } from './fit_pool.ts';
import { trainGbdt, type GbdtParams, type Matrix, type TreeEnsemble } from './gbdt.ts';

/** The last part of the training time that decides how many trees there are. */
const STOPPING_SHARE = 0.15;
/** Trees without an improvement there before boosting ends. */
const PATIENCE = 20;
/** With fewer rows on either side, the number of trees is the configured one. */
const FEWEST_ROWS = 200;

/** `done` trees of at most `total`. */
export type OnTree = (done: number, total: number) => void;

/** Learns one ensemble, as its task says. */
export function runFit({ rows, subset, params, stopsEarly }: FitTask, onTree: OnTree): TreeEnsemble {
  return stopsEarly ? fitUntilItStopsHelping(rows, subset, params, onTree) : fitRounds(rows, subset, params, onTree);
}

/**
 * Boosts until the last part of the subset's own time no longer gains from it. Rows whose label was not known when that
 * part began take no part in the training, so neighbours do not vouch for each other.
 */
export function fitUntilItStopsHelping(
  rows: LabelledRows,
  subset: Int32Array,
  params: GbdtParams,
  onTree: OnTree,
): TreeEnsemble {
  const times = Float64Array.from(subset, (row) => rows.time[row]!).sort();
  const stoppingFrom = times[Math.floor(times.length * (1 - STOPPING_SHARE))]!;
  const train = subset.filter((row) => rows.labelEnd[row]! < stoppingFrom);
  const stopping = subset.filter((row) => rows.time[row]! >= stoppingFrom);
  if (Math.min(train.length, stopping.length) < FEWEST_ROWS) return fitRounds(rows, subset, params, onTree);
  return trainGbdt(takeRows(rows.x, train), takeLabels(rows.y, train), null, params, {
    validation: { x: takeRows(rows.x, stopping), y: takeLabels(rows.y, stopping) },
    earlyStoppingRounds: PATIENCE,
    onRound: onTree,
  });
}

/** As many trees as `params` says, on all of the subset. */
export function fitRounds(rows: LabelledRows, subset: Int32Array, params: GbdtParams, onTree: OnTree): TreeEnsemble {
  return trainGbdt(takeRows(rows.x, subset), takeLabels(rows.y, subset), null, params, { onRound: onTree });
}

/** These rows of a matrix, in this order. */
export function takeRows(x: Matrix, rows: ArrayLike<number>): Matrix {
  const values = new Float32Array(rows.length * x.columns);
  for (let i = 0; i < rows.length; i++) {
    const at = rows[i]! * x.columns;
    values.set(x.values.subarray(at, at + x.columns), i * x.columns);
  }
  return { rows: rows.length, columns: x.columns, values };
}

/** The labels of these rows, in this order. */
export function takeLabels(y: Float64Array, rows: ArrayLike<number>): Float64Array {
  return Float64Array.from(rows, (row) => y[row]!);
}
