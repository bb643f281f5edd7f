import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { decodeTreeGraph } from '../../../shared/bundle/onnx/tree_graph.ts';
import { onnxAnswers } from '../../../shared/bundle/onnx/answers.ts';
import { encodeTreeModel } from '../../../shared/bundle/onnx/onnx.ts';
import { predictLogits, predictModel, type TreeModel } from '../../../shared/bundle/onnx/tree_ensemble.ts';
import { randomEnsemble, randomRows } from '../../../shared/bundle/tree_kernel/random_ensemble.fixture.ts';
import { sigmoid } from '../../../shared/elementary.ts';
import { createRng } from '../../../shared/rng.ts';
import { logLoss } from '../measures/metrics.ts';
import { purgedKFold } from '../splits/purged_kfold.ts';
import { scaledTrees } from '../learners/trees/fitted_trees.ts';
import { calibrationHelps, fitPlatt, scalingOfPlatt } from './platt.ts';

/** Rows with the probability sigmoid(slope·f + intercept), f standard normal. */
function drawRows(rows: number, slope: number, intercept: number, seed: string) {
  const rng = createRng(seed);
  const logits = Float64Array.from({ length: rows }, () => rng.normal());
  const labels = logits.map((f) => (rng.uniform() < sigmoid(slope * f + intercept) ? 1 : 0));
  return { logits, labels };
}

/** Cross-entropy with the targets of Lin, Lin & Weng, summed directly. */
function slowLoss(logits: ArrayLike<number>, labels: ArrayLike<number>, weights: ArrayLike<number> | null) {
  const weight = (row: number): number => weights?.[row] ?? 1;
  let positives = 0;
  let negatives = 0;
  for (let row = 0; row < logits.length; row++) {
    positives += weight(row) * labels[row]!;
    negatives += weight(row) * (1 - labels[row]!);
  }
  const high = (positives + 1) / (positives + 2);
  const low = 1 / (negatives + 2);
  return (slope: number, intercept: number): number => {
    let loss = 0;
    for (let row = 0; row < logits.length; row++) {
      const target = labels[row]! * high + (1 - labels[row]!) * low;
      const p = 1 / (1 + Math.exp(-(slope * logits[row]! + intercept)));
      loss -= weight(row) * (target * Math.log(p) + (1 - target) * Math.log(1 - p));
    }
    return loss;
  };
}

