import { describe, expect, it } from 'vitest';
import { createRng } from '../../../shared/rng.ts';
import type { Dataset } from '../strategies/pair_reversion/dataset/dataset.ts';
import { CALM_BAR, historyOf } from '../history/pair_history.fixture.ts';
import { takeRows } from '../learners/contract/fit_rows.ts';
import type { LearnedModel } from '../calibrate/calibrate_model.ts';
import { rateThreshold } from '../measures/confusion.ts';
import { fittedAnswers } from '../learners/cross_validation.ts';
import { crossValidate, testedScores, validateSplits } from '../learners/cross_validation.ts';
import { detailedMetrics } from '../measures/model_metrics.ts';
import { splitAuc } from '../measures/split_auc.ts';
import { pick, positions, type ValidationRows } from '../dataset/rows.ts';
import { smallFits, walkRows } from '../dataset/rows.fixture.ts';
import { finalSplit, kFoldSplits, walkForwardSplits } from '../splits/splits.ts';
import { validateModel } from './validation.ts';

const EMBARGO = 2400;
const COLUMNS = 4;
const walk = { seed: 'validation', rows: 500, pairs: 2, columns: COLUMNS, signal: 0.8 };

/** The selected rows. */
function cut(rows: ValidationRows, at: Int32Array): ValidationRows {
  return {
    x: takeRows(rows.x, at),
    y: pick(rows.y, at),
    time: pick(rows.time, at),
    labelEnd: pick(rows.labelEnd, at),
    pair: at.map((row) => rows.pair[row]!),
  };
}

/** Two pairs with a bar for every minute that the rows span. */
function datasetFor(rows: ValidationRows): Pick<Dataset, 'histories' | 'definitions'> {
  const rng = createRng('bars');
  const first = Math.min(...rows.time) - 60;
  const minutes = (Math.max(...rows.time) - first) / 60;
  const histories = ['AAA_BBB', 'CCC_DDD'].map((id) => {
    const history = historyOf(Array.from({ length: minutes }, () => ({ ...CALM_BAR, lnA: rng.normal() })));
    return { ...history, pair: { ...history.pair, id }, time: history.time.map((_, i) => first + i * 60) };
  });
  const definitions = Array.from({ length: COLUMNS }, (_, i) => ({ name: `column_${i}` }));
  return { histories, definitions: definitions as unknown as Dataset['definitions'] };
}

