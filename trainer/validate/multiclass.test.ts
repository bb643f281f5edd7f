import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { confusion, confusionMetrics } from './confusion.ts';
import { logLoss } from './metrics.ts';
import { likeliestClasses, multiclassConfusion, multiclassLogLoss, multiclassMetrics } from './multiclass.ts';

const CLASSES = 3;
const row = fc
  .record({
    raw: fc.tuple(...Array.from({ length: CLASSES }, () => fc.integer({ min: 0, max: 4 }))),
    label: fc.integer({ min: 0, max: CLASSES - 1 }),
    copies: fc.integer({ min: 0, max: 2 }),
  })
  .map(({ raw, label, copies }) => {
    const sum = raw.reduce((a, b) => a + b, 0);
    return { p: raw.map((value) => (sum === 0 ? 1 / CLASSES : value / sum)), label, copies };
  });

describe('multiclassMetrics', () => {
  it('match their definitions, a row of weight n counting n times', () => {
    fc.assert(
      fc.property(fc.array(row, { minLength: 1, maxLength: 40 }), (rows) => {
        const answers = {
          classes: CLASSES,
          probabilities: rows.flatMap(({ p }) => p),
          labels: rows.map(({ label }) => label),
          weights: rows.map(({ copies }) => copies),
        };
        const all = rows.flatMap((r) => new Array(r.copies).fill(r) as (typeof rows)[number][]);
        const found = multiclassMetrics(answers);
        expect(found.rows).toBe(rows.length);
        if (all.length === 0) {
          expect(found).toMatchObject({ log_loss: null, accuracy: null, balanced_accuracy: null, macro_f1: null });
          return;
        }
        const called = (r: (typeof rows)[number]): number => r.p.indexOf(Math.max(...r.p));
        const mean = (list: number[]): number => list.reduce((a, b) => a + b, 0) / list.length;
        expect(found.accuracy).toBeCloseTo(mean(all.map((r) => (called(r) === r.label ? 1 : 0))), 12);
        const losses = all.map((r) => -Math.log(Math.min(Math.max(r.p[r.label]!, 1e-15), 1 - 1e-15)));
        expect(found.log_loss).toBeCloseTo(mean(losses), 10);
        const seen = [0, 1, 2].filter((k) => all.some((r) => r.label === k));
        const recalls = seen.map((k) => mean(all.filter((r) => r.label === k).map((r) => (called(r) === k ? 1 : 0))));
        expect(found.balanced_accuracy).toBeCloseTo(mean(recalls), 12);
        const f1s = seen.map((k) => {
          const one = confusion(
            all.map((r) => (called(r) === k ? 1 : 0)),
            all.map((r) => (r.label === k ? 1 : 0)),
          );
          return confusionMetrics(one).f1!;
        });
        expect(found.macro_f1).toBeCloseTo(mean(f1s), 12);
        for (let i = 0; i < CLASSES; i++)
          for (let k = 0; k < CLASSES; k++)
            expect(found.confusion[i]![k]).toBe(all.filter((r) => r.label === i && called(r) === k).length);
      }),
      { numRuns: 300 },
    );
  });

  it('is the log loss of two classes when there are two', () => {
    const p = [0.9, 0.2, 0.5];
    const labels = [1, 0, 1];
    const probabilities = p.flatMap((value) => [1 - value, value]);
    expect(multiclassLogLoss({ classes: 2, probabilities, labels })).toBeCloseTo(logLoss(p, labels), 14);
  });

  it('never give a certain answer a loss of 0', () => {
    const loss = multiclassLogLoss({ classes: 2, probabilities: [1, 0], labels: [0] });
    expect(loss).toBeGreaterThan(0);
    expect(loss).toBeLessThan(1e-14);
  });

  it('count each row once without weights', () => {
    const answers = { classes: 2, probabilities: [0.9, 0.1, 0.3, 0.7, 0, 1], labels: [0, 0, 0] };
    expect(multiclassMetrics(answers)).toMatchObject({
      rows: 3,
      accuracy: 1 / 3,
      confusion: [
        [1, 2],
        [0, 0],
      ],
    });
    expect(multiclassLogLoss(answers)).toBeCloseTo(-(Math.log(0.9) + Math.log(0.3) + Math.log(1e-15)) / 3, 9);
    expect(multiclassMetrics({ ...answers, weights: [0, 0, 0] }).confusion).toEqual([
      [0, 0],
      [0, 0],
    ]);
  });

  it('calls the lowest class of equals', () => {
    expect([...likeliestClasses([0.4, 0.4, 0.2, 0, 0.5, 0.5], 3)]).toEqual([0, 1]);
  });

  it('refuses labels that are no class, shapes that do not match and answers that are not numbers', () => {
    expect(() => multiclassConfusion({ classes: 2, probabilities: [1, 0], labels: [2] })).toThrow(/label 2/);
    expect(() => multiclassConfusion({ classes: 2, probabilities: [1, 0], labels: [0.5] })).toThrow(/label 0\.5/);
    expect(() => multiclassConfusion({ classes: 2, probabilities: [1], labels: [0] })).toThrow(/1 probabilities/);
    expect(() => multiclassConfusion({ classes: 2, probabilities: [NaN, 1], labels: [0] })).toThrow(/NaN/);
    expect(() => multiclassLogLoss({ classes: 1, probabilities: [1], labels: [0], weights: [] })).toThrow(
      '0 weights for 1 rows',
    );
    expect(() => multiclassLogLoss({ classes: 2, probabilities: [1], labels: [0] })).toThrow(
      '1 probabilities for 1 rows of 2 classes',
    );
    for (const label of [-1, 2])
      expect(() => multiclassConfusion({ classes: 2, probabilities: [1, 0], labels: [label] })).toThrow(
        `label ${label} of row 0 is not a class in 0…1`,
      );
    expect(() => likeliestClasses([0, 1, 0, NaN], 2)).toThrow('probability 1 of row 1 is NaN');
  });
});
