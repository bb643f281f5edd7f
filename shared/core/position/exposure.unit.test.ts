import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { currenciesOf, parsePair } from '../../pair.ts';
import { ExposureMeter } from './exposure.ts';
import type { Side } from './position.ts';

const PAIRS = ['EURUSD_GBPUSD', 'AUDUSD_NZDUSD', 'EURUSD_USDJPY', 'XAUUSD_XAGUSD', 'US500_DE40'].map(parsePair);
const meter = new ExposureMeter(PAIRS);
const FLAT = { side: 0 as Side, beta: 0 };
const flat = PAIRS.map(() => FLAT);

/** Every holding of every position written out, then added up by name. */
function obviousExposures(held: readonly { side: Side; beta: number }[]): Map<string, number> {
  const sums = new Map<string, number>();
  const add = (name: string, amount: number): void => void sums.set(name, (sums.get(name) ?? 0) + amount);
  held.forEach(({ side, beta }, i) => {
    if (side === 0) return;
    const { a, b } = PAIRS[i]!;
    const size = 1 / (1 + Math.abs(beta));
    const legs = [
      { symbol: a, amount: side * size },
      { symbol: b, amount: -side * Math.sign(beta) * Math.abs(beta) * size },
    ];
    for (const { symbol, amount } of legs) {
      const [base, quote] = currenciesOf(symbol);
      add(`symbol ${symbol}`, amount);
      add(`currency ${base}`, amount);
      if (quote !== null) add(`currency ${quote}`, -amount);
    }
  });
  return sums;
}

describe('an exposure', () => {
  it('is each leg with its share, the second currency of a symbol sold', () => {
    // EURUSD bought with 1/3, GBPUSD sold with 2/3: USD is sold with 1/3 and bought with 2/3.
    expect(meter.after({ symbol: null, currency: 1 }, flat, 0, 1, 2)).toEqual({
      key: 'GBP',
      kind: 'currency',
      net: 2 / 3,
      limit: 1,
    });
    expect(meter.after({ symbol: 0.5, currency: null }, flat, 0, 1, 1)).toMatchObject({ key: 'EURUSD', net: 0.5 });
    // Both legs on one side: USD against EUR, and USD against JPY.
    const long = flat.with(0, { side: 1, beta: 1 });
    expect(meter.after({ symbol: 1, currency: null }, long, 2, 1, 1)).toEqual({
      key: 'EURUSD',
      kind: 'symbol',
      net: 1,
      limit: 1,
    });
  });

  it('has no currency where the name of a symbol does not tell one, and is null where nothing is limited', () => {
    expect(meter.after({ symbol: null, currency: 1 }, flat, 4, 1, 1)).toMatchObject({ key: 'US500', net: 0.5 });
    expect(meter.after({ symbol: null, currency: null }, flat, 4, 1, 1)).toBeNull();
  });

  it('ignores what an entry lowers', () => {
    const long = flat.with(0, { side: 1, beta: 1 });
    // EURUSD sold again: only JPY is left to be raised.
    expect(meter.after({ symbol: 0.1, currency: null }, long, 2, -1, 1)).toMatchObject({ key: 'USDJPY' });
  });

  it('equals the sum of all holdings, and names the one that is largest beside its limit', () => {
    const position = fc.record({
      side: fc.constantFrom<Side>(-1, 0, 1),
      beta: fc.double({ min: -5, max: 5, noNaN: true }),
    });
    const limit = fc.option(fc.double({ min: 0.05, max: 3, noNaN: true }));
    fc.assert(
      fc.property(
        fc.tuple(position, position, position, position, position),
        fc.nat({ max: 4 }),
        fc.constantFrom<1 | -1>(1, -1),
        fc.double({ min: -5, max: 5, noNaN: true }),
        limit,
        limit,
        (held, index, side, beta, symbol, currency) => {
          const others = held.with(index, FLAT);
          const before = obviousExposures(others);
          const after = obviousExposures(held.with(index, { side, beta }));
          const limits = { symbol, currency };
          const ratios = [...after].flatMap(([name, net]) => {
            const own = limits[name.split(' ')[0] as 'symbol' | 'currency'];
            const raised = Math.abs(net) - Math.abs(before.get(name) ?? 0);
            return own === null || raised < 1e-9 ? [] : [Math.abs(net) / own];
          });
          const found = meter.after(limits, others, index, side, beta);
          // A change within rounding may count or not.
          if (ratios.length === 0) {
            expect(found === null || found.net < 1e-8 || Math.abs(beta) < 1e-6).toBe(true);
            return;
          }
          expect(found!.net / found!.limit).toBeCloseTo(Math.max(...ratios), 9);
          expect(Math.abs(after.get(`${found!.kind} ${found!.key}`)!)).toBeCloseTo(found!.net, 12);
        },
      ),
      { numRuns: 2000 },
    );
  });
});
