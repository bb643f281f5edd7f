import { describe, expect, it } from 'vitest';
import { onnxAnswers } from '../../../../shared/bundle/onnx/answers.ts';
import type { Matrix } from '../../../../shared/bundle/onnx/tree_ensemble.ts';
import { randomRows } from '../../../../shared/bundle/tree_kernel/random_ensemble.fixture.ts';
import { createRng } from '../../../../shared/rng.ts';
import type { VectorScaling } from '../../calibrate/vector_scaling.ts';
import { ensembleParameters } from '../../learners/mixture/ensemble_parameters.ts';
import { networkParameters } from '../../learners/networks/network_parameters.ts';
import { openLearner } from '../../learners/registry.ts';
import { SMALL_TREES } from '../../learners/small_trees.fixture.ts';
import { runFit } from '../../learners/trees/fit.ts';
import { calibratedModel } from './direction_learner.ts';

const ROWS = 600;
const COLUMNS = 3;
const x: Matrix = { rows: ROWS, columns: COLUMNS, values: randomRows(createRng('calibrated'), ROWS, COLUMNS) };
const time = Float64Array.from({ length: ROWS }, (_, row) => 3600 * row);
const rng = createRng('labels');
const rows = {
  x,
  y: time.map(() => rng.integer(3)),
  time,
  labelEnd: time.map((at) => at + 3600),
  weights: time.map(() => 1),
};

/** What calibration finds where higher margins are not more often right. */
const CONSTANT: VectorScaling = { kind: 'constant', slope: [0, 0, 0], intercept: [0.2, 0.3, 0.5].map(Math.log) };
const SCALED: VectorScaling = { kind: 'per_class', slope: [0.5, 0.8, 1.2], intercept: [0.1, 0, -0.1] };

describe.each(['prior', 'logistic', 'gbdt', 'random_forest', 'bagging', 'vote', 'stacking'])(
  'a calibrated direction model of %s',
  (engine) => {
    const fitted = openLearner(engine, {
      parameters: { ...SMALL_TREES, rounds: 5 },
      fitTrees: runFit,
      ensembles: ensembleParameters({ bagging: { members: 2, base: 'random_forest' } }),
      columnNames: ['a', 'b', 'c'],
      network: networkParameters(undefined, 'ai1'),
    }).fit({
      task: { kind: 'multiclass', classes: 3 },
      rows,
      subset: Int32Array.from(time.keys()),
      columns: null,
      budget: { kind: 'early_stopping', stopping: null },
      seed: 'calibrated',
      continueFrom: null,
    });

    it('answers the base rates where it knows nothing', async () => {
      const model = calibratedModel(await fitted, CONSTANT);
      const { values } = await onnxAnswers(model.toOnnx({ metadata: {} }), x);
      for (const answers of [values, model.answers(x), model.exactAnswers(x)])
        answers.forEach((p, i) => expect(p).toBeCloseTo([0.2, 0.3, 0.5][i % 3]!, 6));
    });

    it('answers the softmax of its margins, scaled', async () => {
      const model = await fitted;
      const margins = model.openMargins()(x);
      const answers = calibratedModel(model, SCALED).answers(x);
      for (let row = 0; row < ROWS; row += 7) {
        const e = margins.map((own, k) => Math.exp(SCALED.slope[k]! * own[row]! + SCALED.intercept[k]!));
        const sum = e.reduce((all, own) => all + own, 0);
        e.forEach((own, k) => expect(answers[3 * row + k]).toBeCloseTo(own / sum, 4));
      }
    });
  },
);
