import { FLAT } from './flat.ts';

/*
 * Slow, obvious statistics of a window: the oracles of the operators share them.
 */

/** Sample variance (ddof 1) in two passes; 0 for a window as flat as doubles can tell. */
export function variance(window: readonly number[]): number {
  return centered(window, window) / (window.length - 1);
}

export function average(window: readonly number[]): number {
  let sum = 0;
  for (const value of window) sum += value;
  return sum / window.length;
}

/** Σ (x − mean x)(y − mean y); of equal windows 0 where the standard deviation is below 1e-12 · |mean|. */
export function centered(xs: readonly number[], ys: readonly number[]): number {
  const meanX = average(xs);
  const meanY = average(ys);
  let sum = 0;
  for (let i = 0; i < xs.length; i++) sum += (xs[i]! - meanX) * (ys[i]! - meanY);
  return xs === ys && sum <= FLAT * meanX * meanX * xs.length ? 0 : sum;
}

/** Σ (x − mean)^power; of a window as flat as doubles can tell 0. */
export function centeredPower(window: readonly number[], power: number): number {
  if (centered(window, window) === 0) return 0;
  const mean = average(window);
  let sum = 0;
  for (const value of window) {
    let product = 1;
    for (let i = 0; i < power; i++) product *= value - mean;
    sum += product;
  }
  return sum;
}

/** Σ decay^age · x / Σ decay^age. */
export function decayedAverage(window: readonly number[], decay: number): number {
  let sum = 0;
  let weights = 0;
  let weight = 1;
  for (const value of window.toReversed()) {
    sum += weight * value;
    weights += weight;
    weight *= decay;
  }
  return sum / weights;
}

/** @param pick Math.max or Math.min */
export function extremeOf(window: readonly number[], pick: (...values: number[]) => number): number {
  return window.reduce((found, value) => pick(found, value));
}

/** Bars since the extreme, the newest of equals. */
export function ageOfExtreme(window: readonly number[], pick: (...values: number[]) => number): number {
  const found = extremeOf(window, pick);
  return Number.isNaN(found) ? NaN : window.length - 1 - window.lastIndexOf(found);
}

export function quantileOfWindow(window: readonly number[], q: number): number {
  if (window.some(Number.isNaN)) return NaN;
  const sorted = window.toSorted((x, y) => x - y);
  const position = q * (window.length - 1);
  const low = sorted[Math.floor(position)]!;
  const high = sorted[Math.ceil(position)]!;
  return low + (high - low) * (position - Math.floor(position));
}
