import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { meanOf } from '../../../shared/statistics.ts';
import { tinyBars, tinySettings } from '../../../test/tiny_settings.ts';
import { tinyTraining } from '../../../test/tiny_models.ts';
import { columnsOf } from '../learners/learning.ts';
import { LOGISTIC } from '../learners/linear/logistic.ts';
import { fittedTrees } from '../learners/trees/fitted_trees.ts';
import { proveEdge } from '../strategies/pair_reversion/backtest/holdout.ts';
import type { Dataset } from '../strategies/pair_reversion/dataset/dataset.ts';
import { trainingDataset } from '../training/pipeline.ts';
import { fitEntrant, type EntrantModels } from './entrant_models.ts';
import { ENTERED_SHARE, holdoutNet } from './holdout_net.ts';

const settings = tinySettings();
let folder: string;
let dataset: Dataset;
let models: EntrantModels;
/** Answers to the rows that were learned, as a stand-in for those of folds. */
let learned: Float64Array;

beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), 'minutehand-net-'));
  dataset = await trainingDataset(tinyTraining(folder, { settings, bars: tinyBars(settings, 4800), seed: 3 }));
  const rows = dataset.train.ai1;
  const all = Int32Array.from(rows.y.keys());
  const entrant = { learner: LOGISTIC.open(null), columns: columnsOf(dataset.definitions, 'ai1'), groups: null };
  models = await fitEntrant(entrant, rows, all, 'net');
  learned = models[0]!.fitted.answers(rows.x);
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

it('enters the likeliest fifth by the training candidates, and has the net result of these trades', () => {
  let looks = 0;
  const net = holdoutNet(dataset, models, learned, settings, () => ++looks);
  const below = learned.filter((own) => own < net.threshold).length / learned.length;
  expect(below).toBeGreaterThan(1 - ENTERED_SHARE - 0.02);
  expect(below).toBeLessThan(1 - ENTERED_SHARE + 0.02);
  // The same trades by the test of a bundle, with every risk at the middle rank.
  const columns = dataset.definitions.length;
  const middle = fittedTrees('prior', { link: 'identity', ensembles: [{ columns, baseScore: 0.5, trees: [] }] });
  const { pairs } = proveEdge(
    dataset,
    {
      ai1: models[0]!.fitted,
      ai2: middle,
      riskQuantiles: [],
      thresholds: { theta1: net.threshold, theta2: 1 },
      expectation: null,
    },
    settings,
    () => 1,
    () => undefined,
  );
  const results = pairs.flatMap(({ pair }) => pair.trades.map(({ netBps }) => netBps));
  expect(results.length).toBeGreaterThan(0);
  expect(net.trades).toBe(results.length);
  expect(net.net_bps.value).toBeCloseTo(meanOf(results), 9);
  expect(net.gross_bps).toBeGreaterThan(net.net_bps.value!);
  expect(looks).toBeGreaterThan(0);
});

it('has no trade where no answer is above the threshold', () => {
  const net = holdoutNet(
    dataset,
    models,
    learned.map(() => 1),
    settings,
    () => 1,
  );
  expect(net).toMatchObject({ threshold: 1, trades: 0, gross_bps: null, edges: [] });
});
