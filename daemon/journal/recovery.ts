import type { OpenTime } from '../../shared/bar.ts';
import type { Pair } from '../../shared/pair.ts';
import type { JournalStore } from '../../shared/store/journal.ts';

const ALL = Number.MAX_SAFE_INTEGER;

/**
 * The first minute whose inputs a restart needs. From there on they give every pair the `warmup` bars up to its last
 * signal, which its features are a function of, whatever came after that without an answer, and every symbol its last
 * bar, so that nothing is taken twice. 0 when the journal is empty.
 */
export function recoveryStart(store: JournalStore, pairs: readonly Pair[], warmup: number): OpenTime {
  const answered = new Map(store.lastSignals().map(({ pairId, time }) => [pairId, time]));
  const lastBars = store.lastBars();
  const starts = pairs.flatMap((pair) => {
    const until = answered.get(pair.id);
    const warm =
      until === undefined
        ? store.commonMinuteBefore(pair, ALL, ALL as OpenTime)
        : store.commonMinuteBefore(pair, warmup, until);
    return [warm, until, lastBars.get(pair.a), lastBars.get(pair.b)].filter((time) => typeof time === 'number');
  });
  return (starts.length === 0 ? 0 : Math.min(...starts)) as OpenTime;
}
