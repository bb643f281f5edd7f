import { SECONDS_PER_BAR, type OpenTime } from '../bar.ts';
import { barOpen, lastMinuteOf } from '../core/resample/bar_resampler.ts';
import { barSecondsOf, type Pair } from '../pair.ts';
import type { JournalStore } from './journal.ts';

/**
 * The minute of a journal from which on its inputs give a pair at least `bars` whole bars up to `until`, or all there
 * are; null when the pair has none.
 */
export function firstMinuteOfBars(
  store: Pick<JournalStore, 'commonMinuteBefore'>,
  pair: Pair,
  bars: number,
  until: OpenTime,
): OpenTime | null {
  const barSeconds = barSecondsOf(pair);
  if (barSeconds === SECONDS_PER_BAR) return store.commonMinuteBefore(pair, bars, until);
  // A bar has at most so many minutes; the first one may be cut off.
  const minutes = (bars + 1) * (barSeconds / SECONDS_PER_BAR);
  const first = store.commonMinuteBefore(pair, minutes, until);
  return first === null ? null : barOpen(lastMinuteOf(first, barSeconds), barSeconds);
}