describe('fitPlatt', () => {
  it('is at the minimum of the loss: any step away raises it', () => {
    // In steps of 0.001, because differences below about 1e-5 are lost in the ridge.
    const logit = fc.integer({ min: -8000, max: 8000 }).map((thousandths) => thousandths / 1000);
    const row = fc.tuple(logit, fc.double({ min: 0, max: 1, noNaN: true }));
    const weighted = fc.tuple(row, fc.double({ min: 0.01, max: 5, noNaN: true }));
    fc.assert(
      fc.property(fc.array(weighted, { minLength: 2, maxLength: 60 }), fc.boolean(), (drawn, hasWeights) => {
        const logits = drawn.map(([[logit]]) => logit);
        const labels = drawn.map(([[, label]]) => Math.round(label * 4) / 4);
        const weights = hasWeights ? drawn.map(([, weight]) => weight) : null;
        const platt = fitPlatt(logits, labels, weights);
        if (platt === null) return;
        expect(platt.slope).toBeGreaterThan(0);
        const loss = slowLoss(logits, labels, weights);
        const best = loss(platt.slope, platt.intercept);
        const slack = 1e-9 * Math.max(1, best);
        for (const [a, b] of [
          [1, 0],
          [-1, 0],
          [0, 1],
          [0, -1],
          [1, 1],
          [-1, 1],
        ] as const)
          for (const step of [1e-3, 0.1, 2])
            expect(loss(platt.slope + a * step, platt.intercept + b * step)).toBeGreaterThan(best - slack);
      }),
    );
  });

  it('treats integer weights as repeated rows', () => {
    const { logits, labels } = drawRows(300, 1.5, 0.2, 'weights');
    const weights = logits.map((_, row) => row % 4);
    const repeated = [...logits.keys()].flatMap((row) => new Array<number>(weights[row]!).fill(row));
    const by = fitPlatt(logits, labels, weights)!;
    const to = fitPlatt(
      repeated.map((row) => logits[row]!),
      repeated.map((row) => labels[row]!),
      null,
    )!;
    expect(by.slope).toBeCloseTo(to.slope, 6);
    expect(by.intercept).toBeCloseTo(to.intercept, 6);
  });

  it('ends at a finite slope if classes do not overlap', () => {
    const platt = fitPlatt([-2, -1, 1, 2], [0, 0, 1, 1], null)!;
    expect(platt.slope).toBeGreaterThan(0.5);
    expect(platt.slope).toBeLessThan(10);
    expect(fitPlatt([-2e4, -1e4, 1e4, 2e4], [0, 0, 1, 1], null)!.slope).toBeGreaterThan(0);
  });

  it('finds no calibration for one class, equal logits, or an inverted order', () => {
    expect(fitPlatt([], [], null)).toBeNull();
    expect(fitPlatt([1, 2, 3], [1, 1, 1], null)).toBeNull();
    expect(fitPlatt([1, 2, 3], [0, 1, 1], [0, 1, 1])).toBeNull();
    for (const logit of [2, -2])
      for (const labels of [
        [0, 1, 0, 1],
        [0, 1, 1, 1],
        [0, 0, 0, 1],
      ])
        expect(fitPlatt([logit, logit, logit, logit], labels, null)).toBeNull();
    const { logits, labels } = drawRows(1000, -1, 0, 'upside down');
    expect(fitPlatt(logits, labels, null)).toBeNull();
  });

  it('finds the line that the labels were drawn from', () => {
    for (const [slope, intercept] of [
      [1, 0],
      [0.4, -1],
      [3, 0.5],
    ] as const) {
      const { logits, labels } = drawRows(10_000, slope, intercept, `${slope}`);
      const platt = fitPlatt(logits, labels, null)!;
      expect(Math.abs(platt.slope / slope - 1)).toBeLessThan(0.08);
      expect(Math.abs(platt.intercept - intercept)).toBeLessThan(0.08);
    }
  });

  it('refuses invalid logits, labels and weights', () => {
    expect(() => fitPlatt([1, NaN], [0, 1], null)).toThrow(/logit NaN of row 1/);
    expect(() => fitPlatt([1, 2], [0, 2], null)).toThrow(/label 2 of row 1/);
    expect(() => fitPlatt([1, 2], [0, 1], [1, -1])).toThrow(/weight -1 of row 1/);
    expect(() => fitPlatt([1, 2], [-0.5, 1], null)).toThrow(/label -0.5 of row 0/);
    expect(() => fitPlatt([1, 2], [0, 1], [1, Infinity])).toThrow(/weight Infinity of row 1/);
    expect(() => fitPlatt([1, 2], [0], null)).toThrow('lengths differ: 2 logits, 1 labels, no weights');
    expect(() => fitPlatt([1, 2], [0, 1], [1])).toThrow('lengths differ: 2 logits, 2 labels, 1 weights');
  });
});

describe('trees with the margins of a calibration', () => {
  const ensemble = randomEnsemble({ trees: 60, leaves: 15, columns: 5, seed: 'calibrated' });
  const model: TreeModel = { link: 'sigmoid', ensembles: [ensemble] };
  const x = { rows: 500, columns: 5, values: randomRows(createRng('rows'), 500, 5) };

  it('answers with the sigmoid of slope · logit + intercept, in float64 and in onnxruntime', async () => {
    const platt = { slope: 0.37, intercept: -1.1 };
    const scaled = scaledTrees(model, scalingOfPlatt(platt));
    const logits = predictLogits(ensemble, x);
    const answers = predictModel(scaled, x);
    const { values } = await onnxAnswers(encodeTreeModel(scaled), x);
    logits.forEach((logit, row) => {
      expect(Math.abs(answers[row]! - sigmoid(platt.slope * logit + platt.intercept))).toBeLessThan(1e-6);
      expect(Math.abs(values[row]! - answers[row]!)).toBeLessThan(1e-6);
    });
  });

  it('still consists of trees and a sigmoid, with unchanged splits', () => {
    const { ensemble: back, link } = decodeTreeGraph(
      encodeTreeModel(scaledTrees(model, scalingOfPlatt({ slope: 2, intercept: 1 }))),
    );
    expect(link).toBe('sigmoid');
    back.trees.forEach((tree, i) => expect({ ...tree, value: null }).toEqual({ ...ensemble.trees[i], value: null }));
  });

  it('refuses a slope that inverts the order of rows, and models with other links', () => {
    for (const [slope, intercept] of [
      [0, 0],
      [-1, 0],
      [Infinity, 0],
      [1, NaN],
    ] as const)
      expect(() => scaledTrees(model, scalingOfPlatt({ slope, intercept }))).toThrow(
        `slope ${slope} and intercept ${intercept}, expected numbers, the slope above 0`,
      );
    expect(() => scaledTrees({ ...model, link: 'identity' }, scalingOfPlatt({ slope: 1, intercept: 0 }))).toThrow(
      'answers without a link have no margins to scale',
    );
  });
});

