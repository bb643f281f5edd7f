import { createRng } from '../shared/rng.ts';
import { percentiles } from './percentiles.ts';

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

/** p99 of the second variant over that of the first, with a percentile bootstrap over turns. */
export function p99Ratio(turns: readonly Turns[], seed = 'turns'): TurnsRatio {
  const ratioOf = (chosen: readonly Turns[]): number =>
    percentiles(chosen.flatMap(({ both }) => both)).p99 / percentiles(chosen.flatMap(({ one }) => one)).p99;
  const rng = createRng(seed);
  const ratios = Array.from({ length: RESAMPLES }, () => ratioOf(turns.map(() => turns[rng.integer(turns.length)]!)));
  ratios.sort((a, b) => a - b);
  const at = (share: number): number => ratios[Math.floor(share * (RESAMPLES - 1))]!;
  return { ratio: ratioOf(turns), interval: [at(0.025), at(0.975)] };
}
