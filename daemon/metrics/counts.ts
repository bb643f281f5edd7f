import type { Sample } from '../../shared/metrics/metric.ts';

/** Counts of each value of one label. */
export class Counts implements Iterable<Sample> {
  readonly #byLabel = new Map<string, { count: number }>();

  add(label: string): void {
    const counted = this.#byLabel.get(label);
    if (counted === undefined) this.#byLabel.set(label, { count: 1 });
    else counted.count++;
  }

  *[Symbol.iterator](): Generator<Sample> {
    for (const [label, { count }] of this.#byLabel) yield [label, count];
  }
}
