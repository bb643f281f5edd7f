import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { createRng } from '../../../../shared/rng.ts';
import { voteWeights } from '../vote/vote_weights.ts';
import type { AnsweredRows } from './answered_rows.ts';
import { fitConditionalLogit } from './conditional_logit.ts';
import { greedyWeights } from './greedy_weights.ts';
import { logisticMeta } from './stacking.ts';

const CLASSES = 3;
const ROWS = 800;

/** Probabilities of a row: `sharpness` 0 says nothing, more of it the label more surely. */
function answersOf(seed: string, labels: ArrayLike<number>, sharpness: number, classes = CLASSES): Float64Array {
  const rng = createRng(seed);
  const answers = new Float64Array(labels.length * classes);
  for (let row = 0; row < labels.length; row++) {
    const own = Array.from({ length: classes }, (_, k) => Math.exp(rng.normal() + (labels[row] === k ? sharpness : 0)));
    const sum = own.reduce((all, e) => all + e, 0);
    own.forEach((e, k) => (answers[row * classes + k] = e / sum));
  }
  return answers;
}

const rng = createRng('labels');
const labels = Float64Array.from({ length: ROWS }, () => rng.integer(CLASSES));
const weights = Float64Array.from({ length: ROWS }, () => 0.5 + rng.uniform());
const three: AnsweredRows = {
  width: CLASSES,
  answers: [answersOf('a', labels, 0), answersOf('b', labels, 2), answersOf('c', labels, 1)],
  labels,
  weights,
};

/** Rows whose class k is called `order` of k. */
function renamed({ answers, labels: own, ...others }: AnsweredRows, order: readonly number[]): AnsweredRows {
  return {
    ...others,
    answers: answers.map((of) => {
      const to = new Float64Array(of.length);
      of.forEach((p, at) => (to[Math.floor(at / CLASSES) * CLASSES + order[at % CLASSES]!] = p));
      return to;
    }),
    labels: own.map((label) => order[label]!),
  };
}

/** Mean log loss and ridge, by its definition, of standardized values. */
function penalizedLoss(
  values: readonly Float64Array[],
  of: ArrayLike<number>,
  coefficients: readonly number[],
): number {
  const members = values.length;
  let loss = 0;
  let total = 0;
  for (let row = 0; row < ROWS; row++) {
    const e = Array.from({ length: CLASSES }, (_, k) =>
      Math.exp(
        values.reduce((sum, own, i) => sum + coefficients[i]! * own[row * CLASSES + k]!, coefficients[members + k]!),
      ),
    );
    loss -= weights[row]! * Math.log(e[of[row]!]! / e.reduce((sum, own) => sum + own, 0));
    total += weights[row]!;
  }
  const ridge = coefficients.reduce((sum, own, i) => sum + (i < members ? 1e-4 : 1e-6) * own ** 2, 0) / 2;
  return loss / total + ridge;
}

