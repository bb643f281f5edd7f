import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { Bar, OpenTime } from '../../bar.ts';
import { barAt, readBarFolder } from '../../bar_file/bar_file.ts';
import { realData, skipNote } from '../../bar_file/real_data.fixture.ts';
import { parsePair } from '../../pair.ts';
import { createRng } from '../../rng.ts';
import { DEFAULT, flatBar, randomPair, SMALL } from './features.fixture.ts';
import { naiveFeatures } from './features.oracle.ts';
import { FeatureEngine, featureDefinitions, PairFeatures, warmupBars, type PairBars } from './features.ts';
import type { Windows } from './windows.ts';

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

  it('refuses legs of different minutes and time that does not ascend', () => {
    const { a, b } = randomPair('order', 3);
    const features = run(SMALL, a, b);
    expect(() => features.step(a[2]!, b[1]!)).toThrow(RangeError);
    expect(() => features.step(a[2]!, b[2]!)).toThrow(RangeError);
  });
});
