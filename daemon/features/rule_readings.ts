import type { OpenTime } from '../../shared/bar.ts';
import type { Pair } from '../../shared/pair.ts';
import type { FormulaStore } from '../../shared/store/warm_bars.ts';

/** What a kind of subject gives its rules to read. */
export interface RuleReadings<Reading> {
  /**
   * The last bars of a subject that a journal has, up to the one at `until`, as a daemon had them.
   * @param count of the bars
   * @param pause resolves when the thread may be blocked for some milliseconds
   */
  read(
    store: FormulaStore,
    subject: Pair,
    count: number,
    until: OpenTime,
    pause: () => Promise<void>,
  ): Promise<Iterable<Reading>>;
  /** One that may be kept. */
  copy(reading: Reading): Reading;
}
