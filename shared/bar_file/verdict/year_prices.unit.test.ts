import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { findBarFile, readBarFile } from '../bar_file.ts';
import { realData, skipNote } from '../real_data.fixture.ts';
import { createBarInspection } from './bar_inspection.ts';
import { createYearWatch, mayBeInverse, pricesInYear } from './year_prices.ts';

const at = (year: number, minute: number): number => Date.UTC(year, 2, 4) / 1000 + minute * 60;

function inverseOf(symbol: string, year: number, price: number) {
  const watch = createYearWatch(symbol);
  for (let i = 0; i < 100; i++) watch.add(at(year, i), price * (1 + (i % 7) * 1e-4));
  return watch.inverse();
}

describe('the prices of a year', () => {
  it('are those of each pair of the listed currencies, inverse quotes and crosses too', () => {
    expect(pricesInYear('EURUSD', 2019)).toEqual([1.08 * 0.98, 1.16 * 1.02]);
    const [low, high] = pricesInYear('USDEUR', 2019)!;
    expect([low, high].map((one) => one.toFixed(3))).toEqual(['0.845', '0.944']);
    const [crossLow, crossHigh] = pricesInYear('EURGBP', 2019)!;
    expect(0.85 > crossLow && 0.93 < crossHigh && crossHigh < 1).toBe(true);
    expect([
      pricesInYear('EURUSD', 2026),
      pricesInYear('EURSEK', 2019),
      pricesInYear('EUREUR', 2019),
      pricesInYear('SOLUSDT', 2019),
    ]).toEqual([null, null, null, null]);
  });

  it.each([
    ['EURUSD', 2019, 1.13],
    ['EURUSD', 2023, 1.08],
    ['EURUSD', 2000, 0.92],
    ['EURCHF', 2019, 1.11],
    ['USDCHF', 2023, 0.9],
    ['USDCAD', 2019, 1.33],
    ['AUDUSD', 2019, 0.7],
    ['EURGBP', 2019, 0.88],
    ['NZDCAD', 2019, 0.88],
  ])('tell a quote of %s of %i from its inverse', (symbol, year, price) => {
    expect(inverseOf(symbol, year, price)).toBeNull();
    expect(inverseOf(symbol, year, 1 / price)).toMatchObject({ year });
    expect(mayBeInverse(symbol, year, price)).toBe(false);
  });

  it('tell nothing of prices around 1, of other years and symbols, and of prices that fit neither way', () => {
    expect([inverseOf('USDCHF', 2019, 0.99), inverseOf('USDCHF', 2019, 1 / 0.99)]).toEqual([null, null]);
    expect([mayBeInverse('USDCHF', 2019, 0.99), mayBeInverse('USDCHF', 2026, 0.99)]).toEqual([true, false]);
    expect([
      inverseOf('EURUSD', 2027, 0.88),
      inverseOf('XAUUSD', 2029, 1 / 1300),
      inverseOf('EURUSD', 2019, 7),
    ]).toEqual([null, null, null]);
  });

  it('tell currencies from one another that are some percent apart, and leave a day at the end of the year alone', () => {
    const outsideOf = (symbol: string, year: number, price: number) => {
      const watch = createYearWatch(symbol);
      for (let i = 0; i < 100; i++) watch.add(at(year, i), price * (1 + (i % 7) * 1e-4));
      return watch.outside();
    };
    expect(outsideOf('GBPUSD', 2019, 1.145)).toMatchObject({ year: 2019 });
    expect(outsideOf('EURUSD', 2019, 1.28)).toMatchObject({ year: 2019 });
    // The lowest of the pound in 2019 and 2022, and the highest of the euro in 2021.
    expect([
      outsideOf('GBPUSD', 2019, 1.196),
      outsideOf('GBPUSD', 2022, 1.036),
      outsideOf('EURUSD', 2021, 1.235),
    ]).toEqual([null, null, null]);
    // Contracts of an index differ by more.
    expect(outsideOf('SPXUSD', 2019, 3400)).toBeNull();
  });

  it('do not count a spike, and need some bars', () => {
    const watch = createYearWatch('EURUSD');
    for (let i = 0; i < 100; i++) watch.add(at(2019, i), i % 20 === 0 ? 1 / 1.13 : 1.13);
    expect(watch.inverse()).toBeNull();
    const few = createYearWatch('EURUSD');
    for (let i = 0; i < 19; i++) few.add(at(2019, i), 1 / 1.13);
    expect(few.inverse()).toBeNull();
  });

  it.each([
    ['BTCUSDT', 98_000],
    ['ETHUSDT', 1700],
  ])('of %s are far from 1, so that an inverse quote shows by itself', (symbol, price) => {
    const codesAt = (value: number): string[] => {
      const inspection = createBarInspection(symbol, 60);
      for (let i = 0; i < 100; i++) {
        const close = value * (1 + (i % 5) * 1e-4);
        inspection.add({ time: at(2025, i), open: close, high: close, low: close, close, volume: i + 1 });
      }
      return inspection.findings().flatMap(({ code, values }) => (code === 'SCALED' ? [String(values['factor'])] : []));
    };
    expect([codesAt(price), codesAt(1 / price)]).toEqual([[], ['1/x']]);
  });
});

