import { describe, expect, it } from 'vitest';
import { createRng } from '../../../shared/rng.ts';
import { classAdvantageOf, type PairedClasses } from '../../jobs/comparison/class_advantage.ts';
import { advantageOf } from '../../jobs/comparison/advantage.ts';
import { PairedScores } from './paired_scores.ts';

const RIGHT = [0.7, 0.2, 0.1];
const EVEN = [0.4, 0.3, 0.3];

describe('the advantage of a challenger that scores classes', () => {
  it('is the difference of both losses on the class that came', () => {
    const { labels, logLossSum, brierSum } = classAdvantageOf([{ champion: EVEN, challenger: RIGHT, label: 0 }]);
    expect(labels).toBe(1);
    expect(logLossSum).toBeCloseTo(Math.log(0.7 / 0.4), 9);
    // 0.36 + 0.09 + 0.09, and 0.09 + 0.04 + 0.01.
    expect(brierSum).toBeCloseTo(0.54 - 0.14, 9);
    const worse = classAdvantageOf([{ champion: EVEN, challenger: RIGHT, label: 2 }]);
    expect([worse.logLoss < 0, worse.brier < 0]).toEqual([true, true]);
  });

  it('never exceeds its bound, which is known before the class is, nor 1', () => {
    const rng = createRng('classes');
    const answer = (): number[] => {
      const parts = [rng.uniform(), rng.uniform(), rng.uniform() ** 9];
      const sum = parts.reduce((all, own) => all + own, 0);
      return parts.map((own) => own / sum);
    };
    for (let round = 0; round < 500; round++) {
      const scores = Array.from({ length: 1 + rng.integer(3) }, (): PairedClasses => {
        return { champion: answer(), challenger: answer(), label: rng.integer(3) };
      });
      const { logLoss, brier, logLossBound, brierBound } = classAdvantageOf(scores);
      expect(Math.abs(logLoss)).toBeLessThanOrEqual(logLossBound + 1e-12);
      expect(Math.abs(brier)).toBeLessThanOrEqual(brierBound + 1e-12);
      expect(Math.max(logLossBound, brierBound)).toBeLessThanOrEqual(1);
      const others = scores.map((own) => ({ ...own, label: (own.label + 1) % 3 }));
      const { logLossBound: sameLogLoss, brierBound: sameBrier } = classAdvantageOf(others);
      expect([sameLogLoss, sameBrier]).toEqual([logLossBound, brierBound]);
    }
  });

  it('is that of two classes where a third never comes', () => {
    const pair = { champion: 0.55, challenger: 0.8, label: 1 } as const;
    const classes = { champion: [0.55, 0.45, 0], challenger: [0.8, 0.2, 0], label: 0 };
    const of = classAdvantageOf([classes]);
    const two = advantageOf([pair]);
    expect(of.logLoss).toBeCloseTo(two.logLoss, 12);
    expect(of.logLossSum).toBeCloseTo(two.logLossSum, 12);
    expect(of.brierSum).toBeCloseTo(2 * two.brierSum, 12);
  });

  it('of two equal models is decisive in at most one of 20 markets, and of a better one is', () => {
    const rng = createRng('markets of classes');
    const decisive = (challengerOf: (truth: number[]) => number[]): boolean => {
      const scores = new PairedScores(6);
      for (let bar = 0; bar < 3000; bar++) {
        const truth = rng.uniform() < 0.5 ? [0.8, 0.1, 0.1] : [0.1, 0.8, 0.1];
        const draw = rng.uniform();
        const label = draw < truth[0]! ? 0 : draw < truth[0]! + truth[1]! ? 1 : 2;
        const champion = rng.uniform() < 0.5 ? EVEN : [0.3, 0.4, 0.3];
        scores.addAdvantage(bar % 6, classAdvantageOf([{ champion, challenger: challengerOf(truth), label }]));
        if (scores.benefit >= 20) return true;
      }
      return false;
    };
    const equal = (): number[] => (rng.uniform() < 0.5 ? EVEN : [0.3, 0.4, 0.3]);
    expect(Array.from({ length: 20 }, () => decisive(equal)).filter(Boolean).length).toBeLessThanOrEqual(1);
    expect(decisive((truth) => truth)).toBe(true);
  });
});
