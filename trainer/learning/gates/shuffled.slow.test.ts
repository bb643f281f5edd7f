import type { GateResult } from '../../../shared/bundle/gates/gate_result.ts';
import { describe, expect, it } from 'vitest';
import { runFit } from '../learners/trees/fit.ts';
import { takeRows } from '../learners/contract/fit_rows.ts';
import { LEARNER_DEFAULTS, type LearnerParams } from '../learners/trees/learner.ts';
import { calibrateModel } from '../calibrate/calibrate_model.ts';
import { learnModel } from '../learners/model_learning.ts';
import { fittedTrees } from '../learners/trees/fitted_trees.ts';
import { shuffleInBlocks } from '../validate/leakage/shuffled_labels.ts';
import { modelMetrics } from '../measures/model_metrics.ts';
import { rowUniqueness } from '../dataset/noise.ts';
import { checkQuality } from '../validate/quality_gate.ts';
import { pick, positions } from '../dataset/rows.ts';
import { walkRows } from '../dataset/rows.fixture.ts';
import { sampleWeights } from '../label/uniqueness.ts';
import { checkAuc } from './auc.ts';
import { checkBrier } from './brier.ts';

/** AI1's parameters, on a smaller table. */
const PARAMS: LearnerParams = {
  ...LEARNER_DEFAULTS,
  rounds: 30,
  learningRate: 0.1,
  leaves: 8,
  minDataInLeaf: 40,
  l2: 5,
  maxBins: 63,
  rowFraction: 0.5,
  columnFraction: 0.5,
};
const LIMITS = { min_samples: 2000, f1_floor: null };
const HORIZON_SECONDS = 40 * 60;
/** Rows of five labels without common bars, so that neighbors are still similar. */
const BLOCK_ROWS = 40;

const rows = walkRows({ seed: 'shuffled', pairs: 3, rows: 1000, signal: 0.7 });
const holdoutFrom = rows.time.slice().sort()[Math.floor(rows.time.length * 0.75)]!;

/** Rows of a period with their uniqueness; `of` selects their labels. */
function part(isWanted: (time: number, labelEnd: number) => boolean) {
  const { x, time, labelEnd, pair } = rows;
  const own = positions(time.length, (row) => isWanted(time[row]!, labelEnd[row]!));
  const taken = {
    x: takeRows(x, own),
    time: pick(time, own),
    labelEnd: pick(labelEnd, own),
    pair: Int32Array.from(pick(pair, own)),
  };
  const uniqueness = rowUniqueness(taken);
  const effectiveRows = uniqueness.reduce((sum, share) => sum + share, 0);
  return {
    ...taken,
    uniqueness,
    weights: sampleWeights(uniqueness),
    effectiveRows,
    of: (y: Float64Array) => pick(y, own),
  };
}
const training = part((_, labelEnd) => labelEnd < holdoutFrom);
const holdout = part((time) => time >= holdoutFrom);

/** Trains AI1 on these labels by all steps of a training, and returns the gate results. */
async function learnAndEvaluate(labels: Float64Array, seed: string): Promise<GateResult[]> {
  const y = training.of(labels);
  const table = { ...training, y };
  const plan = { folds: 2, embargo: HORIZON_SECONDS, stopsEarly: true };
  const fitted = await learnModel(table, plan, async (of, subset, like) =>
    fittedTrees(
      'gbdt',
      await runFit(
        {
          engine: 'gbdt',
          task: { kind: 'binary' },
          rows: of,
          subset,
          params: { ...PARAMS, seed, rounds: like?.iterations ?? PARAMS.rounds },
          stopsEarly: like === null,
        },
        () => undefined,
      ),
    ),
  );
  const learned = calibrateModel(table, fitted, true);
  const rate = y.reduce((sum, label) => sum + label, 0) / y.length;
  const scores = learned.model.answers(holdout.x);
  const evaluated = holdout.of(labels);
  const { uniqueness, time, labelEnd } = holdout;
  const metrics = modelMetrics(scores, evaluated);
  return [
    checkAuc(metrics, 0.52),
    checkBrier(scores, evaluated, holdout),
    ...checkQuality({ samples: y.length, scores, labels: evaluated, rate, uniqueness, time, labelEnd }, LIMITS),
  ];
}

describe('the gates of AI1', () => {
  it('accept a model trained on the labels', async () => {
    for (const seed of ['1', '2', '3']) {
      const refused = (await learnAndEvaluate(rows.y, seed)).filter(({ passed }) => !passed);
      expect(refused).toEqual([]);
    }
  });

  it('refuse each of a hundred models trained on shuffled labels', async () => {
    const passes = new Map<string, number>();
    const letIn: string[] = [];
    for (let seed = 0; seed < 100; seed++) {
      const gates = await learnAndEvaluate(shuffleInBlocks(rows, BLOCK_ROWS, `shuffle ${seed}`), String(seed));
      for (const { code, passed } of gates) passes.set(code, (passes.get(code) ?? 0) + (passed ? 1 : 0));
      if (gates.every(({ passed }) => passed)) letIn.push(JSON.stringify(gates));
    }
    console.log(
      `of 100 models of shuffled labels, each gate alone let in: ${JSON.stringify(Object.fromEntries(passes))}`,
    );
    expect(letIn).toEqual([]);
  }, 120_000);
});
