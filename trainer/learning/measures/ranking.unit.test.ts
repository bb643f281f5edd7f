import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { auc } from './metrics.ts';
import { aucShares, midRanks } from './ranking.ts';

const rows = fc.array(
  fc.record({ score: fc.integer({ min: 0, max: 6 }), label: fc.boolean(), weight: fc.integer({ min: 1, max: 5 }) }),
  {
    minLength: 2,
    maxLength: 40,
  },
);

describe('midRanks', () => {
  it('are the shares of rows below, and half of those at, each score', () => {
    fc.assert(
      fc.property(rows, (list) => {
        const scores = list.map(({ score }) => score);
        const weights = list.map(({ weight }) => weight);
        const total = weights.reduce((sum, weight) => sum + weight, 0);
        midRanks(scores, weights).forEach((rank, row) => {
          let slow = 0;
          scores.forEach((score, i) => {
            if (score < scores[row]!) slow += weights[i]!;
            if (score === scores[row]!) slow += weights[i]! / 2;
          });
          expect(rank).toBeCloseTo(slow / total, 12);
        });
      }),
    );
  });
});

describe('aucShares', () => {
  it('add up to the AUC less ½, and are null of one class', () => {
    fc.assert(
      fc.property(rows, (list) => {
        const scores = list.map(({ score }) => score);
        const labels = list.map(({ label }) => (label ? 1 : 0));
        const weights = list.map(({ weight }) => weight);
        const shares = aucShares(scores, labels, weights);
        const whole = auc(scores, labels, weights);
        expect(shares === null).toBe(whole === null);
        if (shares !== null) expect(0.5 + shares.reduce((sum, share) => sum + share, 0)).toBeCloseTo(whole!, 12);
      }),
    );
  });
});
