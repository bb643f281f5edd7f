import fc from 'fast-check';
import { expect, it } from 'vitest';
import { priceText } from './price_text.ts';

it('shows the digits of a tick, whatever arithmetic left behind them', () => {
  expect(priceText(1.1463700000000001)).toBe('1.14637');
  expect(priceText(104321.12)).toBe('104321.12');
  expect(priceText(0.00001234)).toBe('0.00001234');
  expect(priceText(null)).toBe('–');
  fc.assert(
    fc.property(fc.integer({ min: 1, max: 999_999_999 }), fc.integer({ min: 0, max: 6 }), (ticks, decimals) => {
      const price = ticks / 10 ** decimals;
      expect(Number(priceText(price * (1 + 2 ** -52)))).toBe(price);
    }),
  );
});
