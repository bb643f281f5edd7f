import type { Sample } from '../../shared/metrics/metric.ts';

/**
 * Counts of each value of one label. Values that are known are exported from the start, with 0: Prometheus sees an
 * increase only between two samples, so that a counter which begins at 1 raises no alert.
 */
export class Counts implements Iterable<Sample> {
  readonly #byLabel = new Map<string, { count: number }>();

  constructor(known: readonly string[]) {
    for (const label of known) this.#byLabel.set(label, { count: 0 });
  }

  add(label: string): void {
    const counted = this.#byLabel.get(label);
    if (counted === undefined) this.#byLabel.set(label, { count: 1 });
    else counted.count++;
  }

  *[Symbol.iterator](): Generator<Sample> {
    for (const [label, { count }] of this.#byLabel) yield [label, count];
  }
}
