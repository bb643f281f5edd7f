import { readFileSync } from 'node:fs';
import { gunzipSync } from 'node:zlib';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { realData, skipNote } from '../../bar_file/real_data.fixture.ts';
import { fillCostBps, pairFillCostBps, quotedBps } from './fill_cost.ts';
import { newYorkMinuteOfWeek } from './new_york_time.ts';
import { ASSET_CLASSES, assetClassOf, defaultProfile, multipleAt } from './spread_profile.ts';

const at = (text: string): number => Date.parse(text) / 1000;
const EURUSD = { spread_bps: 0.2, commission_bps: 0.3, slippage_bps: 0.1 };
const profile = defaultProfile('currency');

describe('the cost of a fill', () => {
  it('is half the mean spread of the minute by its quote, commission and slippage', () => {
    expect(fillCostBps({ ...EURUSD, profile }, at('2024-01-03T22:05Z'), 3)).toBeCloseTo(1.1 * 1.5 + 0.3 + 0.1, 12);
    expect(fillCostBps({ ...EURUSD, profile }, 0, 0)).toBeCloseTo(0.4, 12);
  });

  it('without a quote, is half of base times profile in New York time, summer and winter', () => {
    const noon = 0.1 + 0.4;
    const rollover = 0.1 * 5.3 + 0.4;
    expect(fillCostBps({ ...EURUSD, profile }, at('2024-01-03T17:00Z'))).toBeCloseTo(noon, 12);
    for (const time of ['2024-01-03T22:05Z', '2024-07-03T21:05Z'])
      expect(fillCostBps({ ...EURUSD, profile }, at(time))).toBeCloseTo(rollover, 12);
    expect(fillCostBps({ ...EURUSD, profile }, at('2024-07-03T22:15Z'))).toBeLessThan(0.55);
  });

  it('is that of the base where the quoted spread is 0, and not free', () => {
    const costs = { ...EURUSD, profile };
    const time = at('2024-01-03T17:00Z');
    expect(quotedBps({ spread: 0.0002, close: 2 })).toBeCloseTo(1, 12);
    for (const spread of [0, -0, -1, NaN, undefined]) {
      const bar = spread === undefined ? { close: 2 } : { close: 2, spread };
      expect(fillCostBps(costs, time, quotedBps(bar))).toBe(fillCostBps(costs, time));
    }
  });

  it('is the same at every minute without a profile, whatever is quoted', () => {
    expect(fillCostBps(EURUSD, 0, 9)).toBeCloseTo(0.5, 12);
    expect(fillCostBps(EURUSD, at('2024-01-03T22:05Z'))).toBeCloseTo(0.5, 12);
  });

  it('of a pair weighs each leg by its share of the gross notional', () => {
    const other = { spread_bps: 2, commission_bps: 0, slippage_bps: 0 };
    expect(pairFillCostBps({ a: EURUSD, b: other }, -3, 0)).toBeCloseTo(0.25 * 0.5 + 0.75 * 1, 12);
    expect(pairFillCostBps({ a: { ...EURUSD, profile }, b: { ...other, profile } }, 3, 0, 4, 8)).toBeCloseTo(
      0.25 * 2.6 + 0.75 * 4.4,
      12,
    );
  });
});

describe('fills at bids', () => {
  const bids = { ...EURUSD, profile, price: 'bid' as const };
  const noon = at('2024-01-03T17:00Z');
  const rollover = at('2024-01-03T22:05Z');

  it('pay the whole spread of the minute to buy and nothing of it to sell', () => {
    expect(fillCostBps(bids, rollover, NaN, 1)).toBeCloseTo(0.2 * 5.3 + 0.4, 12);
    expect(fillCostBps(bids, rollover, NaN, -1)).toBeCloseTo(0.4, 12);
    expect(fillCostBps(bids, rollover)).toBe(fillCostBps({ ...EURUSD, profile }, rollover, NaN, 1));
  });

  it('cost a round trip as much as mids where the spread is constant, and not where it widens in between', () => {
    const other = { spread_bps: 0.7, commission_bps: 0.1, slippage_bps: 0, profile };
    const mids = { a: { ...EURUSD, profile }, b: other };
    const pair = { a: bids, b: { ...other, price: 'bid' as const } };
    for (const side of [1, -1]) {
      for (const beta of [0.7, -1.3]) {
        const trip = (costs: typeof mids, entry: number, exit: number): number =>
          pairFillCostBps(costs, beta, entry, NaN, NaN, side) + pairFillCostBps(costs, beta, exit, NaN, NaN, -side);
        expect(trip(pair, noon, noon)).toBeCloseTo(trip(mids, noon, noon), 12);
        // A and −sign(beta) · B are bought at the entry where side > 0: the spread that widens is that of the buys.
        const hedge = Math.abs(beta);
        const bought = (leg: number): boolean => (leg === 0 ? side > 0 : (beta < 0 ? side : -side) > 0);
        const widths = [0.2 * 5.3, 0.7 * 5.3, 0.2, 0.7];
        const expected =
          ((bought(0) ? widths[0]! : widths[2]!) + 0.8 + hedge * ((bought(1) ? widths[1]! : widths[3]!) + 0.2)) /
          (1 + hedge);
        expect(trip(pair, rollover, noon)).toBeCloseTo(expected, 12);
        expect(Math.abs(trip(pair, rollover, noon) - trip(mids, rollover, noon))).toBeGreaterThan(0.05);
      }
    }
  });
});

