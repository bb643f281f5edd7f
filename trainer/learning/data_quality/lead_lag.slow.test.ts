import { describe, expect, it } from 'vitest';
import type { BarColumns } from '../../../shared/bar_file/bar_file.ts';
import { readBarFile } from '../../../shared/bar_file/bar_file.ts';
import { realData, skipNote } from '../../../shared/bar_file/real_data.fixture.ts';
import { exp } from '../../../shared/elementary.ts';
import { createRng } from '../../../shared/rng.ts';
import { crossCorrelate, type Grid } from './cross_correlation.ts';
import { findLeadLag, leadLagText, movesCache } from './lead_lag.ts';

const START = 1_546_473_600;

/** Ascending one-minute bars of random walks: `common` is the share of variance that the legs have in common. */
function walks(minutes: number, common: number, seed: string): { a: BarColumns; b: BarColumns } {
  const rng = createRng(seed);
  const a = new Float64Array(minutes);
  const b = new Float64Array(minutes);
  let levelA = 0;
  let levelB = 0;
  let spell = 1;
  for (let t = 0; t < minutes; t++) {
    spell = Math.max(0.3, Math.min(4, spell * exp(0.1 * rng.normal())));
    const shared = rng.normal() * Math.sqrt(common);
    levelA += 1e-4 * spell * (shared + Math.sqrt(1 - common) * rng.normal());
    levelB += 1e-4 * spell * (shared + Math.sqrt(1 - common) * rng.normal());
    a[t] = exp(levelA);
    b[t] = exp(levelB);
  }
  return { a: columns('AAA', a), b: columns('BBB', b) };
}

function columns(symbol: string, close: Float64Array): BarColumns {
  const time = Float64Array.from(close, (_, t) => START + 60 * t);
  const volume = new Float64Array(close.length);
  return { symbol, length: close.length, time, open: close, high: close, low: close, close, volume, spread: null };
}

function shifted(bars: BarColumns, seconds: number, symbol = bars.symbol): BarColumns {
  return { ...bars, symbol, time: bars.time.map((time) => time + seconds) };
}

/** With noise of its own, in multiples of the variance of its returns. */
function withNoise(bars: BarColumns, variance: number, seed: string): BarColumns {
  const rng = createRng(seed);
  let walk = 0;
  return {
    ...bars,
    close: bars.close.map((price) => price * exp((walk += 1.2e-4 * Math.sqrt(variance) * rng.normal()))),
  };
}

describe('cross-correlation', () => {
  it('equals the sums written out, at every lag, with missing values and unequal starts', () => {
    const rng = createRng('sums');
    const draw = (from: number, length: number): Grid => ({
      from,
      step: 60,
      values: Float64Array.from({ length }, () => (rng.uniform() < 0.1 ? NaN : rng.normal())),
    });
    const a = draw(600, 2400);
    const b = draw(0, 3000);
    const found = crossCorrelate(a, b, 12)!;
    const valueOf = (grid: Grid, time: number): number => {
      const value = grid.values[(time - grid.from) / 60] ?? NaN;
      return Number.isNaN(value) ? 0 : value;
    };
    for (const lag of [-12, -1, 0, 3, 12]) {
      let products = 0;
      let squaresA = 0;
      let squaresB = 0;
      for (let t = 600; t < 600 + 2400 * 60; t += 60) {
        products += valueOf(a, t) * valueOf(b, t + 60 * lag >= 600 ? t + 60 * lag : -60);
        squaresA += valueOf(a, t) ** 2;
        squaresB += valueOf(b, t) ** 2;
      }
      expect(found.at(lag).value).toBeCloseTo(products / Math.sqrt(squaresA * squaresB), 10);
    }
  });

  it('states a standard error that covers the truth in nine of ten draws at 1.65', () => {
    let inside = 0;
    for (let draw = 0; draw < 100; draw++) {
      const { a, b } = walks(4000, 0, `error/${draw}`);
      const movesOf = movesCache();
      const found = crossCorrelate(movesOf(a, 60).signed, movesOf(b, 60).signed, 30)!;
      const { value, error } = found.at(7);
      if (Math.abs(value) <= 1.645 * error) inside++;
    }
    expect(inside).toBeGreaterThanOrEqual(83);
    expect(inside).toBeLessThanOrEqual(97);
  });
});

