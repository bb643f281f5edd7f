import { SlidingFold, type Algebra } from './sliding_fold.ts';

/**
 * Count, mean and centred second moment, merged pairwise without cancellation.
 * Source: Chan, Golub, LeVeque, "Updating formulae and a pairwise algorithm for computing sample variances" (1979).
 */
const MOMENTS: Algebra = {
  size: 3,
  single(out, at, x) {
    out[at] = 1;
    out[at + 1] = x;
    out[at + 2] = 0;
  },
  merge(out, at, older, o, newer, n) {
    const countO = older[o]!;
    const countN = newer[n]!;
    const count = countO + countN;
    const delta = newer[n + 1]! - older[o + 1]!;
    const mean = older[o + 1]! + (delta * countN) / count;
    const centred = older[o + 2]! + newer[n + 2]! + (delta * delta * countO * countN) / count;
    out[at] = count;
    out[at + 1] = mean;
    out[at + 2] = centred;
  },
};

/** Mean and standard deviation (ddof 1) of the last `window` values. */
export class SlidingMoments {
  readonly #fold: SlidingFold;

  constructor(window: number) {
    this.#fold = new SlidingFold(MOMENTS, window);
  }

  get full(): boolean {
    return this.#fold.full;
  }

  push(minute: number, x: number): void {
    this.#fold.push(minute, x);
  }

  get mean(): number {
    return this.#fold.result[1]!;
  }

  /** Sample standard deviation, ddof 1; 0 for a window of one value or of equal values. */
  get std(): number {
    const { window, result } = this.#fold;
    return window > 1 ? Math.sqrt(result[2]! / (window - 1)) : 0;
  }
}
