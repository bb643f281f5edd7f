import type { Matrix } from '../../../shared/bundle/onnx/tree_ensemble.ts';
import { sigmoid } from '../../../shared/elementary.ts';
import { takeLabels, withRows, type FitRows } from '../learners/contract/fit_rows.ts';
import type { Fitted } from '../learners/contract/fitted.ts';
import { splitOffTheEnd } from '../learners/contract/stopping_rows.ts';
import type { ModelFit } from '../learners/model_learning.ts';
import { logLoss } from '../measures/metrics.ts';
import { fitPlatt, scalingOfPlatt, type Platt } from './platt.ts';

/**
 * Learns new slopes alone: Platt scaling (Platt 1999; Lin, Lin & Weng 2007) of the logits of a known model, by rows
 * that it has not learned from. As trees of a warm start are: the first part of the rows' time must lower the log loss
 * of the last 15 %, else the model stays as it is; then all rows set slope and intercept.
 * @param known with a logit
 * @returns a fit whose result is `known` itself where a new calibration does not help, or there are too few rows
 */
export function recalibration(known: Fitted): ModelFit {
  return (rows, subset, like) => {
    const helps = like === null ? recalibrationHelps(known, rows, subset) : like !== known;
    const platt = helps ? plattOf(known, rows, subset) : null;
    return Promise.resolve(platt === null ? known : known.withMargins(scalingOfPlatt(platt)));
  };
}

function recalibrationHelps(known: Fitted, rows: FitRows, subset: Int32Array): boolean {
  const parts = splitOffTheEnd(rows, subset);
  if (parts === null) return false;
  const platt = plattOf(known, rows, parts.train);
  if (platt === null) return false;
  const { stopping } = parts;
  const logits = logitsOf(known, rows, stopping);
  const labels = takeLabels(rows.y, stopping);
  const weights = takeLabels(rows.weights, stopping);
  const before = logLoss(logits.map(sigmoid), labels, weights);
  const after = logLoss(
    logits.map((logit) => sigmoid(platt.slope * logit + platt.intercept)),
    labels,
    weights,
  );
  return after < before;
}

function plattOf(known: Fitted, rows: FitRows, subset: Int32Array): Platt | null {
  return fitPlatt(logitsOf(known, rows, subset), takeLabels(rows.y, subset), takeLabels(rows.weights, subset));
}

function logitsOf(known: Fitted, { x }: FitRows, subset: Int32Array): Float64Array {
  return withRows(x, subset, (taken: Matrix) => Float64Array.from(known.openMargins()(taken)[0]!));
}
