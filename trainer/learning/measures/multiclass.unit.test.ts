import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { logLoss } from './metrics.ts';
import { likeliestClasses, multiclassLogLoss } from './multiclass.ts';

const CLASSES = 3;
const row = fc
  .record({
    raw: fc.tuple(...Array.from({ length: CLASSES }, () => fc.integer({ min: 0, max: 4 }))),
    label: fc.integer({ min: 0, max: CLASSES - 1 }),
  })
  .map(({ raw, label }) => {
    const sum = raw.reduce((a, b) => a + b, 0);
    return { p: raw.map((value) => (sum === 0 ? 1 / CLASSES : value / sum)), label };
  });

describe('multiclass answers', () => {
  it('have the mean loss and the likeliest classes of their rows', () => {
    fc.assert(
      fc.property(fc.array(row, { minLength: 1, maxLength: 40 }), (rows) => {
        const probabilities = rows.flatMap(({ p }) => p);
        const losses = rows.map(({ p, label }) => -Math.log(Math.min(Math.max(p[label]!, 1e-15), 1 - 1e-15)));
        const loss = multiclassLogLoss({ classes: CLASSES, probabilities, labels: rows.map(({ label }) => label) });
        expect(loss).toBeCloseTo(losses.reduce((a, b) => a + b, 0) / rows.length, 10);
        const likeliest = rows.map(({ p }) => p.indexOf(Math.max(...p)));
        expect([...likeliestClasses(probabilities, CLASSES)]).toEqual(likeliest);
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

  it('chooses the lowest class of equals', () => {
    expect([...likeliestClasses([0.4, 0.4, 0.2, 0, 0.5, 0.5], 3)]).toEqual([0, 1]);
  });

  it('are refused with unknown classes, mismatched shapes and probabilities that are not numbers', () => {
    for (const label of [-1, 0.5, 2])
      expect(() => multiclassLogLoss({ classes: 2, probabilities: [1, 0], labels: [label] })).toThrow(
        `label ${label} of row 0 is not a class in 0…1`,
      );
    expect(() => multiclassLogLoss({ classes: 2, probabilities: [1], labels: [0] })).toThrow(
      '1 probabilities for 1 rows of 2 classes',
    );
    expect(() => likeliestClasses([0, 1, 0, NaN], 2)).toThrow('probability 1 of row 1 is NaN');
  });
});
