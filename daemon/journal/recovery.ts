import type { OpenTime } from '../../shared/bar.ts';
import { SCREEN_LOOK_BACK_BARS } from '../../shared/core/screen/bar_screen.ts';
import { warmupBars } from '../../shared/core/features/features.ts';
import { INSTRUMENT_WINDOWS } from '../../shared/core/features/instrument/definitions.ts';
import { InstrumentFeatures } from '../../shared/core/features/instrument/instrument_features.ts';
import type { Windows } from '../../shared/core/features/windows.ts';
import { barOpen, lastMinuteOf } from '../../shared/core/resample/bar_resampler.ts';
import { barSecondsOf, isInstrument, type Pair } from '../../shared/pair.ts';
import type { JournalStore } from '../../shared/store/journal.ts';
import { MAX_AGE_SECONDS } from '../../shared/core/series/series_names.ts';
import type { InputRow } from '../../shared/store/journal.ts';
import { firstMinuteOfBars } from '../../shared/store/warm_bars.ts';

const ALL = Number.MAX_SAFE_INTEGER;

/**
 * The first minute whose inputs a restart needs. From there on they give every pair the `warmup` bars up to its last
 * signal, of which its features are a function, whatever arrived after that without an answer; every symbol its last
 * bar, so that nothing is taken twice; and every symbol the earlier bars that its screen looks back over. 0 when the
 * journal is empty.
 */
export function recoveryStart(
  store: JournalStore,
  subjects: readonly Pair[],
  warmup: number | ((subject: Pair) => number),
): OpenTime {
  const warmupOf = typeof warmup === 'number' ? () => warmup : warmup;
  const answered = new Map(store.lastSignals().map(({ pairId, time }) => [pairId, time]));
  const lastBars = store.lastBars();
  const starts = subjects.flatMap((pair) => {
    const until = answered.get(pair.id);
    const warm =
      until === undefined
        ? store.commonMinuteBefore(pair, ALL, ALL as OpenTime)
        : firstMinuteOfBars(store, pair, warmupOf(pair), until);
    const needed = [warm, until, lastBars.get(pair.a), lastBars.get(pair.b)].filter((time) => typeof time === 'number');
    if (needed.length === 0) return [];
    const seconds = barSecondsOf(pair);
    const open = barOpen(lastMinuteOf(Math.min(...needed), seconds), seconds);
    // The first bar of a pair reads those of other symbols of the bar before.
    return screenedFrom(store, pair, (until === undefined ? open - seconds : open) as OpenTime);
  });
  return (starts.length === 0 ? 0 : Math.min(...starts)) as OpenTime;
}

/** Bars after which the features of a subject depend on no earlier one. */
export function subjectWarmup(windows: Windows): (subject: Pair) => number {
  const ofPairs = warmupBars(windows);
  const ofInstruments = new InstrumentFeatures(INSTRUMENT_WINDOWS, 60).warmupBars;
  return (subject) => (isInstrument(subject) ? ofInstruments : ofPairs);
}

/** `first`, and the earliest bar of each leg that its screen looks back to from there, where there is one. */
export function screenedFrom(store: JournalStore, pair: Pair, first: OpenTime): OpenTime[] {
  const starts = [pair.a, pair.b].map((symbol) => store.barBefore(symbol, SCREEN_LOOK_BACK_BARS + 1, first));
  return [first, ...starts.filter((time) => time !== null)];
}

/** The inputs of a restart from a minute on, behind the observations that may still have counted. */
export function* restoredInputs(
  store: Pick<JournalStore, 'seriesBetween'>,
  from: OpenTime,
  inputs: Iterable<InputRow>,
): IterableIterator<InputRow> {
  yield* store.seriesBetween(Math.max(0, from - MAX_AGE_SECONDS) as OpenTime, from);
  yield* inputs;
}
