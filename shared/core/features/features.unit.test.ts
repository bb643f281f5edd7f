import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { Bar, OpenTime } from '../../bar.ts';
import { barAt, readBarFolder } from '../../bar_file/bar_file.ts';
import { realData, skipNote } from '../../bar_file/real_data.fixture.ts';
import { parsePair } from '../../pair.ts';
import { createRng } from '../../rng.ts';
import { DEFAULT, flatBar, randomPair, SMALL } from './features.fixture.ts';
import { naiveFeatures } from './features.oracle.ts';
import {
  FeatureEngine,
  featureDefinitions,
  PairFeatures,
  warmUpSeconds,
  warmupBars,
  type PairBars,
} from './features.ts';
import type { Windows } from './windows.ts';

const HOURLY = parsePair('A_B@1h');

function run(windows: Windows, a: readonly Bar[], b: readonly Bar[]): PairFeatures {
  const features = new PairFeatures(windows);
  for (let i = 0; i < a.length; i++) features.step(a[i]!, b[i]!);
  return features;
}

/**
 * Runs the engine over the bars and compares its last values with the textbook formulas: within 1e-9 of the value or of
 * the standard deviation of its column, whichever is greater.
 */
function expectEqualToOracle(a: readonly Bar[], b: readonly Bar[], windows: Windows, every = Infinity): void {
  const features = new PairFeatures(windows);
  const columns = features.definitions.map((): number[] => []);
  const look = warmupBars(windows) + 3;
  for (let t = 0; t < a.length; t++) {
    features.step(a[t]!, b[t]!);
    features.definitions.forEach((_, c) => columns[c]!.push(features.values[c]!));
    if (t < look || (t + 1 < a.length && t % every !== 0)) continue;
    const expected = naiveFeatures(a.slice(t - look, t + 1), b.slice(t - look, t + 1), windows);
    expect(Object.keys(expected)).toEqual(features.definitions.map((feature) => feature.name));
    features.definitions.forEach(({ name }, c) => {
      const value = features.values[c]!;
      const exact = expected[name]!;
      if (Number.isNaN(exact)) expect(value, name).toBeNaN();
      else
        expect(Math.abs(value - exact), `${name} at ${t}: ${value} instead of ${exact}`).toBeLessThanOrEqual(
          1e-9 * Math.max(Math.abs(exact), deviation(columns[c]!.filter((v) => !Number.isNaN(v)))),
        );
    });
  }
}

function deviation(values: readonly number[]): number {
  const mean = values.reduce((sum, v) => sum + v, 0) / values.length;
  return Math.sqrt(values.reduce((sum, v) => sum + (v - mean) ** 2, 0) / Math.max(1, values.length - 1));
}

/** Windows that the configuration would take. */
const anyWindows: fc.Arbitrary<Windows> = fc.record({
  beta_window: fc.integer({ min: 5, max: 50 }),
  z_window: fc.integer({ min: 5, max: 50 }),
  vol_short: fc.integer({ min: 5, max: 25 }),
  vol_window: fc.integer({ min: 5, max: 40 }),
  vol_long: fc.integer({ min: 26, max: 50 }),
  atr_short: fc.integer({ min: 5, max: 25 }),
  atr_long: fc.integer({ min: 26, max: 50 }),
  stability_window: fc.integer({ min: 5, max: 40 }),
  half_life_window: fc.integer({ min: 5, max: 50 }),
  pnl_window: fc.integer({ min: 5, max: 40 }),
  activity_window: fc.integer({ min: 5, max: 40 }),
  volume_window: fc.integer({ min: 5, max: 50 }),
});

/** The shortest windows that the configuration would take. */
const TINY: Windows = {
  beta_window: 5,
  z_window: 5,
  vol_short: 5,
  vol_window: 5,
  vol_long: 6,
  atr_short: 5,
  atr_long: 6,
  stability_window: 5,
  half_life_window: 5,
  pnl_window: 5,
  activity_window: 5,
  volume_window: 5,
};