describe('validateModel', () => {
  it('reports the training period by models that were not trained on it, and the holdout by the published model', async () => {
    const all = walkRows(walk);
    const final = finalSplit(all, Float64Array.from(all.time).sort()[800]!, EMBARGO);
    const trained = cut(all, final.train);
    const holdout = cut(all, final.test);
    // Evaluated on more rows than were trained on: every other row was left out of training.
    const thinned = cut(
      trained,
      Int32Array.from(trained.y.keys()).filter((row) => row % 2 === 0),
    );
    const fit = smallFits();
    const folds = await crossValidate(thinned, 4, EMBARGO, fit);
    const plan = { blocks: 2, firstShare: 0.5, embargo: EMBARGO, window: null };
    const learned: LearnedModel = {
      model: await fit(thinned, Int32Array.from(thinned.y.keys())),
      rawFolds: folds,
      folds,
      walkForward: await validateSplits(thinned, walkForwardSplits(thinned, plan), fit, fittedAnswers),
      platt: null,
      calibration: null,
    };
    const parts = [0, 1].map((part) =>
      cut(
        holdout,
        positions(holdout.y.length, (row) => row % 2 === part),
      ),
    );
    const bull = parts.map(({ x, y }) => ({ pairId: 'AAA_BBB', x, y }));
    const context = { dataset: datasetFor(all), markets: { bull }, seed: 'seed' };
    const found = validateModel(learned, { trained: thinned, evaluated: trained, holdout }, context);

    // Every row of the training period once, by the model of its time.
    const { out_of_fold, walk_forward, importance } = found.report;
    expect(out_of_fold.pooled.rows).toBe(trained.y.length);
    const scores = Float64Array.from(trained.time, (time, row) => {
      const { model } = folds.find(({ from, until }) => time >= from && time < until)!;
      return model.answers(takeRows(trained.x, [row]))[0]!;
    });
    const withinFolds = (of: Float64Array, { time, y }: ValidationRows): number =>
      splitAuc(
        folds.map(({ from, until }) => {
          const tested = positions(time.length, (row) => time[row]! >= from && time[row]! < until);
          return { scores: pick(of, tested), labels: pick(y, tested) };
        }),
      )!;
    expect(found.rate).toBeCloseTo(trained.y.reduce((sum, label) => sum + label, 0) / trained.y.length, 12);
    expect(out_of_fold.pooled).toEqual({
      ...detailedMetrics(scores, trained.y, rateThreshold(scores, found.rate)),
      auc: withinFolds(scores, trained),
    });
    expect(out_of_fold.pooled.auc!).toBeGreaterThan(0.7);
    expect(walk_forward.pooled.rows).toBe(trained.time.filter((time) => time >= learned.walkForward[0]!.from).length);
    expect(found.holdoutScores).toEqual(learned.model.answers(holdout.x));
    expect(found.report.holdout.pooled).toEqual(
      detailedMetrics(found.holdoutScores, holdout.y, rateThreshold(found.holdoutScores, found.rate)),
    );
    const { generated } = found.report;
    expect(Object.keys(generated)).toEqual(['bull']);
    expect(generated['bull']).toMatchObject({
      rows: holdout.y.length,
      label_mean: expect.closeTo(holdout.y.reduce((sum, own) => sum + own, 0) / holdout.y.length, 12) as number,
      answer_mean: expect.closeTo(
        found.holdoutScores.reduce((sum, own) => sum + own, 0) / holdout.y.length,
        12,
      ) as number,
      auc: expect.closeTo(found.report.holdout.pooled.auc!, 12) as number,
      f1: expect.closeTo(found.report.holdout.pooled.f1!, 12) as number,
    });
    expect(importance.features[0]!.feature).toBe('column_0');
    const { class_shares, warnings } = found.report;
    const share = (rows: Int32Array): number => pick(thinned.y, rows).reduce((sum, y) => sum + y, 0) / rows.length;
    for (const [part, own] of [
      ['out_of_fold', folds],
      ['walk_forward', learned.walkForward],
    ] as const) {
      expect(class_shares[part]).toEqual(
        own.map(({ name, train, test }) => ({
          split: name,
          train_rows: train.length,
          train_share: share(train),
          test_rows: test.length,
          test_share: share(test),
        })),
      );
    }
    // Prices of these histories are noise without a trend.
    expect(warnings.map(({ code }) => code)).toEqual(['NO_BULL_MARKET', 'NO_BEAR_MARKET']);
    for (const report of [out_of_fold, walk_forward, found.report.holdout]) {
      expect(Object.keys(report.by_scenario)).toContain('range');
      expect(Object.keys(report.by_pair)).toEqual(['AAA_BBB', 'CCC_DDD']);
      expect(Object.keys(report.by_side).length).toBeGreaterThan(0);
    }
    expect(JSON.parse(JSON.stringify(found.report))).toEqual(found.report);

    // Evaluated on the training rows themselves, the scores of the folds are used.
    const same = validateModel(learned, { trained: thinned, evaluated: thinned, holdout }, context);
    const own = testedScores(folds, thinned.y.length).scores;
    expect(same.report.out_of_fold.pooled).toEqual({
      ...detailedMetrics(own, thinned.y, rateThreshold(own, same.rate)),
      auc: withinFolds(own, thinned),
    });
    expect(kFoldSplits(thinned, 4, EMBARGO).map(({ test }) => test.length)).toEqual(
      same.report.out_of_fold.folds.map(({ rows }) => rows),
    );
  });
});
