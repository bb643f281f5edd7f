import { describe, expect, it } from 'vitest';
import type { BarColumns } from '../../shared/bar_file/bar_file.ts';
import { findingText } from '../../shared/bar_file/verdict/finding_text.ts';
import { createRng } from '../../shared/rng.ts';
import { tinyBars, tinySettings } from '../../test/tiny_settings.ts';
import { lagsAmong, lagsOfImport, neighborsOf, recentCloses, type NeighborBars } from './lag_findings.ts';

const bars = tinyBars(tinySettings());

function off(symbol: string, seconds: number): BarColumns {
  const own = bars.get(symbol)!;
  return { ...own, time: own.time.map((at) => at + seconds) };
}

const neighbors = (...known: string[]): NeighborBars => ({
  symbolsFor: () => Promise.resolve(known),
  read: (symbol) => Promise.resolve(bars.get(symbol)!),
});

describe('an imported symbol', () => {
  it('that moves with its partner at the same time, or has none, lags nothing', async () => {
    expect(await lagsOfImport(bars.get('XAGUSD')!, neighbors('XAUUSD'))).toEqual([]);
    expect(await lagsOfImport(bars.get('XAGUSD')!, neighbors())).toEqual([]);
  });

  it.each([600, -18_000])('that is %i seconds off lags, with the minutes', async (seconds) => {
    const [finding, ...rest] = await lagsOfImport(off('XAGUSD', seconds), neighbors('XAUUSD'));
    expect(rest).toEqual([]);
    expect(finding).toMatchObject({ code: 'LAGS', values: { symbol: 'XAUUSD', minutes: seconds / 60 } });
    const side = seconds > 0 ? 'after' : 'before';
    expect(findingText(finding!)).toContain(
      `moves ${Math.abs(seconds) / 60} min ${side} XAUUSD: a copy at another time`,
    );
  });

  it('that is off in its last days alone lags, with these days', async () => {
    const own = bars.get('XAGUSD')!;
    const from = own.time[Math.floor(own.length * 0.8)]!;
    const time = own.time.map((at) => (at >= from ? at + 600 : at));
    const [finding] = await lagsOfImport({ ...own, time }, neighbors('XAUUSD'));
    expect(finding).toMatchObject({ code: 'LAGS', values: { symbol: 'XAUUSD', minutes: 10 } });
    expect(findingText(finding!)).toMatch(
      /^moves 10 min after XAUUSD, most clearly from 20\d\d-.*Z to 20\d\d-.*Z: a copy/,
    );
  });

  it('that knows what its partner does next at one hour of the day lags, with this hour', async () => {
    const rng = createRng('one hour');
    const walk = (symbol: string): BarColumns => {
      let level = 0;
      const close = Float64Array.from({ length: 100_000 }, () => Math.exp((level += 1e-4 * rng.normal())));
      const time = close.map((_, t) => 1_546_473_600 + 60 * t);
      const volume = new Float64Array(close.length);
      return { symbol, length: close.length, time, open: close, high: close, low: close, close, volume, spread: null };
    };
    const partner = walk('AAAUSD');
    const own = walk('BBBUSD');
    const close = own.close.map((price, t) =>
      Math.floor(own.time[t]! / 3600) % 24 === 5
        ? (price * (partner.close[t + 10] ?? partner.close[t]!)) / partner.close[t]!
        : price,
    );
    const [finding] = await lagsOfImport(
      { ...own, open: close, high: close, low: close, close },
      { symbolsFor: () => Promise.resolve(['AAAUSD']), read: () => Promise.resolve(partner) },
    );
    expect(finding).toMatchObject({ code: 'LAGS', values: { among: 'in the hour from 05:00 UTC' } });
    expect(findingText(finding!)).toMatch(/^moves 10 min before AAAUSD in the hour from 05:00 UTC: a copy/);
  });

  it('is compared with the partners of configured pairs first', () => {
    const pairs = [
      { a: 'EURUSD', b: 'GBPUSD' },
      { a: 'USDCHF', b: 'EURUSD' },
      { a: 'EURUSD', b: 'XAUUSD' },
    ];
    const present = ['AUDUSD', 'EURUSD', 'GBPUSD', 'USDCHF'];
    expect(neighborsOf('EURUSD', pairs, present)).toEqual(['GBPUSD', 'USDCHF', 'AUDUSD']);
  });
});

describe('symbols that are checked together', () => {
  const all = (...changed: BarColumns[]): BarColumns[] => [
    ...new Map([...bars].concat(changed.map((one) => [one.symbol, one]))).values(),
  ];
  const pairs = [
    { a: 'XAUUSD', b: 'XAGUSD' },
    { a: 'EURUSD', b: 'GBPUSD' },
  ];

  it('have no lag where all move at the same time', () => {
    expect(lagsAmong(all(), pairs)).toEqual(new Map());
  });

  it('have the same lag on both legs where no other symbol decides', () => {
    const found = lagsAmong(all(off('XAGUSD', 600)), pairs);
    expect(found.get('XAGUSD')![0]).toMatchObject({ values: { symbol: 'XAUUSD', minutes: 10 } });
    expect(found.get('XAUUSD')?.[0]?.values['minutes'] ?? -10).toBe(-10);
    expect(found.has('EURUSD')).toBe(false);
  });
});

it('recent closes are the newest ones, ascending, each time once', () => {
  const closes = recentCloses('A', 3);
  for (const time of [60, 120, 120, 300, 240, 180, 360, 420]) closes.add(time, time / 60);
  const { time, close, length } = closes.bars();
  expect([...time]).toEqual([300, 360, 420]);
  expect([...close]).toEqual([5, 6, 7]);
  expect(length).toBe(3);
});