describe('PairFeatures', () => {
  it('equals the textbook formula for every feature on random markets with gaps and flat bars, for any windows', () => {
    fc.assert(
      fc.property(
        fc.string(),
        anyWindows,
        fc.boolean(),
        fc.boolean(),
        fc.integer({ min: 30, max: 120 }),
        (seed, windows, volume, quoted, more) => {
          const { a, b } = randomPair(seed, warmupBars(windows) + more, { volume, quoted, weekendAt: 30 });
          expectEqualToOracle(a, b, windows, 7);
        },
      ),
      { numRuns: 100 },
    );
  });

  it('equals the textbook formula with the default windows', () => {
    const { a, b } = randomPair('default windows', 1500, { weekendAt: 700 });
    expectEqualToOracle(a, b, DEFAULT, 31);
  });

  const m1 = realData('m1');
  it.skipIf(m1 === null)(`equals the textbook formula on a week of real pairs${skipNote(m1)}`, async () => {
    const read = await readBarFolder(m1!, ['EURUSD', 'USDCHF', 'XAUUSD', 'XAGUSD', 'SPXUSD', 'NSXUSD']);
    for (const id of ['EURUSD_USDCHF', 'XAUUSD_XAGUSD', 'SPXUSD_NSXUSD']) {
      const x = read.get(parsePair(id).a)!;
      const y = read.get(parsePair(id).b)!;
      const positions = new Map(Array.from(y.time, (time, j) => [time, j]));
      const a: Bar[] = [];
      const b: Bar[] = [];
      // From the middle of a week over a weekend into the next.
      for (let i = 20_000; a.length < 6000; i++) {
        const j = positions.get(x.time[i]!);
        if (j === undefined) continue;
        a.push(barAt(x, i));
        b.push(barAt(y, j));
      }
      expectEqualToOracle(a, b, DEFAULT, 211);
    }
  });

  it('is, after warm-up, a pure function of its last warm-up bars, to the bit, wherever the run began', () => {
    fc.assert(
      fc.property(fc.string(), fc.integer({ min: 1, max: 200 }), (seed, earlier) => {
        const { a, b } = randomPair(seed, warmupBars(SMALL) + earlier);
        const long = run(SMALL, a, b);
        const short = run(SMALL, a.slice(earlier), b.slice(earlier));
        expect(short.ready).toBe(true);
        expect(short.values).toEqual(long.values);
      }),
      { numRuns: 100 },
    );
  });

  it('continues, to the bit, as if it had never stopped, when its last warm-up bars are stepped again at any cut', () => {
    fc.assert(
      fc.property(fc.string(), anyWindows, fc.nat(), (seed, windows, where) => {
        const warmup = warmupBars(windows);
        const { a, b } = randomPair(seed, warmup + 120);
        const cut = warmup + (where % 100);
        const whole = run(windows, a.slice(0, cut), b.slice(0, cut));
        const again = run(windows, a.slice(cut - warmup, cut), b.slice(cut - warmup, cut));
        for (let t = cut; t < a.length; t++) {
          expect(again.values).toEqual(whole.values);
          const none = { bars: 0, barsBehindHole: 0 };
          expect({ ...again.frame, ...none }).toEqual({ ...whole.frame, ...none });
          whole.step(a[t]!, b[t]!);
          again.step(a[t]!, b[t]!);
        }
      }),
      { numRuns: 60 },
    );
  });

  it('does not look ahead: every feature recomputed on data cut off at t is equal to the bit', () => {
    const { a, b } = randomPair('no look-ahead', 1100);
    const whole = new PairFeatures(DEFAULT);
    for (let t = 0; t < a.length; t++) {
      whole.step(a[t]!, b[t]!);
      if (t % 97 === 0) expect(whole.values).toEqual(run(DEFAULT, a.slice(0, t + 1), b.slice(0, t + 1)).values);
    }
  });

  it.each([
    ['usual order', SMALL],
    ['turned order', { ...SMALL, z_window: 6, vol_window: 15, volume_window: 5, vol_short: 7 }],
    ['shortest', TINY],
  ])(
    'has every column first on the bar its warm-up promises, and is ready when all are there: windows of %s',
    (_, windows) => {
      const { a, b } = randomPair('warm-up', warmupBars(windows) + 5);
      const features = new PairFeatures(windows);
      const firstSeen = new Map<string, number>();
      for (let t = 0; t < a.length; t++) {
        features.step(a[t]!, b[t]!);
        expect(features.ready).toBe(t + 1 >= warmupBars(windows));
        features.definitions.forEach(({ name }, i) => {
          if (!Number.isNaN(features.values[i]!) && !firstSeen.has(name)) firstSeen.set(name, t + 1);
        });
      }
      expect(Object.fromEntries(firstSeen)).toEqual(
        Object.fromEntries(featureDefinitions(windows).map((f) => [f.name, f.warmup_bars])),
      );
    },
  );

  it('stays finite on constant prices, on one constant leg and on a perfect line', () => {
    const shapes: ((i: number) => [number, number])[] = [
      () => [1.25, 0.8],
      (i) => [1.25, 0.8 + 0.001 * Math.sin(i)],
      (i) => [1.25 + 0.001 * Math.sin(i), 0.8],
      (i) => [Math.exp(0.5 * Math.log(2 + Math.sin(i))), 2 + Math.sin(i)],
    ];
    for (const shape of shapes) {
      const features = new PairFeatures(SMALL);
      for (let i = 0; i < 300; i++) {
        const [pa, pb] = shape(i);
        features.step(flatBar('A', i + 1, pa, { spread: 0.0001 }), flatBar('B', i + 1, pb, { spread: 0.0001 }));
        if (!features.ready) continue;
        features.definitions.forEach(({ name }, c) =>
          expect(Number.isFinite(features.values[c]!), `${name} at ${i}`).toBe(true),
        );
        expect(Math.abs(features.frame.z)).toBeLessThan(12);
      }
    }
  });

  it('has z 0 when A is an exact power of B: the rounding of doubles is no signal', () => {
    const features = new PairFeatures(SMALL);
    for (let i = 0; i < 300; i++) {
      const pb = 2 + Math.sin(i / 10);
      features.step(flatBar('A', i + 1, Math.exp(0.5 * Math.log(pb))), flatBar('B', i + 1, pb));
    }
    expect(features.frame.z).toBe(0);
  });

  it('has a frame without a previous bar before its first', () => {
    const { frame, bars, ready } = new PairFeatures(SMALL);
    const none = { symbol: '', time: 0, open: NaN, high: NaN, low: NaN, close: NaN, volume: 0 };
    expect([bars, ready, frame.number, frame.a, frame.b]).toEqual([0, false, -Infinity, none, none]);
    const numbers = Object.entries(frame).filter(
      ([name]) => !['bars', 'barsBehindHole', 'number', 'a', 'b'].includes(name),
    );
    expect(numbers.map(([, value]) => value as number)).toEqual(numbers.map(() => NaN));
  });

  it('refuses legs of different minutes and time that does not ascend', () => {
    const features = new PairFeatures(SMALL);
    const step = (minuteA: number, minuteB = minuteA): void =>
      features.step(flatBar('A', minuteA, 2), flatBar('B', minuteB, 3));
    step(7);
    expect(() => step(8, 7)).toThrow(new RangeError('legs of different minutes: 480 and 420'));
    expect(() => step(7)).toThrow(new RangeError('bar 7 after bar 7'));
    expect(() => step(6)).toThrow(new RangeError('bar 6 after bar 7'));
    step(8);
    expect(features.bars).toBe(2);
  });

  it('has finite values, or NaN where the definition marks them missing, for all bars that are valid, however extreme', () => {
    const price = fc.oneof(
      fc.constantFrom(5e-324, 1e-308, 1e-160, 1, 1 + 2 ** -52, 1e160, 1.7e308),
      fc.integer({ min: -744, max: 709 }).map((ln) => Math.max(5e-324, Math.exp(ln))),
      fc.integer({ min: 900, max: 1100 }).map((thousandths) => thousandths / 1000),
    );
    const amount = fc.oneof(fc.constantFrom(0, 5e-324, 1, 1.7e308), fc.integer({ min: 0, max: 1_000_000 }));
    const leg = fc.record({ open: price, high: price, low: price, close: price, volume: amount, spread: amount });
    /** Runs of the same bar, so that windows become constant and jump. */
    const runs = fc.array(fc.record({ a: leg, b: leg, length: fc.integer({ min: 1, max: 40 }) }), {
      minLength: 2,
      maxLength: 25,
      size: 'max',
    });
    const missing = new Set(featureDefinitions(SMALL).flatMap(({ name, missing }) => (missing ? [name] : [])));
    const columns = featureDefinitions(SMALL).map(({ name }) => name);
    const inFrame = ['z', 'alpha', 'beta', 'zMean', 'zStd', 'lnA', 'lnB', 'spreadVol'] as const;
    const row = new Float32Array(columns.length);
    fc.assert(
      fc.property(runs, fc.oneof(fc.constant(SMALL), anyWindows), (market, windows) => {
        const features = new PairFeatures(windows);
        let minute = 1000;
        for (const { a, b, length } of market) {
          for (let i = 0; i < length; i++) {
            minute++;
            features.step(enclosed('A', minute, a), enclosed('B', minute, b));
            if (!features.ready) continue;
            features.writeRow(row, 0);
            const wrong = columns.filter((name, c) => {
              const value = features.values[c]!;
              const isAllowed = Number.isFinite(value) || (missing.has(name) && Number.isNaN(value));
              const isKept = Number.isNaN(value) ? Number.isNaN(row[c]!) : Number.isFinite(row[c]!);
              return !isAllowed || !isKept;
            });
            for (const name of inFrame) if (!Number.isFinite(features.frame[name])) wrong.push(name);
            if (wrong.length > 0) expect(wrong, `at minute ${minute}`).toEqual([]);
          }
        }
      }),
      { numRuns: 150 },
    );
  });

  describe('semantics', () => {
    const valueOf = (features: PairFeatures, name: string): number =>
      features.values[features.definitions.findIndex((feature) => feature.name === name)]!;
    /** A warm pair, and its next minute. */
    const warm = (seed: string, shape: Parameters<typeof randomPair>[2] = {}) => {
      const { a, b } = randomPair(seed, 200, { gaps: false, ...shape });
      return { a, b, features: run(SMALL, a, b), next: a.at(-1)!.time / 60 + 1 };
    };

    it('a minute that one leg lacks changes nothing: windows count bars, not minutes', () => {
      const { a, b, features } = warm('holes');
      // The same bars an hour apart instead of a minute: only features of time differ.
      const apart = (bars: readonly Bar[]): Bar[] => bars.map((bar) => ({ ...bar, time: (bar.time * 60) as OpenTime }));
      const sparse = run(SMALL, apart(a), apart(b));
      for (const { name } of features.definitions) {
        if (['coverage', 'gap', 'day_sin', 'day_cos', 'week_sin', 'week_cos'].includes(name)) continue;
        const dense = valueOf(features, name);
        const found = valueOf(sparse, name);
        expect(Math.abs(found - dense), name).toBeLessThan(1e-9 * Math.max(1e-3, Math.abs(dense)));
      }
    });

    it('a gap resets no window; return and true range of the first bar after it hold the whole jump, and gap and coverage show it', () => {
      const { a, b, features, next } = warm('weekend');
      const minute = next + 2880;
      const lastA = a.at(-1)!;
      features.step(flatBar('A', minute, lastA.close * 1.02), flatBar('B', minute, b.at(-1)!.close));
      expect(features.ready).toBe(true);
      expect(features.frame.returnA).toBeCloseTo(Math.log(1.02), 12);
      expect(valueOf(features, 'gap')).toBeCloseTo(Math.log(2881), 12);
      expect(valueOf(features, 'coverage')).toBeCloseTo(10 / 2890, 12);
      const ranges = (bars: readonly Bar[]): number =>
        bars.reduce((sum, bar) => sum + Math.max(bar.high, before(bar)) - Math.min(bar.low, before(bar)), 0);
      const before = (bar: Bar): number => a[a.indexOf(bar) - 1]!.close;
      const jump = lastA.close * 0.02;
      expect(valueOf(features, 'atr_ratio_a')).toBeCloseTo(
        (ranges(a.slice(-3)) + jump) / 4 / ((ranges(a.slice(-16)) + jump) / 17),
        9,
      );
    });

    it('constant prices have slope, correlation, z and changes of 0, and ratios of 1', () => {
      const features = new PairFeatures(SMALL);
      for (let i = 1; i < 100; i++) features.step(flatBar('A', i, 1.25), flatBar('B', i, 0.8));
      for (const name of ['beta', 'corr', 'spread', 'z_score', 'z_abs', 'z_change_1', 'z_change_15', 'z_fast'])
        expect(valueOf(features, name), name).toBe(0);
      for (const name of [
        'vol_a',
        'vol_b',
        'spread_vol',
        'efficiency_ratio',
        'hedged_autocorr',
        'beta_stability',
        'pnl_std',
      ])
        expect(valueOf(features, name), name).toBe(0);
      for (const name of ['vol_jump', 'spread_vol_jump', 'atr_ratio_a', 'atr_ratio_b', 'atr_ratio'])
        expect(valueOf(features, name), name).toBe(1);
      expect(valueOf(features, 'alpha')).toBeCloseTo(Math.log(1.25), 15);
      expect([valueOf(features, 'reversion_speed'), valueOf(features, 'half_life')]).toEqual([0, 14]);
      expect([valueOf(features, 'activity_score'), valueOf(features, 'coverage'), valueOf(features, 'gap')]).toEqual([
        0, 1, 0,
      ]);
    });

    it('a constant leg B leaves beta 0: the spread is that of A alone', () => {
      const features = new PairFeatures(SMALL);
      for (let i = 1; i < 100; i++) features.step(flatBar('A', i, 1.25 + 0.01 * Math.sin(i)), flatBar('B', i, 0.8));
      expect([valueOf(features, 'beta'), valueOf(features, 'corr')]).toEqual([0, 0]);
      expect(features.frame.hedgedReturn).toBe(features.frame.returnA);
      expect(Math.abs(valueOf(features, 'z_score'))).toBeGreaterThan(0);
    });

    it('a bar of unknown volume makes liquidity_score missing while it is in volume_window, in either leg', () => {
      for (const unknown of ['A', 'B']) {
        const { a, b, features, next } = warm('volume');
        expect(valueOf(features, 'liquidity_score')).not.toBeNaN();
        for (let i = 0; i <= SMALL.volume_window; i++) {
          const volume = (symbol: string): number => (i === 0 && symbol === unknown ? 0 : 7);
          features.step(
            flatBar('A', next + i, a.at(-1)!.close, { volume: volume('A') }),
            flatBar('B', next + i, b.at(-1)!.close, { volume: volume('B') }),
          );
          expect(Number.isNaN(valueOf(features, 'liquidity_score')), `${unknown} ${i}`).toBe(i < SMALL.volume_window);
        }
      }
    });

    it('quoted_spread is missing exactly while a leg has none, and 0 where the hedged return is constant', () => {
      const { a, b, features, next } = warm('quoted');
      expect(valueOf(features, 'quoted_spread')).toBeGreaterThan(0);
      features.step(flatBar('A', next, a.at(-1)!.close, { spread: 1 }), flatBar('B', next, b.at(-1)!.close));
      expect(valueOf(features, 'quoted_spread')).toBeNaN();
      for (let i = 1; i < 60; i++)
        features.step(flatBar('A', next + i, 3, { spread: 1 }), flatBar('B', next + i, 2, { spread: 1 }));
      expect(valueOf(features, 'quoted_spread')).toBe(0);
      features.step(flatBar('A', next + 60, 3), flatBar('B', next + 60, 2, { spread: 1 }));
      expect(valueOf(features, 'quoted_spread')).toBeNaN();
      features.step(flatBar('A', next + 61, 3, { spread: 1 }), flatBar('B', next + 61, 2));
      expect(valueOf(features, 'quoted_spread')).toBeNaN();
    });
  });
});

