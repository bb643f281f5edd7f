import type { Column, Graph, Step } from '../graph.ts';

/** Bars since a condition last held; `bars` when it did not in the last `bars` bars. */
export function barsSince(graph: Graph, input: Column, bars: number): Column {
  const [column] = graph.windowed(
    'since',
    [input],
    [bars],
    1,
    ([out]) =>
      () =>
        new Since(input.values, out!, bars),
  );
  return column!;
}

class Since implements Step {
  readonly #input: Float64Array;
  readonly #out: Float64Array;
  readonly #bars: number;
  #lastTrue: number;
  #lastMissing = -1;

  constructor(input: Float64Array, out: Float64Array, bars: number) {
    this.#input = input;
    this.#out = out;
    this.#bars = bars;
    this.#lastTrue = -bars;
  }

  run(index: number, count: number): void {
    const input = this.#input;
    const bars = this.#bars;
    for (let i = 0; i < count; i++) {
      const now = index + i;
      const value = input[i]!;
      if (value === 1) this.#lastTrue = now;
      else if (value !== 0) this.#lastMissing = now;
      const isMissing = now - bars < this.#lastMissing;
      this.#out[i] = isMissing ? NaN : Math.min(bars, now - this.#lastTrue);
    }
  }
}
