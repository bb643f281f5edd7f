import { describe, expect, it } from 'vitest';
import { createRng } from '../../../shared/rng.ts';
import { deflatedSharpe, expectedMaxSharpe, probabilisticSharpe, sharpeFacts } from './deflated_sharpe_ratio.ts';

describe('sharpeFacts', () => {
  it('matches a computation by hand', () => {
    // Mean 2, squares 1 + 1 + 0 + 0 + 4 + 4 … of (1, 3, 2, 2, 0, 4): d = −1, 1, 0, 0, −2, 2.
    const facts = sharpeFacts([1, 3, 2, 2, 0, 4]);
    expect(facts.returns).toBe(6);
    expect(facts.sharpe).toBeCloseTo(2 / Math.sqrt(10 / 5), 12);
    expect(facts.skewness).toBeCloseTo(0, 12);
    // Fourth powers 1 + 1 + 16 + 16 = 34: (34 / 6) / (10 / 6)².
    expect(facts.kurtosis).toBeCloseTo(34 / 6 / (10 / 6) ** 2, 12);
  });

  it('has a positive skewness for lottery tickets and a negative one for insurers', () => {
    expect(sharpeFacts([-1, -1, -1, 5]).skewness).toBeGreaterThan(1);
    expect(sharpeFacts([1, 1, 1, -5]).skewness).toBeLessThan(-1);
  });

  it('refuses a single return', () => {
    expect(() => sharpeFacts([1])).toThrow(RangeError);
  });
});

describe('probabilisticSharpe', () => {
  // The example of Bailey & López de Prado 2012: 24 monthly returns, an annualized ratio of 1.59.
  const monthly = { returns: 24, sharpe: 0.458 };

  it('is 0.982 in the published example as if returns were normal', () => {
    expect(probabilisticSharpe({ ...monthly, skewness: 0, kurtosis: 3 })).toBeCloseTo(0.982, 3);
  });

  it('is 0.913 in the published example with its skewness −2.448 and kurtosis 10.164', () => {
    expect(probabilisticSharpe({ ...monthly, skewness: -2.448, kurtosis: 10.164 })).toBeCloseTo(0.913, 3);
  });

  it('is ½ at the ratio itself, and falls as the benchmark rises', () => {
    const facts = { ...monthly, skewness: -1, kurtosis: 6 };
    expect(probabilisticSharpe(facts, 0.458)).toBeCloseTo(0.5, 12);
    expect(probabilisticSharpe(facts, 0.3)).toBeGreaterThan(probabilisticSharpe(facts, 0.4));
  });

  it('is above 0.95 for one series of noise in twenty', () => {
    const rng = createRng('noise');
    let high = 0;
    for (let k = 0; k < 2000; k++) {
      if (probabilisticSharpe(sharpeFacts(Array.from({ length: 100 }, () => rng.normal()))) > 0.95) high++;
    }
    expect(high / 2000).toBeGreaterThan(0.035);
    expect(high / 2000).toBeLessThan(0.065);
  });
});

describe('expectedMaxSharpe', () => {
  it('is 0.1132 per day for 100 trials with a variance of ½ a year, as published (2014)', () => {
    expect(expectedMaxSharpe(100, 0.5 / 250)).toBeCloseTo(0.1132, 4);
  });

  it('is near the mean best of so many normal values', () => {
    const rng = createRng('best of 50');
    let sum = 0;
    for (let k = 0; k < 4000; k++) {
      let best = -Infinity;
      for (let i = 0; i < 50; i++) best = Math.max(best, rng.normal());
      sum += best / 4000;
    }
    expect(expectedMaxSharpe(50, 1)).toBeGreaterThan(sum - 0.05);
    expect(expectedMaxSharpe(50, 1)).toBeLessThan(sum + 0.05);
  });

  it('is 0 for a single trial', () => {
    expect(expectedMaxSharpe(1, 1)).toBe(0);
    expect(() => expectedMaxSharpe(0, 1)).toThrow(RangeError);
  });
});

describe('deflatedSharpe', () => {
  // The example of Bailey & López de Prado 2014: five years of days, an annualized ratio of 2.5.
  const facts = { returns: 1250, sharpe: 2.5 / Math.sqrt(250), skewness: -3, kurtosis: 10 };
  /** So many ratios whose variance is ½ a year, per day. */
  const tried = (count: number): number[] => {
    const raw = Array.from({ length: count }, (_, i) => i);
    const mean = (count - 1) / 2;
    const variance = raw.reduce((sum, x) => sum + (x - mean) ** 2, 0) / (count - 1);
    return raw.map((x) => (x - mean) * Math.sqrt(0.5 / 250 / variance));
  };

  it('is 0.9004 after 100 trials, as published', () => {
    expect(deflatedSharpe(facts, tried(100)).deflated).toBeCloseTo(0.9004, 4);
  });

  it('is 0.9505 after 46 trials, and after 88 if returns were normal, as published', () => {
    expect(deflatedSharpe(facts, tried(46)).deflated).toBeCloseTo(0.9505, 4);
    expect(deflatedSharpe({ ...facts, skewness: 0, kurtosis: 3 }, tried(88)).deflated).toBeCloseTo(0.9505, 3);
  });

  it('rejects the best of many series of noise that looks good alone', () => {
    const rng = createRng('many');
    const series = Array.from({ length: 200 }, () => sharpeFacts(Array.from({ length: 250 }, () => rng.normal())));
    const best = series.reduce((a, b) => (b.sharpe > a.sharpe ? b : a));
    const deflated = deflatedSharpe(
      best,
      series.map(({ sharpe }) => sharpe),
    );
    expect(deflated.probabilistic).toBeGreaterThan(0.98);
    expect(deflated.deflated).toBeLessThan(0.8);
    expect(deflated.trials).toBe(200);
  });

  it('counts trials without a ratio, and leaves them out of the variance', () => {
    const some = deflatedSharpe(facts, [...tried(50), ...Array.from({ length: 50 }, () => NaN)]);
    expect(deflatedSharpe(facts, tried(50), 50)).toEqual(some);
    expect(some.trials).toBe(100);
    expect(some.deflated).toBeCloseTo(deflatedSharpe(facts, tried(100)).deflated, 3);
  });

  it('is the probabilistic ratio for a single trial', () => {
    const one = deflatedSharpe(facts, [facts.sharpe]);
    expect(one.deflated).toBe(one.probabilistic);
  });
});