describe('calibrationHelps', () => {
  const folds = (rows: number) =>
    purgedKFold(
      Float64Array.from({ length: rows }, (_, row) => row),
      Float64Array.from({ length: rows }, (_, row) => row + 3),
      5,
      10,
    );

  it('is true for overconfident scores, and returns both losses', () => {
    const { logits, labels } = drawRows(5000, 1, -0.3, 'too sure');
    const sure = logits.map((f) => 3 * f);
    const verdict = calibrationHelps({ logits: sure, labels, weights: null, folds: folds(5000) });
    expect(verdict.helps).toBe(true);
    expect(verdict.after!).toBeLessThan(verdict.before * 0.95);
  });

  it('is usually false for calibrated scores, and for scores without any order', () => {
    let helped = 0;
    for (let seed = 0; seed < 20; seed++) {
      const { logits, labels } = drawRows(600, 1, 0, `right ${seed}`);
      if (calibrationHelps({ logits, labels, weights: null, folds: folds(600) }).helps) helped++;
    }
    expect(helped).toBeLessThan(10);
    const { logits, labels } = drawRows(600, -1, 0, 'reversed');
    expect(calibrationHelps({ logits, labels, weights: null, folds: folds(600) })).toMatchObject({
      helps: false,
      after: null,
    });
  });

  it('checks each row with the fit on the training rows of its fold', () => {
    const { logits, labels } = drawRows(900, 2, 0.5, 'own');
    const all = folds(900);
    const probabilities = new Float64Array(900);
    for (const { train, test } of all) {
      const { slope, intercept } = fitPlatt(
        Array.from(train, (row) => logits[row]!),
        Array.from(train, (row) => labels[row]!),
        null,
      )!;
      for (const row of test) probabilities[row] = sigmoid(slope * logits[row]! + intercept);
    }
    const { before, after } = calibrationHelps({ logits, labels, weights: null, folds: all });
    expect(before).toBeCloseTo(logLoss(logits.map(sigmoid), labels), 12);
    expect(after).toBeCloseTo(logLoss(probabilities, labels), 12);
  });

  it('has no verdict without folds', () => {
    const { logits, labels } = drawRows(20, 2, 0, 'no folds');
    expect(calibrationHelps({ logits, labels, weights: null, folds: [] })).toMatchObject({ helps: false, after: null });
  });

  it('learns nothing from rows that no fold has scored', () => {
    const { logits, labels } = drawRows(900, 2, 0.5, 'unscored');
    const some = folds(900).slice(1, 3);
    const scored = new Set(some.flatMap(({ test }) => [...test]));
    const wild = logits.map((logit, row) => (scored.has(row) ? logit : NaN));
    const verdict = calibrationHelps({ logits: wild, labels, weights: null, folds: some });
    expect(verdict.after).not.toBeNull();
    expect(calibrationHelps({ logits, labels, weights: null, folds: some })).toEqual(verdict);
  });

  it('leaves rows of weight 0 out of both', () => {
    const { logits, labels } = drawRows(800, 2, 0, 'weights');
    const weights = labels.map((_, row) => (row % 3 === 0 ? 0 : 1));
    const turned = labels.map((label, row) => (weights[row] === 0 ? 1 - label : label));
    expect(calibrationHelps({ logits, labels: turned, weights, folds: folds(800) })).toEqual(
      calibrationHelps({ logits, labels, weights, folds: folds(800) }),
    );
  });
});