describe('default profiles', () => {
  it('have a positive multiple for every minute, 1 or nearly 1 at noon, and are widest around the rollover and the open', () => {
    for (const name of ASSET_CLASSES) {
      const own = defaultProfile(name);
      expect(own).toHaveLength(10_080);
      for (let minute = 0; minute < 10_080; minute++) expect(own[minute]).toBeGreaterThanOrEqual(0.85);
      for (let day = 1; day <= 5; day++) expect(Math.abs(own[day * 1440 + 720]! - 1)).toBeLessThan(0.15);
      expect(multipleAt(own, at('2024-01-03T22:00Z'))).toBeGreaterThan(name === 'crypto' ? 1.1 : 4);
      if (name !== 'crypto') expect(multipleAt(own, at('2024-01-07T23:00Z'))).toBeGreaterThan(1.4);
    }
  });

  it.each([
    ['EURUSD', 'currency'],
    ['USDJPY', 'currency'],
    ['XAUUSD', 'metal'],
    ['XAGUSD', 'metal'],
    ['NSXUSD', 'index'],
    ['BCOUSD', 'index'],
    ['BTCUSD', 'crypto'],
    ['LINKUSDT', 'crypto'],
  ] as const)('%s is a %s', (symbol, name) => expect(assetClassOf(symbol)).toBe(name));

  const PAIRS = [
    'EURUSD',
    'GBPUSD',
    'USDCHF',
    'USDJPY',
    'NZDUSD',
    'USDCAD',
    'EURGBP',
    'EURCHF',
    'EURJPY',
    'GBPJPY',
    'NZDCAD',
  ];
  const folder = realData('spreads');

  it.skipIf(folder === null)(
    `of currencies are within a factor of 1.6 of measured spreads in every quarter hour${skipNote(folder)}`,
    () => {
      /** Medians of spread over the day's median, of each pair, by quarter hour of the New York week. */
      const byBucket = new Map<number, number[]>();
      for (const symbol of PAIRS) {
        for (const [bucket, value] of measuredMultiples(folder!, symbol))
          byBucket.set(bucket, [...(byBucket.get(bucket) ?? []), value]);
      }
      let compared = 0;
      for (const [bucket, values] of byBucket) {
        if (values.length < 8) continue;
        const expected = Array.from({ length: 15 }, (_, i) => profile[bucket * 15 + i]!);
        const ratio = median(expected) / median(values);
        expect([bucket, ratio > 1 / 1.6 && ratio < 1.6]).toEqual([bucket, true]);
        compared++;
      }
      expect(compared).toBeGreaterThan(400);
    },
  );
});

/** Medians by quarter hour of the New York week, as multiples of the median of the file. */
function measuredMultiples(folder: string, symbol: string): Map<number, number> {
  const [, ...lines] = gunzipSync(readFileSync(join(folder, `${symbol}.csv.gz`)))
    .toString()
    .trim()
    .split('\n');
  const rows = lines
    .map((line) => line.split(',').map(Number))
    .map(([at, bid, ask]) => [at!, ask! / bid! - 1] as const);
  const base = median(rows.map(([, value]) => value));
  const buckets = new Map<number, number[]>();
  for (const [at, value] of rows) {
    const bucket = Math.floor(newYorkMinuteOfWeek(at) / 15);
    if (!buckets.has(bucket)) buckets.set(bucket, []);
    buckets.get(bucket)!.push(value / base);
  }
  return new Map([...buckets].map(([bucket, values]) => [bucket, median(values)]));
}

function median(values: readonly number[]): number {
  const sorted = [...values].sort((a, b) => a - b);
  return sorted[sorted.length >> 1]!;
}
