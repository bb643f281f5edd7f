import type { TextSeries } from '../../shared/metrics/metric.ts';
import type { SubjectBody } from '../../shared/signal/instrument_signal.ts';
import { NOVELTY_BUCKETS, noveltyBucket } from '../../shared/signal/novelty_buckets.ts';

/**
 * How unlike the training rows the candidates of entries are; counted once their signals are out. Pairs and instruments
 * apart: of a direction model, candidates are its calls, which lie farther out than the bars that it learned from.
 */
export class NoveltyHistogram implements TextSeries {
  static readonly LABELS = ['kind'] as const;
  readonly #pairs = new CountedNovelties('pair');
  readonly #instruments = new CountedNovelties('instrument');

  /**
   * A signal without a novelty is of no candidate, or its bundle does not describe what it learned from. A heartbeat
   * repeats the novelty of a bar that is counted.
   */
  observe(body: SubjectBody): void {
    const { novelty, reason } = body;
    if (novelty === undefined || reason === 'SILENCE' || reason === 'SHUTDOWN') return;
    const own = 'ml_up_prob' in body ? this.#instruments : this.#pairs;
    own.observe(novelty);
  }

  /** Of both kinds, from the start on: a rate needs a first count. */
  *lines(name: string): Generator<string> {
    yield* this.#pairs.lines(name);
    yield* this.#instruments.lines(name);
  }
}

class CountedNovelties {
  readonly #kind: 'pair' | 'instrument';
  /** Count of each bucket alone. */
  readonly #counts = new Float64Array(NOVELTY_BUCKETS.length);
  #sum = 0;

  constructor(kind: 'pair' | 'instrument') {
    this.#kind = kind;
  }

  /** @param novelty 0 to 1 */
  observe(novelty: number): void {
    this.#counts[noveltyBucket(novelty)]!++;
    this.#sum += novelty;
  }

  *lines(name: string): Generator<string> {
    const own = `kind="${this.#kind}"`;
    let atMost = 0;
    for (const [bucket, bound] of NOVELTY_BUCKETS.entries())
      yield `${name}_bucket{${own},le="${bound}"} ${(atMost += this.#counts[bucket]!)}`;
    yield `${name}_bucket{${own},le="+Inf"} ${atMost}`;
    yield `${name}_sum{${own}} ${this.#sum}`;
    yield `${name}_count{${own}} ${atMost}`;
  }
}
