import type { Column, Graph, Step } from '../graph.ts';

export type Wanted = 'value' | 'age';

/** The greatest of the last `bars` values (with `sign` −1: the least), or the bars since it; the newest of equals. */
export function extreme(graph: Graph, input: Column, bars: number, sign: 1 | -1, wanted: Wanted): Column {
  const name = `extreme ${sign} ${wanted}`;
  const [column] = graph.windowed(name, [input], [bars], 1, ([out]) => {
    return () => new Extreme(input.values, out!, bars, sign, wanted === 'age');
  });
  return column!;
}

/** Candidates in descending order, each newer than the one before it: what a newer greater value hides is dropped. */
class Extreme implements Step {
  readonly #input: Float64Array;
  readonly #out: Float64Array;
  readonly #bars: number;
  readonly #sign: number;
  readonly #wantsAge: boolean;
  readonly #values: Float64Array;
  readonly #indexes: Int32Array;
  /** Of the first candidate. */
  #first = 0;
  #candidates = 0;
  #lastMissing = -1;

  constructor(input: Float64Array, out: Float64Array, bars: number, sign: number, wantsAge: boolean) {
    this.#input = input;
    this.#out = out;
    this.#bars = bars;
    this.#sign = sign;
    this.#wantsAge = wantsAge;
    this.#values = new Float64Array(bars);
    this.#indexes = new Int32Array(bars);
  }

  load(): number {
    const last = (this.#first + this.#candidates) % this.#bars;
    const isEqual = this.#values[this.#first] === this.#values[last];
    return Number(isEqual) + Number(this.#indexes[this.#first] === this.#indexes[last]);
  }

  run(index: number, count: number): void {
    const input = this.#input;
    const out = this.#out;
    const values = this.#values;
    const indexes = this.#indexes;
    const bars = this.#bars;
    const sign = this.#sign;
    let first = this.#first;
    let candidates = this.#candidates;
    for (let i = 0; i < count; i++) {
      const now = index + i;
      const value = sign * input[i]!;
      if (candidates > 0 && indexes[first]! <= now - bars) {
        first = first + 1 === bars ? 0 : first + 1;
        candidates--;
      }
      if (value !== value) {
        this.#lastMissing = now;
        candidates = 0;
      } else {
        let last = first + candidates - 1;
        if (last >= bars) last -= bars;
        while (candidates > 0 && values[last]! <= value) {
          candidates--;
          last = last === 0 ? bars - 1 : last - 1;
        }
        let at = first + candidates;
        if (at >= bars) at -= bars;
        values[at] = value;
        indexes[at] = now;
        candidates++;
      }
      // A window may begin at bar 0 at the earliest, and hold no missing value: −1 stands for the bar before it.
      if (now - bars < this.#lastMissing) out[i] = NaN;
      // + 0: −1 · 0 is −0.
      else out[i] = this.#wantsAge ? now - indexes[first]! : sign * values[first]! + 0;
    }
    this.#first = first;
    this.#candidates = candidates;
  }
}
