import { describe, expect, it } from 'vitest';
import { priceDigits, rangeDigits } from './price_digits.ts';

describe('the decimals of prices', () => {
  it('are those of the tick, the finest in view', () => {
    expect(priceDigits([2034.1, 2034.12, 2035])).toBe(2);
    expect(priceDigits([1.08345, 1.0834])).toBe(5);
    expect(priceDigits([38_210, 38_215])).toBe(0);
    expect(priceDigits([null, 151.234, undefined, NaN])).toBe(3);
  });

  it('follow the magnitude of prices that are computed', () => {
    const computed = [2034.1234567, 151.234_567_8, 25.123_456_7, 1.083_456_7, 0.651_234_56, 0.000_012_345_67];
    expect(computed.map((price) => priceDigits([price]))).toEqual([2, 3, 4, 5, 5, 8]);
    expect(priceDigits([99.123_456_7, 101.123_456_7])).toBe(4);
  });

  it('are two without a price', () => {
    expect(priceDigits([])).toBe(2);
    expect(priceDigits([null, 0])).toBe(2);
  });
});

it('small values keep three significant digits of the greatest, large ones two decimals', () => {
  expect([[0.000213, -0.0001], [0.5], [12.3, null], [-4100], [], [0]].map(rangeDigits)).toEqual([6, 3, 2, 2, 2, 2]);
});
