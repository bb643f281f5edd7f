import type { Column, Graph } from '../graph.ts';
import { WindowStep } from '../step.ts';
import type { MemoryPlace, SubjectMemory } from '../subject_memory.ts';
import { wholeBars } from '../whole_bars.ts';

export type Wanted = 'value' | 'age';

/** The greatest of the last `window` values (with `sign` −1: the least), or the bars since it; the newest of equals. */
export function extreme(graph: Graph, input: Column, window: number, sign: 1 | -1, wanted: Wanted): Column {
  const bars = wholeBars(window);
  const name = `extreme ${sign} ${wanted}`;
  const share = { counters: COUNTERS, integers: bars, rows: 0, doubles: bars };
  const [column] = graph.windowed(
    name,
    [input],
    [bars],
    1,
    share,
    ([out], place) => new Extreme(input.values, out!, bars, sign, wanted === 'age', place),
  );
  return column!;
}

/** Counters: slot of the first candidate, candidates, and index of the last bar without a value. */
const FIRST = 0;
const CANDIDATES = 1;
const LAST_MISSING = 2;
const COUNTERS = 3;

/** Candidates in descending order, each newer than the one before it: what a newer greater value hides is dropped. */
class Extreme extends WindowStep {
  readonly #input: Float64Array;
  readonly #out: Float64Array;
  readonly #bars: number;
  readonly #sign: number;
  readonly #wantsAge: boolean;
  /** Of the candidates there are, by slot, values in the doubles and indexes of bars in the integers. */
  readonly #place: MemoryPlace;

  constructor(
    input: Float64Array,
    out: Float64Array,
    bars: number,
    sign: number,
    wantsAge: boolean,
    place: MemoryPlace,
  ) {
    super();
    this.#input = input;
    this.#out = out;
    this.#bars = bars;
    this.#sign = sign;
    this.#wantsAge = wantsAge;
    this.#place = place;
  }

  begin({ integers, owners, owner }: SubjectMemory): void {
    integers[this.#place.counters * owners + owner * COUNTERS + LAST_MISSING] = -1;
  }

  load({ integers, doubles, owners, owner }: SubjectMemory): number {
    const counters = this.#place.counters * owners + owner * COUNTERS;
    const values = this.#place.doubles * owners + owner * this.#bars;
    const indexes = this.#place.integers * owners + owner * this.#bars;
    const first = integers[counters + FIRST]!;
    const last = (first + integers[counters + CANDIDATES]!) % this.#bars;
    const isEqual = doubles[values + first] === doubles[values + last];
    return Number(isEqual) + Number(integers[indexes + first] === integers[indexes + last]);
  }

  take({ integers, doubles, owners, owner }: SubjectMemory, index: number, at: number, count: number): void {
    const input = this.#input;
    const out = this.#out;
    const counters = this.#place.counters * owners + owner * COUNTERS;
    const values = this.#place.doubles * owners + owner * this.#bars;
    const indexes = this.#place.integers * owners + owner * this.#bars;
    const bars = this.#bars;
    const sign = this.#sign;
    let first = integers[counters + FIRST]!;
    let candidates = integers[counters + CANDIDATES]!;
    let lastMissing = integers[counters + LAST_MISSING]!;
    for (let i = 0; i < count; i++) {
      const now = index + i;
      const value = sign * input[at + i]!;
      if (candidates > 0 && integers[indexes + first]! <= now - bars) {
        first = first + 1 === bars ? 0 : first + 1;
        candidates--;
      }
      if (value !== value) {
        lastMissing = now;
        candidates = 0;
      } else {
        let last = first + candidates - 1;
        if (last >= bars) last -= bars;
        while (candidates > 0 && doubles[values + last]! <= value) {
          candidates--;
          last = last === 0 ? bars - 1 : last - 1;
        }
        let slot = first + candidates;
        if (slot >= bars) slot -= bars;
        doubles[values + slot] = value;
        integers[indexes + slot] = now;
        candidates++;
      }
      // A window may begin at bar 0 at the earliest, and hold no missing value: −1 stands for the bar before it.
      if (now - bars < lastMissing) out[at + i] = NaN;
      // + 0: −1 · 0 is −0.
      else out[at + i] = this.#wantsAge ? now - integers[indexes + first]! : sign * doubles[values + first]! + 0;
    }
    integers[counters + FIRST] = first;
    integers[counters + CANDIDATES] = candidates;
    integers[counters + LAST_MISSING] = lastMissing;
  }
}
