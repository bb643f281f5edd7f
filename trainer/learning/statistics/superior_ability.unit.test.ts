import { describe, expect, it } from 'vitest';
import { createRng } from '../../../shared/rng.ts';
import { meanRun } from './block_bootstrap.ts';
import { superiorAbility } from './superior_ability.ts';

const OPTIONS = { seed: 'draws', resamples: 400 };

function series(n: number, mean: number, seed: string, memory = 0): Float64Array {
  const rng = createRng(seed);
  let state = 0;
  return Float64Array.from({ length: n }, () => mean + (state = memory * state + rng.normal()));
}

const average = (values: readonly number[]): number => values.reduce((sum, value) => sum + value, 0) / values.length;

/** By the definitions: explicit resamples day by day, variances from circular covariances. */
function oracle(results: readonly (readonly number[])[], { seed, resamples }: typeof OPTIONS) {
  const n = results[0]!.length;
  const jump = 1 / meanRun(n);
  const means = results.map(average);
  const omegas = results.map((own, k) => {
    const covariance = (lag: number): number =>
      average(own.map((value, t) => (value - means[k]!) * (own[(t + lag) % n]! - means[k]!)));
    let variance = covariance(0);
    for (let lag = 1; lag < n; lag++) variance += 2 * (1 - lag / n) * (1 - jump) ** lag * covariance(lag);
    return Math.sqrt(variance);
  });
  const rhos = results.map((own, k) => {
    const of = (lag: number): number =>
      own.reduce((sum, value, t) => (t < lag ? sum : sum + (value - means[k]!) * (own[t - lag]! - means[k]!)), 0);
    const raw = of(1) / of(0);
    return Math.min(0.7, raw + (1 + 3 * raw) / n);
  });
  // Expectation of the same formula for days with each model's first autocorrelation, or with the mean of those of all
  // models where that is higher, as a share of the truth.
  const reductions = rhos.map((own) => {
    const rho = Math.max(0, own, average(rhos));
    let truth = 1;
    for (let lag = 1; lag < n; lag++) truth += 2 * (1 - lag / n) * rho ** lag;
    let expected = 1 - truth / n;
    for (let lag = 1; lag < n; lag++) {
      const circular = (1 - lag / n) * rho ** lag + (lag / n) * rho ** (n - lag);
      expected += 2 * (1 - lag / n) * (1 - jump) ** lag * (circular - truth / n);
    }
    return Math.sqrt(expected / truth);
  });
  const sigmas = results.map((own, k) => Math.sqrt((average(own.map((x) => (x - means[k]!) ** 2)) * n) / (n - 1)));
  const t = means.map((mean, k) => (Math.sqrt(n) * reductions[k]! * mean) / sigmas[k]!);
  const rng = createRng(seed);
  const days = Array.from({ length: resamples }, () => {
    const drawn: number[] = [];
    while (drawn.length < n)
      drawn.push(drawn.length === 0 || rng.uniform() < jump ? rng.integer(n) : (drawn.at(-1)! + 1) % n);
    return drawn;
  });
  const drawnMeans = days.map((own) => results.map((result) => average(own.map((day) => result[day]!))));
  const pOf = (center: (k: number) => number, observed: number): number => {
    const highest = drawnMeans.map((drawn) =>
      Math.max(0, ...drawn.map((mean, k) => (Math.sqrt(n) * (mean - center(k))) / sigmas[k]!)),
    );
    return (1 + highest.filter((value) => value >= observed).length) / (resamples + 1);
  };
  const best = Math.max(0, ...t);
  const consistent = (k: number): number =>
    (Math.sqrt(n) * means[k]!) / omegas[k]! >= -Math.sqrt(2 * Math.log(Math.log(n))) ? means[k]! : 0;
  const white = drawnMeans.map((drawn) => Math.max(0, ...drawn.map((mean, k) => mean - means[k]!)));
  return {
    best: t.indexOf(Math.max(...t)),
    p: pOf(consistent, best),
    pLower: pOf((k) => Math.max(means[k]!, 0), best),
    pUpper: pOf((k) => means[k]!, best),
    pWhite:
      (1 + white.filter((value) => value >= Math.max(0, ...means.map((mean, k) => mean * reductions[k]!))).length) /
      (resamples + 1),
    adjusted: t.map((own) => pOf(consistent, Math.max(0, own))),
  };
}

