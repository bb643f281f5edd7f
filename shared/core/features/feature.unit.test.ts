import { describe, expect, it } from 'vitest';
import { FLAT_STD, flatMoment, MODEL_NAMES, perModel, sampleStd, writeCorrelation } from './feature.ts';

it('perModel maps each model', () => {
  const made = perModel((model) => `of ${model}`);
  expect(made).toEqual({ ai1: 'of ai1', ai2: 'of ai2', ai3: 'of ai3' });
  expect(Object.keys(made)).toEqual(MODEL_NAMES);
});

it('flatMoment is the second moment of values with a standard deviation of 1e-12', () => {
  expect(Math.sqrt(flatMoment(10) / 10)).toBeCloseTo(FLAT_STD, 24);
  expect(sampleStd(flatMoment(10), 10)).toBeCloseTo(FLAT_STD * Math.sqrt(10 / 9), 24);
});

describe('writeCorrelation', () => {
  const out = Float64Array.of(7, 7);
  /** Of ten points with these Sxx, Syy and Sxy. */
  const correlation = (...sums: [sxx: number, syy: number, sxy: number]): number => {
    writeCorrelation(Float64Array.of(9, ...sums), 1, 10, out, 1);
    expect(out[0]).toBe(7);
    return out[1]!;
  };

  it('is Sxy / √(Sxx · Syy), within −1 and 1 whatever the rounding', () => {
    expect(correlation(4, 9, 3)).toBe(0.5);
    expect(correlation(4, 9, -3)).toBe(-0.5);
    expect(correlation(4, 9, 6.001)).toBe(1);
    expect(correlation(4, 9, -6.001)).toBe(-1);
  });

  it('is 0 up to a standard deviation of 1e-12 of either leg, and missing with either', () => {
    expect(correlation(1e-23, 9, 1e-12)).toBe(0);
    expect(correlation(9, 1e-23, 1e-12)).toBe(0);
    expect(correlation(1.1e-23, 1.1e-23, 1.1e-23)).toBe(1);
    expect(correlation(NaN, 9, 1)).toBeNaN();
    expect(correlation(9, NaN, 1)).toBeNaN();
    expect(correlation(NaN, 0, NaN)).toBeNaN();
    expect(correlation(0, NaN, NaN)).toBeNaN();
  });
});
