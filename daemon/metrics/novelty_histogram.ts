import type { TextSeries } from '../../shared/metrics/metric.ts';
import { NOVELTY_BUCKETS, noveltyBucket } from '../../shared/signal/novelty_buckets.ts';

/** How unlike the training rows the candidates of entries are; counted once their signals are out. */
export class NoveltyHistogram implements TextSeries {
  /** Count of each bucket alone. */
  readonly #counts = new Float64Array(NOVELTY_BUCKETS.length);
  #sum = 0;

  /** @param novelty 0 to 1; absent: no candidate, or a bundle without a description of its rows */
  observe(novelty: number | undefined): void {
    if (novelty === undefined) return;
    this.#counts[noveltyBucket(novelty)]!++;
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
