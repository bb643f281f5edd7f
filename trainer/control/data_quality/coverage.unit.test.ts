import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { BarColumns } from '../../../shared/bar_file/bar_file.ts';
import { loadSettings, screenPolicy } from '../../../shared/policy/policy.ts';
import { coverageOf, scanCoverage } from './coverage.ts';

const MONDAY = Date.parse('2024-01-08T00:00:00Z') / 1000;

function columnsOf(minutes: readonly number[], closes: readonly number[]): BarColumns {
  const close = Float64Array.from(closes);
  return {
    symbol: 'EURUSD',
    length: minutes.length,
    time: Float64Array.from(minutes, (minute) => MONDAY + 60 * minute),
    open: close,
    high: close,
    low: close,
    close,
    volume: new Float64Array(minutes.length),
    spread: null,
  };
}

it('a scan reports each symbol that is done, also those without bars', async () => {
  const done: number[] = [];
  const task = {
    symbols: ['EURUSD', 'XAUUSD'],
    market: 'simulated',
    journals: [],
    storeUrl: null,
    screening: null,
  } as const;
  expect(await scanCoverage(task, (count) => done.push(count))).toEqual([]);
  expect(done).toEqual([0, 1, 2]);
});

describe('coverage of a symbol', () => {
  it('lists days, gaps inside a session and spikes, and does not count weekends as gaps', () => {
    const minutes = [0, 1, 2, 5, 6, 1439, 1440, 1441];
    const found = coverageOf(columnsOf(minutes, [1, 1, 1.01, 1.01, 1, 1, 1, 1]), null, 'simulated');
    expect(found.days).toEqual([
      { day: '2024-01-08', bars: 6, missing: 2, spikes: 2, suspects: 0 },
      { day: '2024-01-09', bars: 2, missing: 0, spikes: 0, suspects: 0 },
    ]);
    expect(found.longest_gaps).toEqual([{ from: '2024-01-08T00:03Z', minutes: 2 }]);
    expect(found.greatest_spikes.map(({ at }) => at)).toEqual(['2024-01-08T00:02Z', '2024-01-08T00:06Z']);
    expect(found).toMatchObject({ first: '2024-01-08T00:00Z', last: '2024-01-09T00:01Z', breaks: 1 });
    expect(found.recent_bars).toBe(8);
  });

  it('counts as recent what leads up to now: none of a live market whose bars ended years ago, one after a long gap', () => {
    const week = 7 * 1440;
    const columns = columnsOf([0, 1, 2, week], [1, 1, 1, 1]);
    expect(coverageOf(columns, null, 'simulated').recent_bars).toBe(1);
    expect(coverageOf(columns, null, 'live').recent_bars).toBe(0);
  });

  it('has the verdict of an import of these bars', () => {
    const minutes = Array.from({ length: 300 }, (_, i) => i);
    const closes = minutes.map((i) => 1.08 + (i % 7) * 1e-4);
    const ofScale = (factor: number) =>
      coverageOf(
        columnsOf(
          minutes,
          closes.map((close) => close * factor),
        ),
        null,
        'live',
      );
    expect(ofScale(1).verdict).toEqual({ code: 'OK', text: 'OK', refuses: false });
    expect(ofScale(100).verdict).toMatchObject({ code: 'SCALED', refuses: true });
  });

  it('adds up to the report of the whole file by day, whatever the bars', () => {
    const screening = screenPolicy(loadSettings());
    const bars = fc.array(fc.tuple(fc.integer({ min: 1, max: 90 }), fc.integer({ min: 1, max: 12 })), {
      maxLength: 300,
    });
    fc.assert(
      fc.property(bars, (steps) => {
        let minute = 0;
        const minutes = steps.map(([step]) => (minute += step));
        const found = coverageOf(
          columnsOf(
            minutes,
            steps.map(([, price]) => 1 + price / 1000),
          ),
          screening,
          'simulated',
        );
        const sum = (key: 'bars' | 'missing' | 'spikes' | 'suspects') =>
          found.days.reduce((total, day) => total + day[key], 0);
        expect([sum('bars'), sum('missing'), sum('spikes'), sum('suspects')]).toEqual([
          ...[found.bars, found.missing_minutes, found.spikes, found.suspects],
        ]);
        expect(found.days.map(({ day }) => day)).toEqual([...found.days.map(({ day }) => day)].sort());
      }),
    );
  });
});
