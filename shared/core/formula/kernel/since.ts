import type { Column, Graph } from '../graph.ts';
import { WindowStep } from '../step.ts';
import type { MemoryPlace, SubjectMemory } from '../subject_memory.ts';
import { wholeBars } from '../whole_bars.ts';

/** Counters: index of the last bar at which the condition held, and of the last at which it was missing. */
const LAST_TRUE = 0;
const LAST_MISSING = 1;
const COUNTERS = 2;
const SHARE = { counters: COUNTERS, integers: 0, rows: 0, doubles: 0 };

/** Bars since a condition last held; `window` when it did not in the last `window` bars. */
export function barsSince(graph: Graph, input: Column, window: number): Column {
  const bars = wholeBars(window);
  const [column] = graph.windowed(
    'since',
    [input],
    [bars],
    1,
    SHARE,
    ([out], place) => new Since(input.values, out!, bars, place),
  );
  return column!;
}

class Since extends WindowStep {
  readonly #input: Float64Array;
  readonly #out: Float64Array;
  readonly #bars: number;
  readonly #counters: number;

  constructor(input: Float64Array, out: Float64Array, bars: number, place: MemoryPlace) {
    super();
    this.#input = input;
    this.#out = out;
    this.#bars = bars;
    this.#counters = place.counters;
  }

  begin({ integers, owners, owner }: SubjectMemory): void {
    const counters = this.#counters * owners + owner * COUNTERS;
    integers[counters + LAST_TRUE] = -this.#bars;
    integers[counters + LAST_MISSING] = -1;
  }

  load({ integers, owners, owner }: SubjectMemory): number {
    return Number(integers[this.#counters * owners + owner * COUNTERS] === 0);
  }

  take({ integers, owners, owner }: SubjectMemory, index: number, at: number, count: number): void {
    const input = this.#input;
    const bars = this.#bars;
    const counters = this.#counters * owners + owner * COUNTERS;
    let lastTrue = integers[counters + LAST_TRUE]!;
    let lastMissing = integers[counters + LAST_MISSING]!;
    for (let i = 0; i < count; i++) {
      const now = index + i;
      const value = input[at + i]!;
      if (value === 1) lastTrue = now;
      else if (value !== 0) lastMissing = now;
      const isMissing = now - bars < lastMissing;
      this.#out[at + i] = isMissing ? NaN : Math.min(bars, now - lastTrue);
    }
    integers[counters + LAST_TRUE] = lastTrue;
    integers[counters + LAST_MISSING] = lastMissing;
  }
}
