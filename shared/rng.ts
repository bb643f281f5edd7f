import { ln } from './elementary.ts';
import type { Rng } from './ports.ts';

const MASK_64 = (1n << 64n) - 1n;

/** FNV-1a, 64 bits, of the UTF-8 bytes (Fowler, Noll, Vo). */
function fnv1a64(text: string): bigint {
  let hash = 0xcbf29ce484222325n;
  for (const byte of new TextEncoder().encode(text)) hash = ((hash ^ BigInt(byte)) * 0x100000001b3n) & MASK_64;
  return hash;
}

/** SplitMix64 (Steele, Lea, Flood 2014): fills a state from one 64-bit number. Exported for its test vectors. */
export function splitmix64(seed: bigint): () => bigint {
  let state = seed & MASK_64;
  return () => {
    state = (state + 0x9e3779b97f4a7c15n) & MASK_64;
    let z = state;
    z = ((z ^ (z >> 30n)) * 0xbf58476d1ce4e5b9n) & MASK_64;
    z = ((z ^ (z >> 27n)) * 0x94d049bb133111ebn) & MASK_64;
    return z ^ (z >> 31n);
  };
}

/**
 * xoshiro128** 1.1 (Blackman, Vigna 2018): unsigned 32-bit numbers, period 2^128 − 1. Exported for its test vectors.
 */
export function xoshiro128(s0: number, s1: number, s2: number, s3: number): () => number {
  let a = s0 | 0;
  let b = s1 | 0;
  let c = s2 | 0;
  let d = s3 | 0;
  return () => {
    const scaled = Math.imul(b, 5);
    const result = Math.imul((scaled << 7) | (scaled >>> 25), 9);
    const shifted = b << 9;
    c ^= a;
    d ^= b;
    b ^= c;
    a ^= d;
    c ^= shifted;
    d = (d << 11) | (d >>> 21);
    return result >>> 0;
  };
}

/**
 * A source of randomness from a seed: xoshiro128** seeded through FNV-1a and SplitMix64. The same seed gives the same
 * numbers on every machine, normal deviates included; the number 1 and the text "1" are different seeds.
 * @throws RangeError when a numeric seed is not finite, or the bound of `integer` is outside 1…2^32.
 */
export function createRng(seed: string | number): Rng {
  if (typeof seed === 'number' && !Number.isFinite(seed)) throw new RangeError(`a seed of ${seed} is not finite`);
  const fill = splitmix64(fnv1a64(`${typeof seed}:${seed}`));
  const first = fill();
  const second = fill();
  const word = (value: bigint): number => Number(value & 0xffffffffn);
  const next = xoshiro128(word(first), word(first >> 32n), word(second), word(second >> 32n));

  const uniform = (): number => ((next() >>> 5) * 67108864 + (next() >>> 6)) / 9007199254740992;

  let spare: number | undefined;
  // Marsaglia's polar method, with our own ln: the engine's may differ in its last bit elsewhere.
  const normal = (): number => {
    if (spare !== undefined) {
      const value = spare;
      spare = undefined;
      return value;
    }
    let u: number, v: number, square: number;
    do {
      u = 2 * uniform() - 1;
      v = 2 * uniform() - 1;
      square = u * u + v * v;
    } while (square >= 1 || square === 0);
    const stretch = Math.sqrt((-2 * ln(square)) / square);
    spare = v * stretch;
    return u * stretch;
  };

  const integer = (bound: number): number => {
    if (!Number.isInteger(bound) || bound < 1 || bound > 4294967296) {
      throw new RangeError(`a bound of ${bound} is not an integer in 1…2^32`);
    }
    // Numbers at or above the last whole multiple of the bound are drawn again, so that no result is favored.
    const limit = 4294967296 - (4294967296 % bound);
    let value = next();
    while (value >= limit) value = next();
    return value % bound;
  };

  return { uniform, normal, integer };
}
