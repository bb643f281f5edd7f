import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { Bar, OpenTime } from '../../bar.ts';
import { createRng } from '../../rng.ts';
import { naiveFeatures } from './features.oracle.ts';
import { featureDefinitions, PairFeatures, warmupBars } from './features.ts';
import type { Windows } from './windows.ts';

const SMALL: Windows = {
  beta_window: 24,
  z_window: 12,
  vol_short: 5,
  vol_window: 9,
  vol_long: 21,
  atr_short: 4,
  atr_long: 17,
  stability_window: 8,
  half_life_window: 14,
  pnl_window: 7,
  activity_window: 10,
  volume_window: 13,
};
const DEFAULT: Windows = {
  beta_window: 240,
  z_window: 120,
  vol_short: 15,
  vol_window: 60,
  vol_long: 240,
  atr_short: 14,
  atr_long: 240,
  stability_window: 60,
  half_life_window: 120,
  pnl_window: 60,
  activity_window: 60,
  volume_window: 240,
};

interface MarketShape {
  readonly volume?: boolean;
  readonly quoted?: boolean;
  readonly gaps?: boolean;
  readonly weekendAt?: number;
}

/** A cointegrated random pair with gaps, flat bars, weekends and, on request, unknown volume or spread. */
function randomPair(seed: string, bars: number, shape: MarketShape = {}): { a: Bar[]; b: Bar[] } {
  const rng = createRng(seed);
  const a: Bar[] = [];
  const b: Bar[] = [];
  let time = (1_546_300_800 + rng.integer(100_000) * 60) as OpenTime;
  let common = Math.log(1300);
  let own = 0;
  let closeA = 0;
  let closeB = 0;
  const bar = (symbol: string, previous: number, close: number): Bar => {
    const flat = rng.uniform() < 0.1;
    const open = previous || close;
    const noise = flat ? 0 : Math.abs(rng.normal()) * 1e-4 * close;
    return {
      symbol,
      time,
      open: flat ? close : open,
      high: flat ? close : Math.max(open, close) + noise,
      low: flat ? close : Math.min(open, close) - noise,
      close,
      volume: shape.volume === false ? 0 : 1 + rng.integer(500),
      ...(shape.quoted === false ? {} : { spread: close * 1e-4 * (1 + rng.uniform()) }),
    };
  };
  for (let i = 0; i < bars; i++) {
    const minutes =
      shape.weekendAt === i ? 2880 : shape.gaps !== false && rng.uniform() < 0.05 ? 1 + rng.integer(90) : 1;
    time = (time + minutes * 60) as OpenTime;
    common += rng.normal() * 3e-4;
    own = 0.95 * own + rng.normal() * 2e-4;
    const nextA = Math.exp(common + own);
    const nextB = Math.exp(0.7 * common + rng.normal() * 1e-4);
    a.push(bar('A', closeA, nextA));
    b.push(bar('B', closeB, nextB));
    closeA = nextA;
    closeB = nextB;
  }
  return { a, b };
}

function run(windows: Windows, a: readonly Bar[], b: readonly Bar[]): PairFeatures {
  const features = new PairFeatures(windows);
  for (let i = 0; i < a.length; i++) features.step(a[i]!, b[i]!);
  return features;
}

function expectEqualToOracle(features: PairFeatures, a: readonly Bar[], b: readonly Bar[], windows: Windows): void {
  const expected = naiveFeatures(a, b, windows);
  expect(Object.keys(expected)).toEqual(features.definitions.map((feature) => feature.name));
  features.definitions.forEach(({ name }, i) => {
    const value = features.values[i]!;
    if (Number.isNaN(expected[name]!)) expect(value, name).toBeNaN();
    else
      expect(Math.abs(value - expected[name]!), `${name}: ${value} instead of ${expected[name]}`).toBeLessThan(
        1e-7 * Math.max(1, Math.abs(expected[name]!)),
      );
  });
}

describe('PairFeatures', () => {
  it('equals the textbook formula for every feature on random markets with gaps and flat bars', () => {
    fc.assert(
      fc.property(
        fc.string(),
        fc.boolean(),
        fc.boolean(),
        fc.integer({ min: 0, max: 60 }),
        (seed, volume, quoted, more) => {
          const { a, b } = randomPair(seed, warmupBars(SMALL) + more, { volume, quoted, weekendAt: 30 });
          expectEqualToOracle(run(SMALL, a, b), a, b, SMALL);
        },
      ),
      { numRuns: 100 },
    );
  });

  it('equals the textbook formula with the default windows', () => {
    const { a, b } = randomPair('default windows', 700);
    expectEqualToOracle(run(DEFAULT, a, b), a, b, DEFAULT);
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

  it('does not look ahead: every feature recomputed on data cut off at t is equal to the bit', () => {
    const { a, b } = randomPair('no look-ahead', 1100);
    const whole = new PairFeatures(DEFAULT);
    for (let t = 0; t < a.length; t++) {
      whole.step(a[t]!, b[t]!);
      if (t % 97 === 0) expect(whole.values).toEqual(run(DEFAULT, a.slice(0, t + 1), b.slice(0, t + 1)).values);
    }
  });

  it('has every column first on the bar its warm-up promises, and ready when all are there', () => {
    const { a, b } = randomPair('warm-up', warmupBars(SMALL) + 5);
    const features = new PairFeatures(SMALL);
    const firstSeen = new Map<string, number>();
    for (let t = 0; t < a.length; t++) {
      features.step(a[t]!, b[t]!);
      expect(features.ready).toBe(t + 1 >= warmupBars(SMALL));
      features.definitions.forEach(({ name }, i) => {
        if (!Number.isNaN(features.values[i]!) && !firstSeen.has(name)) firstSeen.set(name, t + 1);
      });
    }
    expect(Object.fromEntries(firstSeen)).toEqual(
      Object.fromEntries(featureDefinitions(SMALL).map((f) => [f.name, f.warmup_bars])),
    );
  });

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
        const flat = (symbol: string, p: number): Bar => ({
          symbol,
          time: (60 * (i + 1)) as OpenTime,
          open: p,
          high: p,
          low: p,
          close: p,
          volume: 5,
          spread: 0.0001,
        });
        features.step(flat('A', pa), flat('B', pb));
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
      const flat = (symbol: string, p: number): Bar => ({
        symbol,
        time: (60 * (i + 1)) as OpenTime,
        open: p,
        high: p,
        low: p,
        close: p,
        volume: 5,
      });
      features.step(flat('A', Math.exp(0.5 * Math.log(pb))), flat('B', pb));
    }
    expect(features.frame.z).toBe(0);
  });

  it('refuses legs of different minutes and time that does not ascend', () => {
    const { a, b } = randomPair('order', 3);
    const features = run(SMALL, a, b);
    expect(() => features.step(a[2]!, b[1]!)).toThrow(RangeError);
    expect(() => features.step(a[2]!, b[2]!)).toThrow(RangeError);
  });
});
