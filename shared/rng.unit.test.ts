import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { createRng, splitmix64, xoshiro128 } from './rng.ts';

/** xoshiro128** in 64-bit integers, straight from its definition. */
function slowXoshiro(state: bigint[]): () => number {
  const mask = 0xffffffffn;
  const rotate = (x: bigint, k: bigint): bigint => ((x << k) | (x >> (32n - k))) & mask;
  return () => {
    const result = (rotate((state[1]! * 5n) & mask, 7n) * 9n) & mask;
    const t = (state[1]! << 9n) & mask;
    state[2]! ^= state[0]!;
    state[3]! ^= state[1]!;
    state[1]! ^= state[2]!;
    state[0]! ^= state[3]!;
    state[2]! ^= t;
    state[3] = rotate(state[3]!, 11n);
    return Number(result);
  };
}

describe('the generators', () => {
  it('SplitMix64 gives the published numbers for seed 1234567', () => {
    const next = splitmix64(1234567n);
    expect([next(), next(), next(), next(), next()]).toEqual([
      6457827717110365317n,
      3203168211198807973n,
      9817491932198370423n,
      4593380528125082431n,
      16408922859458223821n,
    ]);
  });

  it('xoshiro128** gives the published numbers for state 1, 2, 3, 4', () => {
    const next = xoshiro128(1, 2, 3, 4);
    expect([next(), next(), next(), next()]).toEqual([11520, 0, 5927040, 70819200]);
  });

  it('xoshiro128** matches its definition for any state', () => {
    const word = fc.integer({ min: 0, max: 0xffffffff });
    fc.assert(
      fc.property(word, word, word, word, (a, b, c, d) => {
        const fast = xoshiro128(a, b, c, d);
        const slow = slowXoshiro([a, b, c, d].map(BigInt));
        for (let i = 0; i < 50; i++) expect(fast()).toBe(slow());
      }),
    );
  });
});

describe('createRng', () => {
  it('is repeatable for a seed and differs for another', () => {
    const draw = (seed: string | number): number[] => {
      const rng = createRng(seed);
      return Array.from({ length: 20 }, (_, i) => (i % 2 ? rng.normal() : rng.uniform()));
    };
    expect(draw('a')).toEqual(draw('a'));
    expect(draw(7)).toEqual(draw(7));
    expect(draw('a')).not.toEqual(draw('b'));
    expect(draw(1)).not.toEqual(draw('1'));
    expect(draw(1)).not.toEqual(draw(2));
  });

  it('gives exactly these numbers', () => {
    const rng = createRng(42);
    expect([rng.uniform(), rng.uniform(), rng.integer(1000), rng.normal(), rng.normal()]).toMatchInlineSnapshot(`
      [
        0.9722835723864208,
        0.27895740509198896,
        244,
        -1.5090940339151375,
        -0.21304769472523302,
      ]
    `);
  });

  it('draws uniforms in [0, 1) with the mean, variance and evenness of the uniform law', () => {
    const rng = createRng('uniform');
    const n = 200_000;
    const cells = new Array<number>(20).fill(0);
    let sum = 0;
    let squares = 0;
    let outside = 0;
    for (let i = 0; i < n; i++) {
      const x = rng.uniform();
      if (!(x >= 0 && x < 1)) outside++;
      cells[Math.floor(x * 20)]!++;
      sum += x;
      squares += x * x;
    }
    expect(outside).toBe(0);
    expect(sum / n).toBeCloseTo(0.5, 2);
    expect(squares / n - (sum / n) ** 2).toBeCloseTo(1 / 12, 2);
    const chiSquare = cells.reduce((total, count) => total + (count - n / 20) ** 2 / (n / 20), 0);
    expect(chiSquare).toBeLessThan(43.8); // 99.9 % point of chi-square with 19 degrees of freedom
  });

  it('draws normals with mean 0, deviation 1, no skew and the tails of the normal law', () => {
    const rng = createRng('normal');
    const n = 200_000;
    let sum = 0;
    let squares = 0;
    let cubes = 0;
    let beyond2 = 0;
    for (let i = 0; i < n; i++) {
      const x = rng.normal();
      sum += x;
      squares += x * x;
      cubes += x * x * x;
      if (Math.abs(x) > 2) beyond2++;
    }
    expect(Math.abs(sum / n)).toBeLessThan(0.01);
    expect(Math.abs(squares / n - 1)).toBeLessThan(0.02);
    expect(Math.abs(cubes / n)).toBeLessThan(0.04);
    expect(Math.abs(beyond2 / n - 0.0455)).toBeLessThan(0.003);
  });

  it('draws integers below the bound, each equally often', () => {
    const rng = createRng('integer');
    const counts = new Array<number>(7).fill(0);
    for (let i = 0; i < 70_000; i++) counts[rng.integer(7)]!++;
    for (const count of counts) expect(Math.abs(count - 10_000)).toBeLessThan(400);
    expect(rng.integer(1)).toBe(0);
    expect(rng.integer(2 ** 32)).toBeLessThan(2 ** 32);
  });

  it('refuses invalid bounds and seeds', () => {
    const rng = createRng(0);
    for (const bound of [0, -1, 1.5, NaN, 2 ** 33]) expect(() => rng.integer(bound)).toThrow(RangeError);
    expect(() => createRng(NaN)).toThrow(RangeError);
  });
});
