import { describe, expect, it } from 'vitest';
import { createRng } from '../../../../shared/rng.ts';
import { DELIVERED_BIAS_LIMITS, PREDICTION_BIAS_LIMITS } from './gates/bias_limits.fixture.ts';
import type { BiasLimits } from './gates/bias_limits.ts';
import { directionBias, type DirectionAnswers, type DirectionBias } from './direction_bias.ts';

const judged = (answers: DirectionAnswers, limits: BiasLimits = PREDICTION_BIAS_LIMITS): DirectionBias =>
  directionBias(answers, limits);

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
    const bias = judged(answers);
    expect(bias.overall_balance).toBeCloseTo((0.75 + 0.25 + 0.8 + 0.625) / 4, 12);
    expect([bias.prediction_min, bias.prediction_max]).toEqual([0.25, 0.8]);
    expect(bias.buy_sell_ratio).toBe(0.75);
    expect(bias.bull_market_buy_ratio).toBe(0.5);
    expect(bias.bear_market_sell_ratio).toBe(0);
    expect(bias.overall.base_rate).toBeCloseTo(2 / 3, 12);
    expect(bias.hours.map(({ calls }) => calls).slice(0, 4)).toEqual([1, 2, 1, 0]);
    expect(bias.hours[3]).toEqual({ calls: 0, buy_ratio: null, base_rate: null });
    const lean = [0.4, -0.4, 0.3, 0.2];
    const mean = 0.125;
    const std = Math.sqrt(lean.reduce((sum, own) => sum + (own - mean) ** 2, 0) / 3);
    expect(bias.distribution_std).toBeCloseTo(std, 12);
  });

  it('counts equal probabilities as no call of either side, so that a model of one half is on none', () => {
    const half = new Float64Array(400).fill(0.4);
    const answers = { ...answersOf(400, () => 1, 0.5), up: half, down: half };
    const bias = judged(answers, DELIVERED_BIAS_LIMITS);
    expect([bias.overall.calls, bias.buy_sell_ratio, bias.bull_market_buy_ratio, bias.biased]).toEqual([
      0,
      null,
      null,
      [],
    ]);
    const few = { ...answers, up: half.map((own, row) => own + (row % 4 === 0 ? 0.1 : 0)) };
    expect(judged(few, DELIVERED_BIAS_LIMITS).overall).toMatchObject({ calls: 100, buy_ratio: 1 });
  });

  it('passes a calibrated model, also when nearly all of its calls are on one side', () => {
    // It always answers the base rate of 0.52: all calls are up.
    const answers = answersOf(8000, () => 1, 0.52);
    const share = 0.52;
    const constant = {
      ...answers,
      up: Float64Array.from(answers.up, () => share),
      down: Float64Array.from(answers.up, () => 1 - share),
    };
    const bias = judged(constant);
    expect(bias.biased).toEqual([]);
    // By the literal limits of calls it is refused.
    expect(judged(constant, DELIVERED_BIAS_LIMITS).biased).toEqual([
      'buy ratio',
      'buy ratio by hour',
      'bull market',
      'bear market',
    ]);
    expect(bias.outcome.predicted).toBeCloseTo(share, 12);
    expect(bias.outcome.observed).toBeCloseTo(0.52, 1);
  });

  it('rarely refuses a calibrated model whose labels overlap', () => {
    let refused = 0;
    for (let seed = 0; seed < 200; seed++) {
      const rng = createRng(`calibrated ${seed}`);
      const rows = 2400;
      const up = new Float64Array(rows);
      const outcome = new Float64Array(rows);
      let probability = 0.5;
      let went = 1;
      for (let row = 0; row < rows; row++) {
        // Predictions and outcomes change every 24 rows.
        if (row % 24 === 0) {
          probability = 0.35 + 0.3 * rng.uniform();
          went = rng.uniform() < probability ? 1 : 0;
        }
        up[row] = probability;
        outcome[row] = went;
      }
      const time = up.map((_, row) => row * 3600);
      const down = up.map((own) => 1 - own);
      if (judged({ time, up, down, regime: up, outcome, overlap: 24 }).biased.length > 0) refused++;
    }
    expect(refused).toBeLessThanOrEqual(5);
  });

  it('refuses the model of a bull market, even while the market bears it out', () => {
    const bull = (ups: number): readonly string[] => {
      const answers = answersOf(3000, () => 1, ups);
      return judged({
        ...answers,
        up: new Float64Array(3000).fill(0.75),
        down: new Float64Array(3000).fill(0.25),
      }).biased;
    };
    expect(bull(0.75)).toEqual(['prediction mean']);
    expect(bull(0.5)).toEqual(['prediction mean', 'outcome']);
  });

  it('refuses a mean prediction that is far from the outcomes beyond chance', () => {
    const answers = answersOf(3000, () => 1, 0.7);
    const even = { ...answers, up: new Float64Array(3000).fill(0.45), down: new Float64Array(3000).fill(0.55) };
    expect(judged(even).biased).toEqual(['outcome']);
    // The same rows are worth ten independent ones.
    expect(judged({ ...even, overlap: 240 }).biased).toEqual([]);
  });

  it('refuses predictions below 0.1 or above 0.9, and none at the limits', () => {
    const balanced = (lowest: number, highest: number): readonly string[] => {
      const answers = answersOf(2000, () => 0.5, 0.5);
      const up = Float64Array.from(answers.up, (_, row) => (row === 0 ? lowest : row === 1 ? highest : 0.5));
      return judged({ ...answers, up, down: up.map((own) => 1 - own) }).biased;
    };
    expect(balanced(0.1, 0.9)).toEqual([]);
    expect(balanced(0.09, 0.9)).toEqual(['prediction minimum']);
    expect(balanced(0.1, 0.91)).toEqual(['prediction maximum']);
  });

  it('refuses the model of a bull market by its calls, passes a balanced one, and follows the policy', () => {
    // Calls follow the market: 65 % up where it rises, 35 % where it falls.
    const following = (row: number): number => [0.35, 0.5, 0.65][row % 3]!;
    const balanced = answersOf(24 * 400, following, 0.5);
    expect(judged(balanced, DELIVERED_BIAS_LIMITS).biased).toEqual([]);
    const bullish = answersOf(24 * 400, () => 0.9, 0.5);
    const found = judged(bullish, DELIVERED_BIAS_LIMITS).biased;
    expect(found).toEqual(expect.arrayContaining(['buy ratio', 'buy ratio by hour', 'bull market', 'bear market']));
    const { bull_market_buy_ratio, bear_market_sell_ratio } = judged(balanced);
    expect(bull_market_buy_ratio).toBeCloseTo(0.65, 1);
    expect(bear_market_sell_ratio).toBeCloseTo(0.65, 1);
    for (const [limits, name] of [
      [{ prediction: [0.3, 0.7] }, 'prediction minimum'],
      [{ mean: [0.55, 0.6] }, 'prediction mean'],
      [{ buyRatio: [0.55, 0.6] }, 'buy ratio'],
      [{ hourBuyRatio: [0.55, 0.6] }, 'buy ratio by hour'],
      [{ bullBuyRatio: [0.3, 0.6] }, 'bull market'],
      [{ bearSellRatio: [0.3, 0.6] }, 'bear market'],
      [{ variance24h: 0.01 }, 'variance 24 hours'],
    ] as const)
      expect(judged(balanced, { ...DELIVERED_BIAS_LIMITS, ...limits }).biased, name).toContain(name);
    const loose = Object.fromEntries(Object.keys(DELIVERED_BIAS_LIMITS).map((name) => [name, null]));
    expect(judged(bullish, loose as unknown as BiasLimits).biased).toEqual(['outcome']);
  });

  it('refuses one hour whose calls are on one side', () => {
    const answers = answersOf(24 * 200, (row) => (row % 24 === 7 ? 0.98 : 0.5), 0.5);
    expect(judged(answers, DELIVERED_BIAS_LIMITS).biased).toEqual(['buy ratio by hour']);
  });

  it('judges an hour from twenty calls on, and the most restless of the days', () => {
    // Each hour has a call a day; those of hour 7 are all up.
    const daily = (days: number): readonly string[] => {
      const answers = answersOf(24 * days, (row) => (row % 24 === 7 ? 1 : Math.floor(row / 24) % 2), 0.5);
      return judged(answers, DELIVERED_BIAS_LIMITS).biased.filter((name) => name === 'buy ratio by hour');
    };
    expect([daily(20).length, daily(19).length]).toEqual([1, 0]);
    const quiet = answersOf(24 * 40, () => 0.5, 0.5);
    const isSwinging = (row: number): boolean => Math.floor(row / 24) === 11;
    const lean = Float64Array.from(quiet.up, (_, row) => (isSwinging(row) ? 0.45 * (-1) ** row : 0.1));
    const swung = { ...quiet, up: lean.map((own) => 0.5 + own / 2), down: lean.map((own) => 0.5 - own / 2) };
    expect(judged(swung).largest_variance_24h).toBeCloseTo(0.45 ** 2 * (24 / 23), 6);
    expect(judged(swung).biased).toContain('variance 24 hours');
  });

  it('refuses a day on which predictions swing beyond 0.15', () => {
    const swinging = (size: number): readonly string[] => {
      const answers = answersOf(24 * 40, () => 0.5, 0.5);
      const lean = Float64Array.from(answers.up, (_, row) => (row % 2 === 0 ? size : -size));
      return judged({
        ...answers,
        up: lean.map((own) => 0.5 + own / 2),
        down: lean.map((own) => 0.5 - own / 2),
      }).biased;
    };
    expect(swinging(0.45)).toContain('variance 24 hours');
    expect(swinging(0.3)).not.toContain('variance 24 hours');
  });

  it('applies no limit to few calls', () => {
    expect(
      judged(
        answersOf(8, () => 1, 0.5),
        DELIVERED_BIAS_LIMITS,
      ).biased,
    ).toEqual([]);
  });

  it('has no figures without answers, and finds a frozen model', () => {
    const none = judged({ time: [], up: [], down: [], regime: [], outcome: [], overlap: 1 });
    expect(none).toMatchObject({
      overall_balance: null,
      buy_sell_ratio: null,
      distribution_std: null,
      biased: [],
    });
    expect(none.largest_variance_24h).toBeNull();
    const frozen = judged({
      ...answersOf(100, () => 1, 0.5),
      up: new Float64Array(100).fill(0.4),
      down: new Float64Array(100).fill(0.3),
    });
    expect(frozen.distribution_std).toBeCloseTo(0, 12);
  });
});
