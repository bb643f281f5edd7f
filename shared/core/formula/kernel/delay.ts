import type { Column, Graph, Step } from '../graph.ts';

/** The value of `bars` bars ago. */
export function delayed(graph: Graph, input: Column, bars: number): Column {
  const [column] = graph.windowed(
    'delay',
    [input],
    [bars],
    1,
    ([out]) =>
      () =>
        new Delay(input.values, out!, bars),
  );
  return column!;
}

class Delay implements Step {
  readonly #input: Float64Array;
  readonly #out: Float64Array;
  readonly #ring: Float64Array;
  #at = 0;

  constructor(input: Float64Array, out: Float64Array, bars: number) {
    this.#input = input;
    this.#out = out;
    this.#ring = new Float64Array(bars).fill(NaN);
  }

  load(): number {
    return Number(this.#ring[this.#at] === 0);
  }

  run(_: number, count: number): void {
    const ring = this.#ring;
    const input = this.#input;
    const out = this.#out;
    let at = this.#at;
    for (let i = 0; i < count; i++) {
      const value = input[i]!;
      out[i] = ring[at]!;
      ring[at] = value;
      at++;
      if (at === ring.length) at = 0;
    }
    this.#at = at;
  }
}
