import { describe, expect, it } from 'vitest';
import { isPossibleValue } from './series_range.ts';

describe('A value of a series', () => {
  it('is inside the limits of its kind, where it is known', () => {
    expect(isPossibleValue('open_interest', 7000.1)).toBe(true);
    expect(isPossibleValue('open_interest', -5)).toBe(false);
    expect(isPossibleValue('funding_rate', -0.01)).toBe(true);
    expect(isPossibleValue('funding_rate', 1.5)).toBe(false);
    expect(isPossibleValue('weather', -40)).toBe(true);
  });

  it('is no damaged number, whatever its kind', () => {
    for (const value of [1e300, -1e19, Infinity, NaN]) {
      expect(isPossibleValue('open_interest', value)).toBe(false);
      expect(isPossibleValue('weather', value)).toBe(false);
    }
  });
});
