import { expect, it } from 'vitest';
import { rangeDigits } from './price_digits.ts';

it('small values keep three significant digits of the greatest, large ones two decimals', () => {
  expect([[0.000213, -0.0001], [0.5], [12.3, null], [-4100], [], [0]].map(rangeDigits)).toEqual([6, 3, 2, 2, 2, 2]);
});