describe('prices of metals, coins, oil and indices', () => {
  const findingsOf = (symbol: string, year: number, price: number) => {
    const inspection = createBarInspection(symbol, 60);
    for (let i = 0; i < 100; i++) {
      const close = price * (1 + (i % 5) * 1e-4);
      inspection.add({ time: at(year, i), open: close, high: close, low: close, close, volume: i + 1 });
    }
    return inspection.findings().filter(({ by }) => by === 'year_prices');
  };

  it.each([
    ['BTCUSDT', 2024, 65_000],
    ['ETHUSD', 2024, 3300],
    ['SOLUSDC', 2023, 22],
    ['SPXUSD', 2019, 2800],
    ['NSXUSD', 2019, 7100],
    ['BCOUSD', 2019, 65],
    ['XAUEUR', 2019, 1160],
  ])('of %s in %i are SCALED at ten times and a tenth of them', (symbol, year, price) => {
    expect(findingsOf(symbol, year, price)).toEqual([]);
    expect(findingsOf(symbol, year, price * 10)).toMatchObject([{ code: 'SCALED', values: { factor: 10, year } }]);
    expect(findingsOf(symbol, year, price / 10)).toMatchObject([{ code: 'SCALED', values: { factor: 0.1, year } }]);
  });

  it('say nothing of another factor, since contracts differ by source', () => {
    expect(findingsOf('SPXUSD', 2019, 280 * 3.9)).toEqual([]);
    expect(findingsOf('EURUSD', 2019, 1.6)).toMatchObject([{ code: 'SUSPECT' }]);
  });
});

const folder = realData('m1');
const PAIRS = [
  'EURUSD',
  'GBPUSD',
  'AUDUSD',
  'NZDUSD',
  'USDCHF',
  'USDCAD',
  'EURGBP',
  'AUDNZD',
  'XAUUSD',
  'XAGUSD',
  'BCOUSD',
  'SPXUSD',
  'NSXUSD',
];

describe.skipIf(folder === null)(`real bars${skipNote(folder)}`, () => {
  it.each(PAIRS)('of %s are within the prices of their years', async (symbol) => {
    const { time, close, length } = await readBarFile((await findBarFile(folder!, symbol))!);
    let outside = 0;
    for (let i = 0; i < length; i++) {
      const [low, high] = pricesInYear(symbol, new Date(time[i]! * 1000).getUTCFullYear())!;
      if (close[i]! < low || close[i]! > high) outside++;
    }
    expect(length).toBeGreaterThan(100_000);
    expect(outside).toBe(0);
  });
});

const coins = realData('crypto/perp');

describe.skipIf(coins === null)(`real bars of coins${skipNote(coins)}`, () => {
  it.each(['BTCUSDT', 'ETHUSDT', 'SOLUSDT'])('of %s are within the prices of their years', async (symbol) => {
    const { time, close, length } = await readBarFile(join(coins!, `${symbol}-1h.csv.gz`));
    let outside = 0;
    for (let i = 0; i < length; i++) {
      const [low, high] = pricesInYear(symbol, new Date(time[i]! * 1000).getUTCFullYear())!;
      if (close[i]! < low || close[i]! > high) outside++;
    }
    expect(length).toBeGreaterThan(20_000);
    expect(outside).toBe(0);
  });
});
