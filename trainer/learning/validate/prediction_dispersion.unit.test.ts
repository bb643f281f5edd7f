import { writtenGate } from '../../../test/written_gate.ts';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { createRng } from '../../../shared/rng.ts';
import { FROZEN_VARIANCE, checkPredictionDispersion } from '../gates/prediction_dispersion.ts';
import { dispersionOfPredictions, varianceOfDays } from './prediction_dispersion.ts';

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
      fc.property(fc.array(row, { maxLength: 120, size: 'max' }), (rows) => {
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
        if (last.length < 10) expect(found.last).toBeNull();
        else expect(found.last).toBeCloseTo(obviousVariance(last), 12);
      }),
    );
  });

  it('ends a day at its hour, inclusive, and begins it just after the hour 24 hours before', () => {
    // One answer every half hour; the first one is far from the others.
    const time = Float64Array.from({ length: 50 }, (_, i) => i * 1800);
    const scores = time.map((_, i) => (i === 0 ? 1 : 0));
    // Hours 0 to 4 have too few answers; the last two full days lack the first answer.
    const found = varianceOfDays(time.subarray(0, 49), scores.subarray(0, 49));
    expect(found.days).toBe(24 - 4);
    expect(found.min).toBe(0);
    expect(varianceOfDays(time.subarray(0, 47), scores.subarray(0, 47)).min).toBeGreaterThan(0);
  });
});

describe('a day of answers', () => {
  const scores = Float64Array.from({ length: 10 }, (_, i) => i / 10);
  it('counts from ten answers on', () => {
    const time = scores.map((_, i) => 3600 - i);
    expect(varianceOfDays(time, scores)).toMatchObject({
      days: 1,
      min: expect.closeTo(obviousVariance([...scores]), 12) as number,
    });
    expect(varianceOfDays(time.subarray(1), scores.subarray(1)).days).toBe(0);
  });

  it('that is the last one excludes the answer exactly 24 hours before its end', () => {
    // Nine answers within the last day, and one at the exact start of it, or a minute later.
    const at = (first: number): Float64Array =>
      Float64Array.from([first, ...Array.from({ length: 9 }, (_, i) => DAY - 60 * i)]);
    const scores = Float64Array.of(1, ...new Array<number>(9).fill(0.5));
    expect(varianceOfDays(at(0), scores).last).toBeNull();
    expect(varianceOfDays(at(60), scores).last).toBeCloseTo(0.025, 12);
  });

  it('of the last day needs ten answers: those of neighboring minutes are often equal', () => {
    const few = Float64Array.from({ length: 9 }, (_, i) => DAY + 60 * i);
    expect(
      varianceOfDays(
        few,
        few.map(() => 0.5),
      ).last,
    ).toBeNull();
    const ten = Float64Array.from({ length: 10 }, (_, i) => DAY + 60 * i);
    expect(
      varianceOfDays(
        ten,
        ten.map(() => 0.5),
      ).last,
    ).toBe(0);
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

  it('has a deviation from two answers on', () => {
    const spreadOf = (...scores: number[]) =>
      dispersionOfPredictions(
        Float64Array.from(scores, (_, i) => i),
        Float64Array.from(scores),
        new Int32Array(scores.length),
        ['AAA_BBB'],
      );
    expect([spreadOf(0.5).std, spreadOf(0.5).mean]).toEqual([null, 0.5]);
    expect(spreadOf(0.25, 0.75).std).toBeCloseTo(Math.sqrt(0.125), 12);
  });

  it('has nulls without answers', () => {
    const none = dispersionOfPredictions(new Float64Array(), new Float64Array(), new Int32Array(), []);
    expect(none).toMatchObject({ rows: 0, mean: null, std: null, min: null, max: null, quantiles: {} });
    expect(none.variance_24h).toEqual({ days: 0, min: null, median: null, max: null, last: null });
    expect(checkPredictionDispersion(none).passed).toBe(false);
  });
});

describe('checkPredictionDispersion', () => {
  it('accepts a model that separates rows', () => {
    const rng = createRng('alive');
    const verdict = checkPredictionDispersion(dispersionOfPredictions(...answers(() => 0.5 + 0.02 * rng.normal())));
    expect(verdict).toMatchObject({ code: 'prediction_dispersion', passed: true });
  });

  it('detects a model with one answer for all', () => {
    const spread = dispersionOfPredictions(...answers(() => 0.3));
    expect(spread.std).toBe(0);
    expect(spread.variance_24h).toMatchObject({ min: 0, max: 0, last: 0 });
    expect(checkPredictionDispersion(spread).passed).toBe(false);
  });

  it('passes a variance exactly at the minimum', () => {
    const rng = createRng('exact');
    const spread = dispersionOfPredictions(...answers(() => 0.5 + 0.1 * rng.normal()));
    const day = { ...spread.variance_24h, last: FROZEN_VARIANCE };
    const exact = {
      ...spread,
      std: Math.sqrt(FROZEN_VARIANCE),
      variance_24h: day,
      variance_24h_by_pair: { AAA_BBB: day },
    };
    expect(writtenGate(checkPredictionDispersion(exact))).toMatchObject({
      passed: true,
      seen: 'variance 1.00e-8; in the last 24 h 1.00e-8',
      limit: 'at least 1e-8 in all and in the last 24 h of each pair',
    });
    const below = { ...day, last: 0.99 * FROZEN_VARIANCE };
    const frozen = { ...exact, variance_24h: below, variance_24h_by_pair: { AAA_BBB: below } };
    expect(writtenGate(checkPredictionDispersion(frozen)).seen).toBe(
      'variance 1.00e-8; in the last 24 h 9.90e-9, frozen: all pairs, AAA_BBB',
    );
    // Nearly constant answers, though no day has two of them.
    const none = { ...spread.variance_24h, last: null };
    const still = { ...spread, std: 1e-5, variance_24h: none, variance_24h_by_pair: { AAA_BBB: none } };
    expect(writtenGate(checkPredictionDispersion(still))).toMatchObject({
      passed: false,
      seen: 'variance 1.00e-10; in the last 24 h none',
    });
  });

  it('does not report a pair without answers in its last day as frozen', () => {
    const rng = createRng('absent');
    const [time, scores, pair] = answers(() => 0.5 + 0.1 * rng.normal());
    const verdict = checkPredictionDispersion(
      dispersionOfPredictions(time, scores, pair, ['AAA_BBB', 'CCC_DDD', 'EEE_FFF']),
    );
    expect(verdict.passed).toBe(true);
    expect(verdict.evidence['frozen']).toEqual([]);
  });

  it('detects a pair frozen for a day while all others change', () => {
    const rng = createRng('frozen');
    const spread = dispersionOfPredictions(
      ...answers((minute, pair) => (pair === 1 && minute * 60 > DAY ? 0.4 : 0.5 + 0.1 * rng.normal())),
    );
    const verdict = checkPredictionDispersion(spread);
    expect(verdict.passed).toBe(false);
    expect(verdict.evidence['frozen']).toEqual(['CCC_DDD']);
  });
});
