/** A semigroup on small vectors of doubles: how one observation becomes an aggregate, and how two neighbours merge. */
export interface Algebra {
  /** Doubles in one aggregate. */
  readonly size: number;
  /** Writes the aggregate of the single observation (x, y) to `out` at `at`. */
  single(out: Float64Array, at: number, x: number, y: number): void;
  /** Writes the merge of an older and a newer aggregate to `out` at `at`; `out` may be one of the inputs. */
  merge(out: Float64Array, at: number, older: Float64Array, o: number, newer: Float64Array, n: number): void;
}

const LONGEST_BLOCK_MINUTES = 64;

/**
 * The aggregate of the last `window` observations, updated in O(1) amortised.
 *
 * Nothing is ever subtracted. Minutes fall into blocks of fixed absolute position (epoch minute / block length). A
 * finished block keeps the aggregate of each of its suffixes, so the window is always
 * `suffix of the oldest block ⊕ whole blocks between ⊕ running block`: two merges per bar.
 * Hence the result is a pure function of the last `window` (minute, x, y), to the bit: it does not matter where a run
 * began, and rounding cannot accumulate. (The two-stack queue of Tangwongsan et al., "General incremental
 * sliding-window aggregation", VLDB 2015, with its flips pinned to absolute minutes.)
 */
export class SlidingFold {
  readonly window: number;
  /** The aggregate of the last `window` observations; valid while `full`. */
  readonly result: Float64Array;
  readonly #algebra: Algebra;
  readonly #blockMinutes: number;
  /** Suffix aggregates of finished blocks, by observation index modulo `window`. */
  readonly #suffix: Float64Array;
  /** Index of the first observation of each finished block that still reaches into the window, oldest first. */
  readonly #blockFirst: Float64Array;
  #blockHead = 0;
  #blockCount = 0;
  readonly #running: Float64Array;
  readonly #runningX: Float64Array;
  readonly #runningY: Float64Array;
  #runningLength = 0;
  #runningBlock = -1;
  readonly #between: Float64Array;
  #betweenBlocks = 0;
  #betweenStale = true;
  readonly #one: Float64Array;
  #count = 0;

  constructor(algebra: Algebra, window: number) {
    if (!Number.isInteger(window) || window < 1) throw new RangeError(`window ${window} is not a positive integer`);
    this.window = window;
    this.#algebra = algebra;
    this.#blockMinutes = Math.min(LONGEST_BLOCK_MINUTES, 2 ** Math.floor(Math.log2(window)));
    this.result = new Float64Array(algebra.size);
    this.#suffix = new Float64Array(window * algebra.size);
    this.#blockFirst = new Float64Array(window + 1);
    this.#running = new Float64Array(algebra.size);
    this.#runningX = new Float64Array(this.#blockMinutes);
    this.#runningY = new Float64Array(this.#blockMinutes);
    this.#between = new Float64Array(algebra.size);
    this.#one = new Float64Array(algebra.size);
  }

  get full(): boolean {
    return this.#count >= this.window;
  }

  /** Takes one observation. `minute` is the epoch minute and must ascend. */
  push(minute: number, x: number, y = 0): void {
    const algebra = this.#algebra;
    const block = Math.floor(minute / this.#blockMinutes);
    if (block !== this.#runningBlock) {
      if (this.#runningLength > 0) this.#finishBlock();
      this.#runningBlock = block;
    }
    this.#runningX[this.#runningLength] = x;
    this.#runningY[this.#runningLength] = y;
    if (this.#runningLength === 0) {
      algebra.single(this.#running, 0, x, y);
    } else {
      algebra.single(this.#one, 0, x, y);
      algebra.merge(this.#running, 0, this.#running, 0, this.#one, 0);
    }
    this.#runningLength++;
    this.#count++;
    if (this.#count >= this.window) this.#evaluate();
  }

  #finishBlock(): void {
    const { size } = this.#algebra;
    const first = this.#count - this.#runningLength;
    for (let i = this.#runningLength - 1; i >= 0; i--) {
      const at = ((first + i) % this.window) * size;
      this.#algebra.single(this.#suffix, at, this.#runningX[i]!, this.#runningY[i]!);
      if (i < this.#runningLength - 1) {
        const next = ((first + i + 1) % this.window) * size;
        this.#algebra.merge(this.#suffix, at, this.#suffix, at, this.#suffix, next);
      }
    }
    const blocks = this.#blockFirst.length;
    this.#blockFirst[(this.#blockHead + this.#blockCount) % blocks] = first;
    this.#blockCount++;
    this.#runningLength = 0;
    this.#betweenStale = true;
    // Blocks that lie wholly before any window to come leave the queue even while the first window is still filling.
    this.#dropBlocksBefore(this.#count - this.window + 1);
  }

  #dropBlocksBefore(oldest: number): void {
    const blocks = this.#blockFirst.length;
    while (this.#blockCount > 0) {
      const end =
        this.#blockCount > 1 ? this.#blockFirst[(this.#blockHead + 1) % blocks]! : this.#count - this.#runningLength;
      if (end > oldest) return;
      this.#blockHead = (this.#blockHead + 1) % blocks;
      this.#blockCount--;
      this.#betweenStale = true;
    }
  }

  #evaluate(): void {
    const algebra = this.#algebra;
    const oldest = this.#count - this.window;
    this.#dropBlocksBefore(oldest);
    if (this.#blockCount === 0) {
      this.result.set(this.#running);
      return;
    }
    if (this.#betweenStale) this.#foldBetween();
    const at = (oldest % this.window) * algebra.size;
    if (this.#betweenBlocks === 0) {
      algebra.merge(this.result, 0, this.#suffix, at, this.#running, 0);
    } else {
      algebra.merge(this.result, 0, this.#suffix, at, this.#between, 0);
      algebra.merge(this.result, 0, this.result, 0, this.#running, 0);
    }
  }

  #foldBetween(): void {
    const algebra = this.#algebra;
    const blocks = this.#blockFirst.length;
    this.#betweenBlocks = this.#blockCount - 1;
    for (let i = 1; i < this.#blockCount; i++) {
      const first = this.#blockFirst[(this.#blockHead + i) % blocks]!;
      const at = (first % this.window) * algebra.size;
      if (i === 1) this.#between.set(this.#suffix.subarray(at, at + algebra.size));
      else algebra.merge(this.#between, 0, this.#between, 0, this.#suffix, at);
    }
    this.#betweenStale = false;
  }
}
