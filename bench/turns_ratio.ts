import { createRng } from '../shared/rng.ts';
import type { Rng } from '../shared/ports.ts';

/** Latencies of two variants in one turn each. */
export interface Turns {
  readonly one: readonly number[];
  readonly both: readonly number[];
}

export interface TurnsRatio {
  readonly ratio: number;
  /** 95 % interval. */
  readonly interval: readonly [low: number, high: number];
}

const RESAMPLES = 400;

/**
 * Percentile of the second variant over that of the first, with a percentile bootstrap over turns.
 * @param share of the values at or below the percentile
 */
export function percentileRatio(turns: readonly Turns[], share: number, seed = 'turns'): TurnsRatio {
  const one = percentileOfTurns(turns.map((turn) => turn.one));
  const both = percentileOfTurns(turns.map((turn) => turn.both));
  const ratioOf = (times: Uint32Array): number => both(share, times) / one(share, times);
  const rng = createRng(seed);
  const ratios = Array.from({ length: RESAMPLES }, () => ratioOf(resample(turns.length, rng)));
  ratios.sort((a, b) => a - b);
  const at = (part: number): number => ratios[Math.floor(part * (RESAMPLES - 1))]!;
  return { ratio: ratioOf(new Uint32Array(turns.length).fill(1)), interval: [at(0.025), at(0.975)] };
}

/** @returns how many times each turn was drawn */
function resample(turns: number, rng: Rng): Uint32Array {
  const times = new Uint32Array(turns);
  for (let i = 0; i < turns; i++) times[rng.integer(turns)]!++;
  return times;
}

/** The nearest-rank percentile of all values, each turn taken a number of times. Sorts once. */
function percentileOfTurns(turns: readonly (readonly number[])[]): (share: number, times: Uint32Array) => number {
  const values = turns.flatMap((turn, index) => turn.map((value) => ({ value, index })));
  values.sort((a, b) => b.value - a.value);
  return (share, times) => {
    const count = turns.reduce((sum, turn, index) => sum + turn.length * times[index]!, 0);
    const above = count - Math.max(1, Math.ceil(share * count));
    let seen = 0;
    return values.find(({ index }) => (seen += times[index]!) > above)?.value ?? NaN;
  };
}