describe('a leg that is the other one at another time', () => {
  const { a, b } = walks(20_000, 0.5, 'legs');

  it('is not found where both move at the same time', () => {
    expect(findLeadLag(a, b)).toBeNull();
    expect(findLeadLag(a, { ...a, symbol: 'BBB' })).toBeNull();
  });

  it.each([1, 2, 7, 10, 60])('is found with its lag of %i minutes, exact or with noise of twice its variance', (k) => {
    expect(findLeadLag(a, shifted(a, 60 * k, 'BBB'))).toMatchObject({ lagSeconds: 60 * k });
    expect(findLeadLag(a, withNoise(shifted(a, 60 * k, 'BBB'), 2, `noise/${k}`))).toMatchObject({ lagSeconds: 60 * k });
    expect(findLeadLag(shifted(a, 60 * k, 'BBB'), a)).toMatchObject({ lagSeconds: -60 * k });
  });

  it.each([
    ['half a day', 720],
    ['a bar', 1],
  ])('is found when it comes late by 1 to 20 minutes, others after each %s', (_, minutes) => {
    const rng = createRng(`late ${minutes}`);
    let late = 10;
    const close = a.close.map((_price, t) => {
      if (t % minutes === 0) late = 1 + rng.integer(20);
      return a.close[Math.max(0, t - late)]!;
    });
    const copy = columns('BBB', close);
    const found = findLeadLag(a, copy)!;
    expect(found).toMatchObject({ of: 'returns' });
    expect(found.lagSeconds).toBeGreaterThan(5 * 60);
    expect(found.lagSeconds).toBeLessThan(16 * 60);
    expect(leadLagText(found)).toMatch(
      /^BBB repeats AAA by changing times, about \d+ min, later \(correlations of returns add up to [01]\.\d+ ± 0\.\d+ over the lags up to (30 min|1 h), /,
    );
    expect(findLeadLag(copy, a)!.lagSeconds).toBe(-found.lagSeconds);
  });

  it('is found when a fifth of its move is what the other one does a minute, or five, later', () => {
    for (const ahead of [1, 5]) {
      let level = 0;
      const close = a.close.map((_price, t) => {
        const move = (of: BarColumns, at: number): number =>
          at < 1 || at >= of.length ? 0 : Math.log(of.close[at]! / of.close[at - 1]!);
        return exp((level += 0.8 * move(a, t) + 0.2 * move(a, t + ahead)));
      });
      expect(findLeadLag(a, columns('BBB', close))).toMatchObject({ lagSeconds: -60 * ahead });
    }
  });

  it.each([
    ['an hour late for the weeks of one summer time', 9000, 12_500, 60],
    ['ten minutes late at the end alone', 16_500, 20_000, 10],
    ['ten minutes early for a while', 3000, 6500, -10],
  ])('is found in a part of the bars, with the days: %s', (_, from, to, minutes) => {
    const parted = (of: BarColumns): BarColumns =>
      columns(
        'BBB',
        of.close.map((price, t) => (t >= from && t < to ? (of.close[t - minutes] ?? price) : price)),
      );
    const found = findLeadLag(a, parted(b))!;
    expect(found).toMatchObject({ lagSeconds: 60 * minutes, of: 'returns' });
    // The part that is named has at most a few blocks before or after the changed bars.
    expect(found.part!.from).toBeGreaterThanOrEqual(START + 60 * (from - 1000));
    expect(found.part!.to).toBeLessThanOrEqual(START + 60 * (to + 1000));
    expect(found.correlation.value).toBeGreaterThan(2 * Math.abs(found.atZero.value));
    expect(leadLagText(found)).toMatch(
      / later, most clearly from 2019-01-\d\d to 2019-01-\d\d \(correlation of returns 0/,
    );
    // Whole days of other noise have no such part.
    expect(findLeadLag(a, parted(walks(20_000, 0, 'others').b))).toBeNull();
  });

  describe('in some of its moves', () => {
    const long = walks(130_000, 0.5, 'strata');
    /** A copy of b that also makes a's moves of the next `ahead` minutes wherever `isKnown` is true. */
    const knowing = (ahead: number, isKnown: (time: number, move: number) => boolean): BarColumns =>
      columns(
        'BBB',
        long.b.close.map((price, t) => {
          const ratio = (long.a.close[t + ahead] ?? long.a.close[t]!) / long.a.close[t]!;
          return isKnown(START + 60 * t, Math.abs(Math.log(ratio))) ? price * ratio : price;
        }),
      );
    const hourOf = (time: number): number => Math.floor(time / 3600) % 24;

    it('is found with the hour of the day at which it knows the next ten minutes', () => {
      const found = findLeadLag(
        long.a,
        knowing(10, (time) => hourOf(time) === 14),
      );
      expect(found).toMatchObject({ lagSeconds: -600, among: { kind: 'hour of the day', hour: 14 } });
      expect(leadLagText(found!)).toMatch(
        /^AAA repeats BBB 10 min later in the hour from 14:00 UTC \(correlation of returns 0\.\d+ ± 0\.\d+ at this lag, /,
      );
      const other = findLeadLag(
        knowing(1, (time) => hourOf(time) === 3),
        long.a,
      );
      expect(other).toMatchObject({ lagSeconds: 60, among: { kind: 'hour of the day', hour: 3 } });
    });

    it('is found where it knows only the largest moves that come', () => {
      const found = findLeadLag(
        long.a,
        knowing(10, (_, move) => move > 2e-3),
      );
      expect(found).toMatchObject({ lagSeconds: -600, among: { kind: 'large moves' } });
      expect(leadLagText(found!)).toContain('AAA repeats BBB 10 min later where its move is large (');
    });
  });

  it('is found with the hour of the week at which it knows the next ten minutes', () => {
    const { a: year, b: other } = walks(310_000, 0.5, 'weeks');
    const close = other.close.map((price, t) =>
      // 2019-01-03 was a Thursday.
      Math.floor((START + 60 * t) / 3600 + 96) % 168 === 86
        ? (price * (year.close[t + 10] ?? year.close[t]!)) / year.close[t]!
        : price,
    );
    const found = findLeadLag(year, columns('BBB', close))!;
    expect(found).toMatchObject({ lagSeconds: -600, among: { kind: 'hour of the week', hour: 86 } });
    expect(leadLagText(found)).toContain('10 min later on Wednesdays in the hour from 14:00 UTC (');
  });

  it.each([-14, -5, -0.5, 1, 5.5, 24])('is found when its clock is off by %d hours', (hours) => {
    expect(findLeadLag(a, shifted(b, 3600 * hours))).toMatchObject({ lagSeconds: 3600 * hours, of: 'returns' });
  });

  it('is found by absolute returns when the signs have nothing in common', () => {
    const rng = createRng('signs');
    let level = 0;
    const closes = a.close.map((price, t) => {
      const move = t === 0 ? 0 : Math.abs(price / a.close[t - 1]! - 1);
      return exp((level += rng.uniform() < 0.5 ? move : -move));
    });
    const signless = columns('BBB', closes);
    expect(findLeadLag(a, signless)).toBeNull();
    expect(findLeadLag(a, shifted(signless, 3 * 3600))).toMatchObject({ lagSeconds: 10_800, of: 'absolute returns' });
  });

  it('is told with both symbols, the lag and both correlations', () => {
    expect(leadLagText(findLeadLag(a, shifted(b, -19_800))!)).toMatch(
      /^AAA repeats BBB 5 h 30 min later \(correlation of returns 0\.\d+ ± 0\.\d+ at this lag, -?0\.0\d+ ± 0\.\d+ at the same time\)$/,
    );
  });

  it('is found in bars of one hour too', () => {
    const hourly = walks(3000, 0.5, 'hourly');
    const stretched = (bars: BarColumns): BarColumns => ({
      ...bars,
      time: bars.time.map((time) => START + 60 * (time - START)),
    });
    expect(findLeadLag(stretched(hourly.a), stretched(hourly.b))).toBeNull();
    expect(findLeadLag(stretched(hourly.a), shifted(stretched(hourly.b), 18_000))).toMatchObject({
      lagSeconds: 18_000,
    });
  });

  it('is not found in a part of bars with weekends, of one leg alone or of both', () => {
    // Two and a half days of every seven have no bars; those of b begin six hours later.
    const open = (bars: BarColumns, late: number): BarColumns => {
      const kept = [...bars.time.keys()].filter((t) => (t + 1440 - late) % 10_080 < 6480);
      const picked = (values: Float64Array): Float64Array => Float64Array.from(kept, (t) => values[t]!);
      return { ...columns(bars.symbol, picked(bars.close)), time: picked(bars.time) };
    };
    const { a: longA, b: longB } = walks(60_000, 0.5, 'weekends');
    expect(findLeadLag(open(longA, 0), open(longB, 360))).toBeNull();
  });

  it('is not claimed of bars that are too few to say', () => {
    const few = walks(500, 0.5, 'few');
    expect(findLeadLag(few.a, shifted(few.b, 600))).toBeNull();
  });
});

describe('legs that leave each other and come back', () => {
  /** Both make a common move and one of their own, and close a share of the gap between them each. */
  const closing = (halfLife: number, own: number, shareA: number, seed: string): { a: BarColumns; b: BarColumns } => {
    const rng = createRng(seed);
    const closed = 1 - 0.5 ** (1 / halfLife);
    const a = new Float64Array(28_800);
    const b = new Float64Array(28_800);
    let levelA = 0;
    let levelB = 0;
    for (let t = 0; t < a.length; t++) {
      const gap = levelA - levelB;
      const common = 1e-4 * rng.normal();
      levelA += common + 1e-4 * own * rng.normal() - shareA * closed * gap;
      levelB += common + 1e-4 * own * rng.normal() + (1 - shareA) * closed * gap;
      a[t] = exp(levelA);
      b[t] = exp(levelB);
    }
    return { a: columns('AAA', a), b: columns('BBB', b) };
  };

  it.each([2, 3, 6])('are not refused where both close the gap, of shocks as large as common moves: %i min', (half) => {
    for (const own of [0.7, 1, 1.4]) {
      const { a, b } = closing(half, own, 0.5, `both ${half} ${own}`);
      expect(findLeadLag(a, b)).toBeNull();
    }
  });

  it.each([2, 3, 6])('are not refused where one is quoted the other way round: %i min', (half) => {
    const { a, b } = closing(half, 1, 0.5, `inverse ${half}`);
    const inverse = b.close.map((price) => 1 / price);
    expect(findLeadLag(a, columns('BBB', inverse))).toBeNull();
  });

  it.each([4, 12, 40])('together, with an asset in common that comes back, are not refused: %i min', (half) => {
    const rng = createRng(`common ${half}`);
    const kept = 0.5 ** (1 / half);
    let common = 0;
    const walks = [0, 0];
    const closes = [new Float64Array(28_800), new Float64Array(28_800)];
    for (let t = 0; t < closes[0]!.length; t++) {
      common = kept * common + 1e-4 * rng.normal();
      for (const [leg, close] of closes.entries()) {
        walks[leg]! += 3e-5 * rng.normal();
        close[t] = exp(common + walks[leg]!);
      }
    }
    expect(findLeadLag(columns('AAA', closes[0]!), columns('BBB', closes[1]!))).toBeNull();
  });

  it('are refused where one alone follows the other: prices cannot tell it from a copy that comes late', () => {
    const { a, b } = closing(4, 1, 1, 'follows');
    expect(findLeadLag(a, b)!.lagSeconds).toBeLessThan(0);
  });

  it('are refused where one is the other’s mean of minutes before and after: it reverses nothing', () => {
    const { a } = walks(20_000, 0.5, 'legs');
    const mean = a.close.map((_, t) => {
      const around = a.close.subarray(Math.max(0, t - 5), t + 6);
      return around.reduce((sum, price) => sum + price, 0) / around.length;
    });
    expect(findLeadLag(a, columns('BBB', mean))).not.toBeNull();
  });

  it('hide no leg that comes ten minutes late, though 30 % of it is in time and both close their gap', () => {
    const { a, b } = closing(4, 1, 0.5, 'late too');
    const late = b.close.map((price, t) => exp(0.3 * Math.log(price) + 0.7 * Math.log(b.close[Math.max(0, t - 10)]!)));
    expect(findLeadLag(a, columns('BBB', late))).toMatchObject({ lagSeconds: 600 });
  });
});

const m1 = realData('m1');
const REAL =
  'XAUUSD_XAGUSD AUDUSD_NZDUSD EURUSD_GBPUSD EURUSD_USDCHF AUDUSD_USDCAD NZDUSD_USDCAD GBPUSD_USDCHF SPXUSD_NSXUSD USDCAD_BCOUSD USDJPY_USDCHF';

describe.skipIf(m1 === null)(`recorded bars${skipNote(m1)}`, () => {
  const read = (symbol: string): Promise<BarColumns> => readBarFile(`${m1}/${symbol}.csv.gz`);

  it('have no pair of the default configuration with a lag', async () => {
    const movesOf = movesCache();
    const bars = new Map<string, BarColumns>();
    for (const symbol of new Set(REAL.split(/[ _]/))) bars.set(symbol, await read(symbol));
    const found = REAL.split(' ').flatMap((pair) => {
      const [a, b] = pair.split('_');
      return findLeadLag(bars.get(a!)!, bars.get(b!)!, movesOf) ?? [];
    });
    expect(found).toEqual([]);
  }, 300_000);

  it('show a clock that is off by five hours on the pair that moves together least', async () => {
    const a = await read('USDCAD');
    const b = await read('BCOUSD');
    expect(findLeadLag(a, shifted(b, -18_000))).toMatchObject({ lagSeconds: -18_000 });
  });
});
