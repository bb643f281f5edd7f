import type { TreeModel } from '../../../shared/bundle/onnx/tree_ensemble.ts';
import { createRng } from '../../../shared/rng.ts';
import { takeLabels, takeRows } from '../learners/contract/fit_rows.ts';
import { fittedTrees, type FittedTrees } from '../learners/trees/fitted_trees.ts';
import { learnHere } from '../learners/trees/gbdt.ts';
import { LEARNER_DEFAULTS, type LearnerParams } from '../learners/trees/learner.ts';
import type { Fit, ValidationRows } from './rows.ts';

const START = 1_546_819_200;

export interface WalkOptions {
  readonly seed: string;
  readonly pairs: number;
  /** Rows of each pair. */
  readonly rows: number;
  /** Minutes between rows. */
  readonly every: number;
  /** Minutes that a label looks ahead. */
  readonly horizon: number;
  /** Noise columns: autocorrelated from row to row by `memory`. */
  readonly columns: number;
  readonly memory: number;
  /** Information of column 0 about the future, in standard deviations; 0 = none. */
  readonly signal: number;
}

const WALK: Omit<WalkOptions, 'seed'> = {
  pairs: 3,
  rows: 1500,
  every: 5,
  horizon: 40,
  columns: 6,
  memory: 0.9,
  signal: 0,
};

/**
 * Random walks, one per pair: a row's label is whether the walk is higher `horizon` minutes later, so that labels of
 * neighbors overlap as real ones do. The columns are autocorrelated noise, without information about the label except
 * `signal`.
 */
export function walkRows(options: Partial<WalkOptions> & { readonly seed: string }): ValidationRows {
  const { seed, pairs, rows, every, horizon, columns, memory, signal } = { ...WALK, ...options };
  const rng = createRng(seed);
  const count = pairs * rows;
  const x = new Float32Array(count * columns);
  const y = new Float64Array(count);
  const time = new Float64Array(count);
  const labelEnd = new Float64Array(count);
  const pair = new Int32Array(count);
  for (let of = 0, row = 0; of < pairs; of++) {
    let level = 0;
    const walk = Float64Array.from({ length: rows * every + horizon + 1 }, () => (level += rng.normal()));
    const state = Float64Array.from({ length: columns }, () => rng.normal());
    for (let i = 0; i < rows; i++, row++) {
      const gain = (walk[i * every + horizon]! - walk[i * every]!) / Math.sqrt(horizon);
      for (let c = 0; c < columns; c++) {
        state[c] = memory * state[c]! + Math.sqrt(1 - memory * memory) * rng.normal();
        x[row * columns + c] = state[c]! + (c === 0 ? signal * gain : 0);
      }
      y[row] = gain > 0 ? 1 : 0;
      time[row] = START + i * every * 60;
      labelEnd[row] = time[row]! + horizon * 60;
      pair[row] = of;
    }
  }
  return { x: { rows: count, columns, values: x }, y, time, labelEnd, pair };
}

const SMALL: LearnerParams = {
  ...LEARNER_DEFAULTS,
  rounds: 20,
  learningRate: 0.15,
  leaves: 15,
  minDataInLeaf: 10,
  l2: 1,
  maxBins: 63,
  seed: 'small',
};

/** Trains a few small trees on the training rows, able to memorize single stretches of them. */
export function smallTrees(params: Partial<LearnerParams> = {}): Fit<ValidationRows, TreeModel> {
  return async (rows, train) =>
    learnHere({
      task: { kind: 'binary' },
      table: { x: takeRows(rows.x, train), y: takeLabels(rows.y, train), weights: null },
      params: { ...SMALL, ...params },
      stopping: null,
      threads: 1,
      onRound: () => undefined,
    });
}

/** `smallTrees` as a learner gives them. */
export function smallFits(params: Partial<LearnerParams> = {}): Fit<ValidationRows, FittedTrees> {
  const fit = smallTrees(params);
  return async (rows, train) => fittedTrees('gbdt', await fit(rows, train));
}
