import type { TextSeries } from '../../shared/metrics/metric.ts';

/** Upper bounds in seconds: 1 µs to 1 s, with the 200 ms limit of the EA. */
export const LATENCY_BUCKETS_SECONDS: readonly number[] = [
  1e-6, 2.5e-6, 5e-6, 1e-5, 2.5e-5, 5e-5, 1e-4, 2.5e-4, 5e-4, 1e-3, 2.5e-3, 5e-3, 0.01, 0.025, 0.05, 0.1, 0.2, 0.5, 1,
];

const US_PER_SECOND = 1e6;
const BOUNDS_US = Float64Array.from(LATENCY_BUCKETS_SECONDS, (seconds) => seconds * US_PER_SECOND);

/** One series of a histogram of times. */
export interface Latency {
  observe(us: number): void;
}

/**
 * Counts the times of every bar, instead of prom-client, whose histograms validate the labels, build a key from them
 * and look the bucket up by its bound as text, at each observation. With ten pairs this and `signal_counter.ts`
 * together take a tenth of the time of prom-client, with a thousand a sixth.
 */
export class LatencyHistogram implements TextSeries {
  readonly #label: string | null;
  readonly #byValue = new Map<string, CountedLatency>();

  /** @param label null = one series, without a label */
  constructor(label: string | null = null) {
    this.#label = label;
  }

  /** The series with this value of the histogram's label; always the same object. */
  series(labelValue: string): Latency {
    let series = this.#byValue.get(labelValue);
    if (series === undefined) this.#byValue.set(labelValue, (series = new CountedLatency()));
    return series;
  }

  *lines(name: string): Generator<string> {
    for (const [value, series] of this.#byValue)
      yield* series.lines(name, this.#label === null ? '' : `${this.#label}="${value}"`);
  }
}

class CountedLatency implements Latency {
  /** Count of each bucket alone; the last has no upper bound. */
  readonly #counts = new Float64Array(BOUNDS_US.length + 1);
  #sumUs = 0;

  observe(us: number): void {
    let bucket = 0;
    while (bucket < BOUNDS_US.length && us > BOUNDS_US[bucket]!) bucket++;
    this.#counts[bucket]!++;
    this.#sumUs += us;
  }

  /** @param own `label="value"`, or empty */
  *lines(name: string, own: string): Generator<string> {
    const before = own === '' ? '' : `${own},`;
    const after = own === '' ? '' : `{${own}}`;
    let atMost = 0;
    for (const [bucket, seconds] of LATENCY_BUCKETS_SECONDS.entries())
      yield `${name}_bucket{${before}le="${seconds}"} ${(atMost += this.#counts[bucket]!)}`;
    const count = atMost + this.#counts[LATENCY_BUCKETS_SECONDS.length]!;
    yield `${name}_bucket{${before}le="+Inf"} ${count}`;
    yield `${name}_sum${after} ${this.#sumUs / US_PER_SECOND}`;
    yield `${name}_count${after} ${count}`;
  }
}
