import type { Sample } from '../../shared/metrics/metric.ts';

/** The label of all values that are not among the known ones. */
export const OTHER = 'OTHER';

/**
 * Counts of each value of one label. All values are exported from the start, with 0: Prometheus sees an increase only
 * between two samples, so that a counter which begins at 1 raises no alert. So the list is closed: what is not in it
 * counts as `OTHER`.
 */
export class Counts implements Iterable<Sample> {
  readonly #byLabel = new Map<string, { count: number }>();
  readonly #other = { count: 0 };

  constructor(known: readonly string[]) {
    for (const label of known) this.#byLabel.set(label, { count: 0 });
    this.#byLabel.set(OTHER, this.#other);
  }

  add(label: string): void {
    (this.#byLabel.get(label) ?? this.#other).count++;
  }

  *[Symbol.iterator](): Generator<Sample> {
    for (const [label, { count }] of this.#byLabel) yield [label, count];
  }
}
