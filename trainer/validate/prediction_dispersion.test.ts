import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { createRng } from '../../shared/rng.ts';
import { checkPredictionDispersion, dispersionOfPredictions, varianceOfDays } from './prediction_dispersion.ts';

const DAY = 86_400;

function obviousVariance(values: readonly number[]): number {
  const mean = values.reduce((a, b) => a + b, 0) / values.length;
  return values.reduce((sum, value) => sum + (value - mean) ** 2, 0) / (values.length - 1);
}

/** Answers every ten minutes for three days, of two pairs. */
function answers(score: (minute: number, pair: number) => number) {
  const minutes = Array.from({ length: 3 * 144 }, (_, i) => i * 10);
  const rows = [0, 1].flatMap((pair) => minutes.map((minute) => ({ minute, pair })));
  return [
    Float64Array.from(rows, ({ minute }) => 1_546_819_200 + minute * 60),
    Float64Array.from(rows, ({ minute, pair }) => score(minute, pair)),
    Int32Array.from(rows, ({ pair }) => pair),
    ['AAA_BBB', 'CCC_DDD'],
  ] as const;
}

describe('varianceOfDays', () => {
  it('is the sample variance of the answers of 24 hours, at every hour with answers', () => {
    const row = fc.record({
      minute: fc.oneof(
        fc.integer({ min: 0, max: 4 * 1440 }),
        fc.integer({ min: 0, max: 96 }).map((hour) => hour * 60),
      ),
      score: fc.double({ min: 0, max: 1, noNaN: true }),
    });
    fc.assert(
      fc.property(fc.array(row, { maxLength: 120 }), (rows) => {
        const found = varianceOfDays(
          Float64Array.from(rows, (r) => r.minute * 60),
          Float64Array.from(rows, (r) => r.score),
        );
        const hours = [...new Set(rows.map((r) => Math.ceil(r.minute / 60)))];
        const days = hours
          .map((hour) => rows.filter((r) => r.minute <= hour * 60 && r.minute > (hour - 24) * 60).map((r) => r.score))
          .filter((scores) => scores.length >= 10)
          .map(obviousVariance)
          .sort((a, b) => a - b);
        expect(found.days).toBe(days.length);
        const expected = { min: days[0], median: days[days.length >>> 1], max: days.at(-1) };
        for (const [name, value] of Object.entries(expected)) {
          if (value === undefined) expect(found[name as 'min']).toBeNull();
          else expect(found[name as 'min']).toBeCloseTo(value, 12);
        }
        const end = Math.max(...rows.map((r) => r.minute));
        const last = rows.filter((r) => r.minute > end - 1440).map((r) => r.score);
        if (last.length < 2) expect(found.last).toBeNull();
        else expect(found.last).toBeCloseTo(obviousVariance(last), 12);
      }),
    );
  });

  it('ends a day at its hour, included, and begins it just behind the hour 24 hours before', () => {
    // One answer each on the hour and half past; the first of all is far away from the others.
    const time = Float64Array.from({ length: 50 }, (_, i) => i * 1800);
    const scores = time.map((_, i) => (i === 0 ? 1 : 0));
    // Hours 0 to 4 have too few answers; the last two full days lack the first answer.
    const found = varianceOfDays(time.subarray(0, 49), scores.subarray(0, 49));
    expect(found.days).toBe(24 - 4);
    expect(found.min).toBe(0);
    expect(varianceOfDays(time.subarray(0, 47), scores.subarray(0, 47)).min).toBeGreaterThan(0);
  });
});

describe('dispersionOfPredictions', () => {
  it('has mean, deviation, extremes and quantiles of all answers, and the days of each pair', () => {
    const rng = createRng('spread');
    const [time, scores, pair, pairs] = answers(() => rng.uniform());
    const spread = dispersionOfPredictions(time, scores, pair, pairs);
    const sorted = [...scores].sort((a, b) => a - b);
    expect(spread.rows).toBe(sorted.length);
    expect(spread.mean).toBeCloseTo(0.5, 1);
    expect(spread.std).toBeCloseTo(Math.sqrt(obviousVariance(sorted)), 12);
    expect([spread.min, spread.max]).toEqual([sorted[0], sorted.at(-1)]);
    expect(spread.quantiles['q50']).toBe(sorted[sorted.length / 2 - 1]);
    expect(spread.quantiles['q99']).toBe(sorted[Math.ceil(0.99 * sorted.length) - 1]);
    expect(Object.keys(spread.quantiles)).toEqual(['q01', 'q05', 'q25', 'q50', 'q75', 'q95', 'q99']);
    expect(Object.keys(spread.variance_24h_by_pair)).toEqual(pairs);
    expect(spread.variance_24h_by_pair['AAA_BBB']!.days).toBeGreaterThan(60);
  });

  it('has nulls where there is nothing', () => {
    const none = dispersionOfPredictions(new Float64Array(), new Float64Array(), new Int32Array(), []);
    expect(none).toMatchObject({ rows: 0, mean: null, std: null, min: null, max: null, quantiles: {} });
    expect(none.variance_24h).toEqual({ days: 0, min: null, median: null, max: null, last: null });
    expect(checkPredictionDispersion(none).passed).toBe(false);
  });
});

describe('checkPredictionDispersion', () => {
  it('lets a model through that tells rows apart', () => {
    const rng = createRng('alive');
    const verdict = checkPredictionDispersion(dispersionOfPredictions(...answers(() => 0.5 + 0.02 * rng.normal())));
    expect(verdict).toMatchObject({ name: 'prediction dispersion', passed: true });
  });

  it('sees a model with one answer for all', () => {
    const spread = dispersionOfPredictions(...answers(() => 0.3));
    expect(spread.std).toBe(0);
    expect(spread.variance_24h).toMatchObject({ min: 0, max: 0, last: 0 });
    expect(checkPredictionDispersion(spread).passed).toBe(false);
  });

  it('sees a pair that froze a day ago, though all others move', () => {
    const rng = createRng('frozen');
    const spread = dispersionOfPredictions(
      ...answers((minute, pair) => (pair === 1 && minute * 60 > DAY ? 0.4 : 0.5 + 0.1 * rng.normal())),
    );
    const verdict = checkPredictionDispersion(spread);
    expect(verdict.passed).toBe(false);
    expect(verdict.seen).toContain('frozen: CCC_DDD');
    expect(verdict.seen).not.toContain('AAA_BBB');
  });
});
