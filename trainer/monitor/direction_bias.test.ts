import { describe, expect, it } from 'vitest';
import { createRng } from '../../shared/rng.ts';
import { directionBias, type DirectionAnswers } from './direction_bias.ts';

/** Hourly answers; `buys` is the chance that a call is up, `ups` that the market went up. */
function answersOf(rows: number, buys: (row: number) => number, ups: number, seed = 'bias'): DirectionAnswers {
  const rng = createRng(seed);
  const up = Float64Array.from({ length: rows }, (_, row) => (rng.uniform() < buys(row) ? 0.5 : 0.2));
  return {
    time: Float64Array.from({ length: rows }, (_, row) => row * 3600),
    up,
    down: up.map((own) => 0.7 - own),
    regime: Float64Array.from({ length: rows }, (_, row) => (row % 3) - 1),
    outcome: Float64Array.from({ length: rows }, () => (rng.uniform() < 0.2 ? -1 : rng.uniform() < ups ? 1 : 0)),
    overlap: 1,
  };
}

describe('directionBias', () => {
  it('states the published figures from their definitions', () => {
    const answers: DirectionAnswers = {
      time: [0, 3600, 7200, 90_000],
      up: [0.6, 0.2, 0.4, 0.5],
      down: [0.2, 0.6, 0.1, 0.3],
      regime: [1, 1, -1, 0],
      outcome: [1, 0, -1, 1],
      overlap: 1,
    };
    const bias = directionBias(answers);
    expect(bias.overall_balance).toBeCloseTo((0.75 + 0.25 + 0.8 + 0.625) / 4, 12);
    expect([bias.prediction_min, bias.prediction_max]).toEqual([0.25, 0.8]);
    expect(bias.buy_sell_ratio).toBe(0.75);
    expect(bias.bull_market_buy_ratio).toBe(0.5);
    expect(bias.bear_market_sell_ratio).toBe(0);
    expect(bias.overall.base_rate).toBeCloseTo(2 / 3, 12);
    expect(bias.hours.map(({ calls }) => calls).slice(0, 4)).toEqual([1, 2, 1, 0]);
    expect(bias.hours[3]).toEqual({ calls: 0, buy_ratio: null, base_rate: null, p_value: null });
    const lean = [0.4, -0.4, 0.3, 0.2];
    const mean = 0.125;
    const std = Math.sqrt(lean.reduce((sum, own) => sum + (own - mean) ** 2, 0) / 3);
    expect(bias.distribution_std).toBeCloseTo(std, 12);
  });

  it('reports a model that buys far more often than the market rises, in all or in one hour', () => {
    expect(directionBias(answersOf(3000, () => 0.85, 0.5)).biased).toEqual(
      expect.arrayContaining(['overall', 'bull', 'bear']),
    );
    const atSeven = directionBias(answersOf(24 * 200, (row) => (row % 24 === 7 ? 0.98 : 0.5), 0.5));
    expect(atSeven.biased).toEqual(['hour 7']);
  });

  it('does not report a buy ratio outside the limits that the market earns', () => {
    expect(directionBias(answersOf(3000, () => 0.8, 0.8)).biased).toEqual([]);
  });

  it('reports predictions beyond their limits, unless the market bears them out', () => {
    const predicted = (share: number, ups: number): readonly string[] =>
      directionBias({
        ...answersOf(2000, () => 1, ups),
        ...{ up: new Float64Array(2000).fill(share), down: new Float64Array(2000).fill(1 - share) },
      }).biased;
    expect(predicted(0.98, 0.5)).toEqual(expect.arrayContaining(['prediction mean', 'prediction maximum']));
    expect(predicted(0.98, 0.98).filter((name) => name.startsWith('prediction'))).toEqual([]);
    expect(predicted(0.02, 0.5)).toEqual(expect.arrayContaining(['prediction mean', 'prediction minimum']));
    expect(predicted(0.75, 0.5)).toContain('prediction mean');
  });

  it('reports a day on which predictions swing beyond 0.15, unless it may be chance', () => {
    const swinging = (size: number, overlap: number): readonly string[] => {
      const answers = answersOf(24 * 40, () => 0.5, 0.5);
      const up = answers.outcome as Float64Array;
      const lean = Float64Array.from(up, (_, row) => (row % 2 === 0 ? size : -size));
      return directionBias({
        ...answers,
        overlap,
        up: lean.map((own) => 0.5 + own / 2),
        down: lean.map((own) => 0.5 - own / 2),
      }).biased;
    };
    expect(swinging(0.9, 1)).toContain('variance 24 hours');
    expect(swinging(0.9, 24)).not.toContain('variance 24 hours');
    expect(swinging(0.3, 1)).not.toContain('variance 24 hours');
  });

  it('reports nothing on few rows, and rarely on balanced ones, however labels overlap', () => {
    expect(directionBias(answersOf(8, () => 1, 0.5)).biased).toEqual([]);
    let reports = 0;
    for (let seed = 0; seed < 40; seed++)
      if (directionBias(answersOf(600, () => 0.5, 0.5, `balanced ${seed}`)).biased.length > 0) reports++;
    expect(reports).toBeLessThan(6);
    const overlapping = { ...answersOf(100, () => 0.9, 0.5), overlap: 24 };
    expect(directionBias(overlapping).biased).toEqual([]);
  });

  it('has no figures without answers, and finds a frozen model', () => {
    const none = directionBias({ time: [], up: [], down: [], regime: [], outcome: [], overlap: 1 });
    expect(none).toMatchObject({ overall_balance: null, buy_sell_ratio: null, distribution_std: null, biased: [] });
    expect(none.largest_variance_24h).toBeNull();
    const frozen = directionBias({
      ...answersOf(100, () => 1, 0.5),
      up: new Float64Array(100).fill(0.4),
      down: new Float64Array(100).fill(0.3),
    });
    expect(frozen.distribution_std).toBeCloseTo(0, 12);
  });
});
