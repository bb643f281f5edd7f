import type { FitRows } from './fit_rows.ts';
import type { FitRequest } from './learner.ts';

/** Share of the training time, at its end, that determines the number of trees. */
const STOPPING_SHARE = 0.15;
/** With fewer rows on either side, the configured number of trees is used. */
export const MIN_ROWS = 200;

/**
 * Splits off the last part of the subset's time for early stopping. Rows whose label was not known when that part began
 * are excluded from training, so that neighbors do not leak. null if either side has too few rows.
 */
export function splitOffTheEnd(
  rows: Pick<FitRows, 'time' | 'labelEnd'>,
  subset: Int32Array,
): { readonly train: Int32Array; readonly stopping: Int32Array } | null {
  const times = Float64Array.from(subset, (row) => rows.time[row]!).sort();
  const from = times[Math.floor(times.length * (1 - STOPPING_SHARE))]!;
  const train = subset.filter((row) => rows.labelEnd[row]! < from);
  const stopping = subset.filter((row) => rows.time[row]! >= from);
  return Math.min(train.length, stopping.length) < MIN_ROWS ? null : { train, stopping };
}

/** With the rows on which the number of steps is chosen, as trees choose theirs; too few rows: all steps. */
export function withStoppingRows(request: FitRequest): FitRequest {
  const { budget, rows, subset } = request;
  if (budget.kind !== 'early_stopping' || budget.stopping !== null) return request;
  const parts = splitOffTheEnd(rows, subset);
  if (parts === null) return request;
  return { ...request, subset: parts.train, budget: { kind: 'early_stopping', stopping: parts.stopping } };
}