/** Fate of one minute of one symbol. */
const fate = fc.constantFrom('bar', 'bar', 'bar', 'bar', 'bar', 'bar', 'bar', 'bar', 'bar', 'bar', 'bar', 'none');

describe('FeatureEngine', () => {
  const PAIRS = ['A_B', 'A_C', 'B_C', 'C_D', 'D_A', 'A_B'].map(parsePair);

  it('gives every pair, to the bit, the values of its own engine, whatever it shares, misses, and has late', () => {
    const script = fc.record({
      seed: fc.string(),
      windows: fc.oneof(fc.constant(SMALL), anyWindows),
      /** Minutes of long calm in which pairs come into step, and what comes between. */
      parts: fc.array(
        fc.record({
          calm: fc.integer({ min: 0, max: 90 }),
          fates: fc.array(fc.array(fate, { minLength: 4, maxLength: 4 }), { maxLength: 4, size: 'max' }),
          /** Pairs that wait, and step what they missed in one batch at the end of the part. */
          late: fc.subarray([0, 1, 2, 3, 4, 5]),
          /** A pair that receives other prices than the others, once. */
          revised: fc.option(fc.integer({ min: 0, max: 5 })),
        }),
        { minLength: 1, maxLength: 6, size: 'max' },
      ),
    });
    fc.assert(
      fc.property(script, ({ seed, windows, parts }) => {
        const rng = createRng(seed);
        const together = new FeatureEngine(PAIRS, windows);
        const alone = PAIRS.map(() => new PairFeatures(windows));
        const prices = [1300, 15, 1.1, 0.9];
        let minute = 25_000_000 + rng.integer(10_000);
        const stepAndCompare = (batch: readonly PairBars[]): void => {
          together.step(batch);
          for (const { pairIndex, a, b } of batch) alone[pairIndex]!.step(a, b);
          for (const { pairIndex } of batch) {
            const single = alone[pairIndex]!;
            // The comparison of vitest alone would take most of the time of this test.
            if (!together.values(pairIndex).every((value, c) => Object.is(value, single.values[c])))
              expect(together.values(pairIndex)).toEqual(single.values);
            const frame: Record<string, unknown> = { ...single.frame };
            if (!Object.entries(together.frame(pairIndex)).every(([name, value]) => Object.is(value, frame[name])))
              expect(together.frame(pairIndex)).toEqual(single.frame);
            if (together.ready(pairIndex) !== single.ready) expect(together.ready(pairIndex)).toBe(single.ready);
          }
        };
        for (const { calm, fates, late, revised } of parts) {
          const waiting: PairBars[] = [];
          const minutes = [...Array.from({ length: calm }, () => ['bar', 'bar', 'bar', 'bar']), ...fates];
          for (const [i, symbols] of minutes.entries()) {
            minute += rng.uniform() < 0.02 ? 1 + rng.integer(300) : 1;
            const bars = symbols.map((what, s) => {
              if (what === 'none') return null;
              prices[s]! *= Math.exp(rng.normal() * 1e-3);
              const volume = rng.uniform() < 0.01 ? 0 : 1 + rng.integer(9);
              return flatBar('ABCD'[s]!, minute, prices[s]!, { high: prices[s]! * (1 + 1e-4 * rng.uniform()), volume });
            });
            const batch: PairBars[] = [];
            for (const [pairIndex, pair] of PAIRS.entries()) {
              const a = bars['ABCD'.indexOf(pair.a)]!;
              const b = bars['ABCD'.indexOf(pair.b)]!;
              if (a === null || b === null) continue;
              const told = revised === pairIndex && i === 0 ? { ...a, high: a.high * 2 } : a;
              (late.includes(pairIndex) ? waiting : batch).push({ pairIndex, a: told, b });
            }
            batch.sort(() => rng.uniform() - 0.5);
            stepAndCompare(batch);
          }
          stepAndCompare(waiting);
        }
      }),
      { numRuns: 60 },
    );
  });

  it('steps whole histories pair by pair as it steps them minute by minute', () => {
    const { a, b } = randomPair('pair by pair', 700);
    const c = a.map((bar) => ({ ...bar, symbol: 'C', close: bar.low }));
    const legs: Record<string, readonly Bar[]> = { A: a, B: b, C: c };
    const pairs = ['A_B', 'A_C', 'C_B'].map(parsePair);
    const byPair = new FeatureEngine(pairs, DEFAULT);
    const byMinute = new FeatureEngine(pairs, DEFAULT);
    const bars = (t: number): PairBars[] =>
      pairs.map((pair, pairIndex) => ({ pairIndex, a: legs[pair.a]![t]!, b: legs[pair.b]![t]! }));
    const all = a.map((_, t) => bars(t));
    for (const pairIndex of [2, 0, 1]) byPair.step(all.map((batch) => batch[pairIndex]!));
    byMinute.step(all.flat());
    for (const pairIndex of [0, 1, 2]) expect(byPair.values(pairIndex)).toEqual(byMinute.values(pairIndex));
  });

  it('gives a pair of hours the values of as many minutes, the calendar aside, beside a pair of minutes', () => {
    const { a, b } = randomPair('hours', warmupBars(SMALL) + 30);
    const engine = new FeatureEngine(['A_B', 'A_B@1h'].map(parsePair), SMALL);
    const minutes = new PairFeatures(SMALL);
    // As many hours after 1970 as the bar is minutes, and up to half an hour more: a bar is of its hour.
    const inHours = (bar: Bar, t: number): Bar => ({ ...bar, time: (bar.time * 60 + 600 * (t % 4)) as OpenTime });
    const isCalendar = engine.definitions.map(({ name }) => /^(day|week)_/.test(name));
    for (let t = 0; t < a.length; t++) {
      const hour = { pairIndex: 1, a: inHours(a[t]!, t), b: inHours(b[t]!, t) };
      engine.step([hour]);
      minutes.step(a[t]!, b[t]!);
      if (t > 90) engine.step([{ pairIndex: 0, a: b[t]!, b: a[t]! }]);
      const values = [...engine.values(1)].filter((_, c) => !isCalendar[c]);
      expect(values).toEqual([...minutes.values].filter((_, c) => !isCalendar[c]));
      expect(() => engine.step([hour])).toThrow(/^bar (\d+) after bar \1$/);
    }
    expect(engine.ready(1)).toBe(true);
    expect(new PairFeatures(SMALL, HOURLY).bars).toBe(0);
  });

  it('writes rows in float32, missing as NaN, and never an infinity', () => {
    const { a, b } = randomPair('row', warmupBars(SMALL), { volume: false });
    const engine = new FeatureEngine(PAIRS.slice(0, 2), SMALL);
    const last = a.length - 1;
    // A spread of 1e300 quoted on a price of 1300 is valid, and beyond float32.
    engine.step(a.map((bar, i) => ({ pairIndex: 1, a: i < last ? bar : { ...bar, spread: 1e300 }, b: b[i]! })));
    const width = engine.definitions.length;
    const out = new Float32Array(3 * width).fill(7);
    engine.writeRow(1, out, width);
    const row = out.subarray(width, 2 * width);
    expect([...out.subarray(0, width), ...out.subarray(2 * width)].every((value) => value === 7)).toBe(true);
    engine.definitions.forEach(({ name }, c) => {
      const value = engine.values(1)[c]!;
      if (name === 'liquidity_score') expect(row[c]).toBeNaN();
      else if (name === 'quoted_spread') expect([value > 1e290, row[c]]).toEqual([true, Math.fround(3.4e38)]);
      else expect(row[c]).toBe(Math.fround(value));
    });
  });

  it('is warmed up by two weeks of minutes, of longer bars by one and a half times their warm-up besides', () => {
    const twoWeeks = 14 * 24 * 3600;
    expect(warmUpSeconds(DEFAULT)).toBe(twoWeeks);
    expect(warmUpSeconds({ ...DEFAULT, timeframes: '1m' })).toBe(twoWeeks);
    expect(warmUpSeconds({ ...DEFAULT, timeframes: '1m,1h,4h' })).toBe(twoWeeks + 1.5 * warmupBars(DEFAULT) * 14_400);
  });

  it('refuses an unknown pair', () => {
    const { a, b } = randomPair('order', 1);
    const engine = new FeatureEngine(PAIRS, SMALL);
    expect(() => engine.step([{ pairIndex: 6, a: a[0]!, b: b[0]! }])).toThrow(new RangeError('pair 6 of 6'));
  });
});

/** A bar whose high and low enclose what they must. */
function enclosed(
  symbol: string,
  minute: number,
  bar: Readonly<Record<'open' | 'high' | 'low' | 'close' | 'volume' | 'spread', number>>,
): Bar {
  const prices = [bar.open, bar.high, bar.low, bar.close];
  return { symbol, time: (minute * 60) as OpenTime, ...bar, high: Math.max(...prices), low: Math.min(...prices) };
}

describe('Values and bars of a timeframe', () => {
  it('become -3.4e38 below what float32 holds', () => {
    const engine = new FeatureEngine([parsePair('A_B')], SMALL);
    engine.values(0).fill(-1e300);
    const row = new Float32Array(engine.definitions.length);
    engine.writeRow(0, row, 0);
    expect(new Set(row)).toEqual(new Set([Math.fround(-3.4e38)]));
  });

  it('a pair of hours takes one bar of an hour', () => {
    const features = new PairFeatures(SMALL, HOURLY);
    const step = (minute: number): void => features.step(flatBar('A', minute, 2), flatBar('B', minute, 3));
    step(119);
    step(120);
    expect(() => step(179)).toThrow(new RangeError('bar 2 after bar 2'));
  });
});
