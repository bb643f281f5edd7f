import type { OpenTime } from '../../shared/bar.ts';
import type { Pair } from '../../shared/pair.ts';
import type { JournalStore } from '../../shared/store/journal.ts';

/**
 * The first minute whose inputs a restart needs: from there on they give every pair the `warmup` bars its features are
 * a function of, and every symbol its last bar, so that nothing is taken twice. 0 when the journal is empty.
 */
export function recoveryStart(store: JournalStore, pairs: readonly Pair[], warmup: number): OpenTime {
  const warm = pairs.map((pair) => store.commonMinuteBefore(pair, warmup));
  const lastBars = store.lastBars();
  const last = pairs.flatMap(({ a, b }) => [lastBars.get(a) ?? null, lastBars.get(b) ?? null]);
  const starts = [...warm, ...last].filter((time) => time !== null);
  return (starts.length === 0 ? 0 : Math.min(...starts)) as OpenTime;
}