describe('Hansen’s test for superior predictive ability', () => {
  it('equals a slow computation by the definitions, as White’s reality check does', () => {
    for (const [n, means] of [
      [30, [0.4, -0.2, 0.1, -3]],
      [61, [-0.1, -0.3]],
      [90, [0.1, 0.2, 0, -0.5, 0.3]],
    ] as const) {
      // Rules trade on few days: the second model has no result on two of three.
      const results = means.map((mean, k) =>
        series(n, mean, `${n}/${k}`, 0.3).map((value, day) => (k === 1 && day % 3 > 0 ? 0 : value)),
      );
      const { statistics, adjusted, ...own } = superiorAbility(results, OPTIONS);
      const { adjusted: slow, ...expected } = oracle(
        results.map((result) => [...result]),
        OPTIONS,
      );
      expect(own).toEqual(expected);
      expect([...adjusted]).toEqual(slow);
      expect(statistics).toHaveLength(means.length);
    }
  });

  it('finds one of fifty models that earns half a deviation a day, and no other', () => {
    const results = Array.from({ length: 50 }, (_, k) => series(120, k === 17 ? 0.5 : 0, `model ${k}`));
    const { best, p, adjusted } = superiorAbility(results, { seed: '1', resamples: 1000 });
    expect(best).toBe(17);
    expect(p).toBeLessThan(0.01);
    expect([...adjusted.keys()].filter((k) => adjusted[k]! <= 0.05)).toEqual([17]);
  });

  it('finds a model among twenty without skill about as rarely as the level states', () => {
    const WORLDS = 200;
    let found = 0;
    for (let world = 0; world < WORLDS; world++) {
      const results = Array.from({ length: 20 }, (_, k) => series(100, 0, `${world}/${k}`));
      if (superiorAbility(results, { seed: String(world), resamples: 200 }).p <= 0.05) found++;
    }
    // Binomial, 5 %: 19 or more in 0.6 % of the cases.
    expect(found).toBeLessThan(19);
    expect(found).toBeGreaterThan(1);
  });

  it('finds one no more often where the days are autocorrelated', () => {
    const WORLDS = 300;
    let found = 0;
    for (let world = 0; world < WORLDS; world++) {
      const results = Array.from({ length: 20 }, (_, k) => series(100, 0, `dependent ${world}/${k}`, 0.3));
      if (superiorAbility(results, { seed: String(world), resamples: 200 }).p <= 0.05) found++;
    }
    // Binomial, 5 %: 25 or more in 0.9 % of the cases; at 9.6 % in 83 %.
    expect(found).toBeLessThan(25);
  });

  it('finds nothing where nothing varies or all lose', () => {
    const nothing = superiorAbility([new Float64Array(40), new Float64Array(40)], OPTIONS);
    expect(nothing).toMatchObject({ best: -1, p: 1, pWhite: 1 });
    const losers = superiorAbility([series(40, -1, 'a'), series(40, -2, 'b')], OPTIONS);
    expect([...losers.adjusted]).toEqual([1, 1]);
  });

  it.each([0, 0.5])('has the same figures beside a model that earns %f on every day, which has none', (daily) => {
    const first = series(60, -0.4, 'c', 0.3);
    const second = series(60, 0.2, 'd');
    const { statistics, adjusted, best, ...ps } = superiorAbility([first, second], OPTIONS);
    const beside = superiorAbility([first, new Float64Array(60).fill(daily), second], OPTIONS);
    expect(beside).toMatchObject(ps);
    expect([best, beside.best]).toEqual([1, 2]);
    expect([...beside.statistics]).toEqual([statistics[0], 0, statistics[1]]);
    expect([...beside.adjusted]).toEqual([adjusted[0], 1, adjusted[1]]);
  });

  it('names the least loser as the best, not a model that never trades or always earns the same', () => {
    const losers = [new Float64Array(40), series(40, -2, 'b'), series(40, -1, 'a'), new Float64Array(40).fill(0.1)];
    const { best, statistics } = superiorAbility(losers, OPTIONS);
    expect(best).toBe(2);
    expect([statistics[0], statistics[3]]).toEqual([0, 0]);
  });

  it('finds nothing among no models', () => {
    const none = { best: -1, p: 1, pLower: 1, pUpper: 1, pWhite: 1 };
    expect(superiorAbility([], OPTIONS)).toEqual({
      ...none,
      statistics: new Float64Array(),
      adjusted: new Float64Array(),
    });
  });

  it('expects of a clear loser no chance of a profit, with two days too', () => {
    // Both draws are the second day in a quarter of the resamples; only then the weak model reaches its own statistic.
    const results = [Float64Array.of(-0.4, 1.6), Float64Array.of(-1, -3)];
    const { p, pUpper } = superiorAbility(results, { seed: 'draws', resamples: 4000 });
    expect(Math.abs(p - 0.25)).toBeLessThan(0.03);
    // The upper bound centers the loser at its mean: both draws of the first day count as well.
    expect(Math.abs(pUpper - 0.5)).toBeLessThan(0.03);
  });

  it('has statistics of the mean in sample deviations, less what the bootstrap of so few days understates', () => {
    // Mean 3, variance 14/3 and half of the runs ended each day: the weights of the lags are 1, 13/16, 1/2 and 13/16.
    const weights = [1, 13 / 16, 1 / 2, 13 / 16];
    // The first autocorrelation is 2/14, and ½ less the bias of four days.
    const rho = 2 / 14 + (1 + 6 / 14) / 4;
    expect(rho).toBeCloseTo(0.5, 12);
    const truth = 1 + 2 * (0.5 * (3 / 4) + 0.25 * (2 / 4) + 0.125 * (1 / 4));
    const expected = weights.reduce((sum, weight, lag) => sum + weight * (1 - lag / 4) * (0.5 ** lag - truth / 4), 0);
    const understatement = expected / truth;
    const { statistics } = superiorAbility([Float64Array.of(1, 2, 3, 6), Float64Array.of(4, 8, 12, 24)], OPTIONS);
    for (const own of statistics) expect(own).toBeCloseTo(Math.sqrt((4 * understatement * 9) / (14 / 3)), 12);
  });

  it('has the same p beside a clear loser, whose bad days come in a row', () => {
    const weak = Float64Array.of(1, 0, 1, -1);
    const alone = superiorAbility([weak], OPTIONS);
    const beside = superiorAbility([weak, Float64Array.of(-2, -2, 0, 0)], OPTIONS);
    expect(beside.p).toBe(alone.p);
    expect(beside.pUpper).toBeGreaterThan(alone.pUpper);
  });
});
