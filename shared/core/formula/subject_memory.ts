/** How much a step keeps of each subject. */
export interface MemoryShare {
  /** Integers that every bar needs. */
  readonly counters: number;
  /** Integers that few bars need. */
  readonly integers: number;
  /** Doubles that every bar needs. */
  readonly rows: number;
  /** Doubles of which a bar needs few. */
  readonly doubles: number;
}

/**
 * Where a step finds its share when a memory has one owner: `counters` and `integers` in the integers, the others in
 * the doubles. With several owners each begins at so many times this place.
 */
export type MemoryPlace = MemoryShare;

/** Blocks of a fold that found no room in the memory of their subject: where bars are very rare. */
export interface GrownBlocks {
  readonly doubles: Float64Array;
  readonly integers: Int32Array;
}

/**
 * What all steps of a plan keep of one subject. Several subjects own one piece of memory, step by step: what a step
 * needs of each lies beside that of the next, and rings have the rows of all owners slot by slot. Owners whose bars
 * come together share cache lines, and each step reads on where the last one ended.
 */
export interface SubjectMemory {
  /** The counters of all steps, and behind them their other integers. */
  readonly integers: Int32Array;
  /** The rows of all steps, and behind them their other doubles. */
  readonly doubles: Float64Array;
  readonly owners: number;
  /** This subject's position among them. */
  readonly owner: number;
  /** By the place of the fold's counters. */
  readonly grown: Map<number, GrownBlocks>;
}

/** Gives each step of a plan its place in the memory of every subject. */
export class MemoryLayout {
  readonly #counters: number;
  readonly #rows: number;
  readonly #integers: number;
  readonly #doubles: number;
  /** In the order of the shares. */
  readonly places: readonly MemoryPlace[];

  constructor(shares: readonly MemoryShare[]) {
    const sumOf = (name: keyof MemoryShare): number => shares.reduce((sum, share) => sum + share[name], 0);
    this.#counters = sumOf('counters');
    this.#rows = sumOf('rows');
    this.#integers = sumOf('integers');
    this.#doubles = sumOf('doubles');
    const next = { counters: 0, integers: this.#counters, rows: 0, doubles: this.#rows };
    this.places = shares.map((share) => {
      const place = { ...next };
      next.counters += share.counters;
      next.integers += share.integers;
      next.rows += share.rows;
      next.doubles += share.doubles;
      return place;
    });
  }

  /** Zeros, in one allocation. */
  createMemories(owners: number): SubjectMemory[] {
    const integerCount = owners * (this.#counters + this.#integers);
    const doubleCount = owners * (this.#rows + this.#doubles);
    // Doubles begin at a multiple of eight bytes.
    const doublesFrom = Math.ceil(integerCount / 2) * Float64Array.BYTES_PER_ELEMENT;
    const buffer = new ArrayBuffer(doublesFrom + doubleCount * Float64Array.BYTES_PER_ELEMENT);
    const integers = new Int32Array(buffer, 0, integerCount);
    const doubles = new Float64Array(buffer, doublesFrom, doubleCount);
    return Array.from({ length: owners }, (_, owner) => ({ integers, doubles, owners, owner, grown: new Map() }));
  }
}
