import type { SubjectBody } from '../../shared/signal/instrument_signal.ts';
import type { TextSeries } from '../../shared/metrics/metric.ts';

type Counted = Pick<SubjectBody, 'pair_id' | 'action' | 'reason' | 'mode'>;

interface Series extends Omit<Counted, 'pair_id'> {
  /** Its labels in the exposition format. */
  readonly labels: string;
  count: number;
}

/**
 * Signals by pair, action, reason and mode: the one metric with thousands of series. A thousand pairs have some six
 * each. prom-client makes a key of the four labels at each count. Here a pair keeps its few series with their text.
 */
export class SignalCounter implements TextSeries {
  static readonly LABELS = ['pair_id', 'action', 'reason', 'mode'] as const;
  readonly #byPair = new Map<string, Series[]>();

  add(signal: Counted): void {
    this.#seriesOf(signal).count++;
  }

  *lines(name: string): Generator<string> {
    for (const ofPair of this.#byPair.values()) {
      for (const { labels, count } of ofPair) yield `${name}${labels} ${count}`;
    }
  }

  #seriesOf({ pair_id, action, reason, mode }: Counted): Series {
    let ofPair = this.#byPair.get(pair_id);
    if (ofPair === undefined) this.#byPair.set(pair_id, (ofPair = []));
    for (const series of ofPair) {
      if (series.reason === reason && series.mode === mode && series.action === action) return series;
    }
    // Ids are [A-Z0-9._] and the others are codes: nothing to escape.
    const labels = `{pair_id="${pair_id}",action="${action}",reason="${reason}",mode="${mode}"}`;
    const series: Series = { action, reason, mode, labels, count: 0 };
    ofPair.push(series);
    return series;
  }
}
