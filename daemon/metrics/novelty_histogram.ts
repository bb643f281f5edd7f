import type { TextSeries } from '../../shared/metrics/metric.ts';

/** Upper bounds: of the training rows, so large a share is below each of them by what novelty is. */
export const NOVELTY_BUCKETS: readonly number[] = [0.001, 0.01, 0.05, 0.1, 0.25, 0.5, 0.75, 1];

/** How unlike the training rows the candidates of entries are; counted once their signals are out. */
export class NoveltyHistogram implements TextSeries {
  /** Count of each bucket alone. */
  readonly #counts = new Float64Array(NOVELTY_BUCKETS.length);
  #sum = 0;

  /** @param novelty 0 to 1; absent: no candidate, or a bundle without a description of its rows */
  observe(novelty: number | undefined): void {
    if (novelty === undefined) return;
    let bucket = 0;
    while (novelty > NOVELTY_BUCKETS[bucket]!) bucket++;
    this.#counts[bucket]!++;
    this.#sum += novelty;
  }

  *lines(name: string): Generator<string> {
    let atMost = 0;
    for (const [bucket, bound] of NOVELTY_BUCKETS.entries())
      yield `${name}_bucket{le="${bound}"} ${(atMost += this.#counts[bucket]!)}`;
    yield `${name}_bucket{le="+Inf"} ${atMost}`;
    yield `${name}_sum ${this.#sum}`;
    yield `${name}_count ${atMost}`;
  }
}
