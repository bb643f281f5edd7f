import { SlidingFold, type Algebra } from './sliding_fold.ts';

/** Means, centred second moments and centred product of (x, y): the bivariate form of the merge in moments.ts. */
const COMOMENTS: Algebra = {
  size: 6,
  single(out, at, x, y) {
    out[at] = 1;
    out[at + 1] = x;
    out[at + 2] = y;
    out[at + 3] = 0;
    out[at + 4] = 0;
    out[at + 5] = 0;
  },
  merge(out, at, older, o, newer, n) {
    const countO = older[o]!;
    const countN = newer[n]!;
    const count = countO + countN;
    const share = countN / count;
    const weight = countO * share;
    const dx = newer[n + 1]! - older[o + 1]!;
    const dy = newer[n + 2]! - older[o + 2]!;
    const meanX = older[o + 1]! + dx * share;
    const meanY = older[o + 2]! + dy * share;
    const sxx = older[o + 3]! + newer[n + 3]! + dx * dx * weight;
    const syy = older[o + 4]! + newer[n + 4]! + dy * dy * weight;
    const sxy = older[o + 5]! + newer[n + 5]! + dx * dy * weight;
    out[at] = count;
    out[at + 1] = meanX;
    out[at + 2] = meanY;
    out[at + 3] = sxx;
    out[at + 4] = syy;
    out[at + 5] = sxy;
  },
};

/** Ordinary least squares of y on x, and their correlation, over the last `window` points. */
export class SlidingComoments {
  readonly #fold: SlidingFold;
  readonly #flat: number;

  /** A series whose standard deviation is below `flatStd` counts as constant: slope and correlation are then 0. */
  constructor(window: number, flatStd: number) {
    this.#fold = new SlidingFold(COMOMENTS, window);
    this.#flat = flatStd * flatStd * window;
  }

  get full(): boolean {
    return this.#fold.full;
  }

  push(minute: number, x: number, y: number): void {
    this.#fold.push(minute, x, y);
  }

  get meanX(): number {
    return this.#fold.result[1]!;
  }

  get meanY(): number {
    return this.#fold.result[2]!;
  }

  get slope(): number {
    const sxx = this.#fold.result[3]!;
    return sxx > this.#flat ? this.#fold.result[5]! / sxx : 0;
  }

  get correlation(): number {
    const { result } = this.#fold;
    const sxx = result[3]!;
    const syy = result[4]!;
    if (!(sxx > this.#flat) || !(syy > this.#flat)) return 0;
    return Math.max(-1, Math.min(1, result[5]! / Math.sqrt(sxx * syy)));
  }
}
