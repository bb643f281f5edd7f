import type { Column, Graph } from '../graph.ts';
import { WindowStep } from '../step.ts';
import type { MemoryPlace, SubjectMemory } from '../subject_memory.ts';
import { wholeBars } from '../whole_bars.ts';

/** The value of `window` bars ago. */
export function delayed(graph: Graph, input: Column, window: number): Column {
  const bars = wholeBars(window);
  const share = { counters: 1, integers: 0, rows: 0, doubles: bars };
  const [column] = graph.windowed(
    'delay',
    [input],
    [bars],
    1,
    share,
    ([out], place) => new Delay(input.values, out!, bars, place),
  );
  return column!;
}

/** Its one counter has the place of the next bar in the ring. */
class Delay extends WindowStep {
  readonly #input: Float64Array;
  readonly #out: Float64Array;
  readonly #bars: number;
  readonly #place: MemoryPlace;

  constructor(input: Float64Array, out: Float64Array, bars: number, place: MemoryPlace) {
    super();
    this.#input = input;
    this.#out = out;
    this.#bars = bars;
    this.#place = place;
  }

  begin({ integers, doubles, owners, owner }: SubjectMemory): void {
    const from = this.#place.doubles * owners + owner;
    integers[this.#place.counters * owners + owner] = from;
    for (let slot = 0; slot < this.#bars; slot++) doubles[from + slot * owners] = NaN;
  }

  load({ integers, doubles, owners, owner }: SubjectMemory): number {
    return Number(doubles[integers[this.#place.counters * owners + owner]!] === 0);
  }

  take({ integers, doubles, owners, owner }: SubjectMemory, _: number, at: number, count: number): void {
    const input = this.#input;
    const out = this.#out;
    const counter = this.#place.counters * owners + owner;
    const from = this.#place.doubles * owners + owner;
    const to = from + this.#bars * owners;
    let next = integers[counter]!;
    for (let i = at; i < at + count; i++) {
      const value = input[i]!;
      out[i] = doubles[next]!;
      doubles[next] = value;
      next += owners;
      if (next === to) next = from;
    }
    integers[counter] = next;
  }
}