describe('a conditional logit', () => {
  it('has the lowest loss: no coefficient and no intercept can move', () => {
    const values = three.answers.map((own) => own.map(Math.log));
    const { weights: found, intercept } = fitConditionalLogit({ ...three, values, classes: CLASSES });
    // As it standardizes: around the mean of each class, by the deviation over all of them.
    const total = weights.reduce((sum, own) => sum + own, 0);
    const means = values.map((own) =>
      Array.from({ length: CLASSES }, (_, k) =>
        weights.reduce((sum, weight, row) => sum + (weight * own[row * CLASSES + k]!) / total, 0),
      ),
    );
    const deviations = values.map((own, i) =>
      Math.sqrt(
        own.reduce(
          (sum, value, at) => sum + weights[Math.floor(at / CLASSES)]! * (value - means[i]![at % CLASSES]!) ** 2,
          0,
        ) /
          (CLASSES * total),
      ),
    );
    const standardized = values.map((own, i) =>
      own.map((value, at) => (value - means[i]![at % CLASSES]!) / deviations[i]!),
    );
    const best = [
      ...Array.from(found, (weight, i) => weight * deviations[i]!),
      ...intercept.map((own, k) => own + found.reduce((sum, weight, i) => sum + weight * means[i]![k]!, 0)),
    ];
    const least = penalizedLoss(standardized, labels, best);
    for (let i = 0; i < best.length; i++)
      for (const by of [-0.01, 0.01]) {
        const moved = best.map((own, j) => (i === j ? own + by : own));
        expect(penalizedLoss(standardized, labels, moved)).toBeGreaterThan(least);
      }
  });

  it('finds the coefficients that made the labels', () => {
    const many = 20_000;
    const random = createRng('made');
    const values = [1, 2].map(() => Float64Array.from({ length: many * CLASSES }, () => random.normal()));
    const made = Float64Array.from({ length: many }, (_, row) => {
      const e = [0, 1, 2].map((k) =>
        Math.exp(1.5 * values[0]![row * CLASSES + k]! - 0.5 * values[1]![row * CLASSES + k]! + [0.7, 0, -0.7][k]!),
      );
      const at = random.uniform() * (e[0]! + e[1]! + e[2]!);
      return at < e[0]! ? 0 : at < e[0]! + e[1]! ? 1 : 2;
    });
    const fit = fitConditionalLogit({ classes: CLASSES, values, labels: made, weights: made.map(() => 1) });
    expect(fit.weights[0]).toBeCloseTo(1.5, 1);
    expect(fit.weights[1]).toBeCloseTo(-0.5, 1);
    expect(fit.intercept[0]! - fit.intercept[1]!).toBeCloseTo(0.7, 1);
    expect(fit.intercept[1]! - fit.intercept[2]!).toBeCloseTo(0.7, 1);
  });

  it('of two classes is a logistic regression on their logit', () => {
    const two = labels.map((label) => (label === 2 ? 1 : label));
    const p = [answersOf('x', two, 1, 2), answersOf('y', two, 0.3, 2)];
    const rowsOf = { labels: two, weights };
    const ofClasses = logisticMeta({ ...rowsOf, width: 2, answers: p }, false);
    const second = p.map((own) => own.filter((_, at) => at % 2 === 1));
    const binary = logisticMeta({ ...rowsOf, width: 1, answers: second }, false);
    binary.weights.forEach((weight, i) => expect(ofClasses.weights[i]).toBeCloseTo(weight, 2));
    expect(ofClasses.intercept![1]! - ofClasses.intercept![0]!).toBeCloseTo(binary.intercept![0]!, 2);
  });

  it('takes a class without rows, a member that says always the same, and rows without weight', () => {
    const without = { ...three, labels: labels.map((label) => (label === 1 ? 0 : label)) };
    const flat = { ...without, answers: [...without.answers, new Float64Array(ROWS * CLASSES).fill(1 / 3)] };
    const { weights: found, intercept } = logisticMeta(flat, false);
    expect(found[3]).toBe(0);
    expect([...found, ...intercept!].every(Number.isFinite)).toBe(true);
    expect(intercept![1]).toBeLessThan(intercept![0]! - 5);
    const half = { ...three, weights: weights.map((own, row) => (row % 2 === 0 ? own : 0)) };
    const kept = [...labels.keys()].filter((row) => row % 2 === 0);
    const alone = {
      width: CLASSES,
      answers: three.answers.map((own) =>
        Float64Array.from(kept.flatMap((row) => [...own.subarray(3 * row, 3 * row + 3)])),
      ),
      labels: Float64Array.from(kept, (row) => labels[row]!),
      weights: Float64Array.from(kept, (row) => weights[row]!),
    };
    const one = logisticMeta(half, true);
    const other = logisticMeta(alone, true);
    one.weights.forEach((weight, i) => expect(weight).toBeCloseTo(other.weights[i]!, 9));
    expect(() => logisticMeta({ ...three, weights: weights.map(() => 0) }, true)).toThrow(
      expect.objectContaining({ code: 'DATA_TOO_SHORT' }) as Error,
    );
  });

  it('survives answers of 0 and 1', () => {
    const answers = new Float64Array(ROWS * CLASSES);
    labels.forEach((label, row) => (answers[row * CLASSES + label] = 1));
    const { weights: found, intercept } = logisticMeta({ ...three, answers: [answers] }, false);
    expect(found[0]).toBeGreaterThan(0);
    expect(intercept!.every(Number.isFinite)).toBe(true);
  });
});

describe('weights of members of classes', () => {
  it.each([true, false])(
    'go halfway from equal ones to the greedily best mean (of probabilities: %s)',
    (probabilities) => {
      const found = greedyWeights(three, probabilities);
      expect(found.reduce((sum, weight) => sum + weight, 0)).toBeCloseTo(1, 12);
      expect(found[1]).toBeGreaterThan(found[2]!);
      // The one that says nothing is not drawn.
      expect(found[0]).toBeCloseTo(1 / 6, 12);
      const ofEarly = { ...three, weights: weights.map((_, row) => (row < 400 ? 1 : 0)) };
      const rightEarly = answersOf(
        'early',
        labels.map((label, row) => (row < 400 ? label : (label + 1) % 3)),
        3,
      );
      const rightLate = answersOf(
        'late',
        labels.map((label, row) => (row < 400 ? (label + 1) % 3 : label)),
        3,
      );
      expect(greedyWeights({ ...ofEarly, answers: [rightEarly, rightLate] }, probabilities)[0]).toBe(0.75);
    },
  );

  it('do not depend on which class is called 0', () => {
    fc.assert(
      fc.property(fc.constantFrom([1, 2, 0], [0, 2, 1], [2, 1, 0]), fc.boolean(), (order, probabilities) => {
        const other = renamed(three, order);
        const close = (found: ArrayLike<number>, expected: ArrayLike<number>): void =>
          Array.from(expected).forEach((own, i) => expect(found[i]).toBeCloseTo(own, 9));
        close(voteWeights(other), voteWeights(three));
        close(greedyWeights(other, probabilities), greedyWeights(three, probabilities));
        const one = logisticMeta(three, probabilities);
        const turned = logisticMeta(other, probabilities);
        close(turned.weights, one.weights);
        order.forEach((to, k) => expect(turned.intercept![to]).toBeCloseTo(one.intercept![k]!, 7));
      }),
    );
  });

  it('of a vote on two classes are those of a vote on one probability', () => {
    const two = labels.map((label) => (label === 2 ? 1 : label));
    const p = [answersOf('x', two, 1, 2), answersOf('y', two, 0.3, 2)];
    const second = p.map((own) => own.filter((_, at) => at % 2 === 1));
    const common = { labels: two, weights };
    const binary = voteWeights({ ...common, width: 1, answers: second });
    voteWeights({ ...common, width: 2, answers: p }).forEach((own, i) => expect(own).toBeCloseTo(binary[i]!, 9));
  });

  it('of a vote are the equal ones without a row of weight', () => {
    expect([...voteWeights({ ...three, weights: weights.map(() => 0) })]).toEqual([1 / 3, 1 / 3, 1 / 3]);
  });
});
