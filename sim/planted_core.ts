import { PairResampler } from '../daemon/align/resample.ts';
import { BarAccumulator } from '../shared/core/resample/bar_resampler.ts';
import { RecentBars } from '../shared/core/resample/recent_bars.ts';
import { SeriesBook, type Observation } from '../shared/core/series/series_book.ts';
import { seriesIndex } from '../shared/core/series/series_names.ts';
import type { PlantedBug } from './planted.ts';

function closeEarly(): () => void {
  const { prototype } = PairResampler;
  const { take } = prototype;
  prototype.take = function (minute, nowMs) {
    const isTaken = take.call(this, minute, nowMs);
    if (isTaken) this.closeThrough(minute.pairIndex, (minute.time + 60) as typeof minute.time);
    return isTaken;
  };
  return () => void (prototype.take = take);
}

function keepBars(): () => void {
  const { prototype } = BarAccumulator;
  const { add, take } = prototype;
  const newest = new WeakMap<BarAccumulator, number>();
  prototype.add = function (bar) {
    newest.set(this, bar.time);
    add.call(this, bar);
  };
  prototype.take = function (time) {
    const bar = take.call(this, time);
    if (bar !== null && newest.get(this) !== time) add.call(this, bar);
    return bar;
  };
  return () => Object.assign(prototype, { add, take });
}

/** Every observation given to each series book. */
function recordTaken(): { taken: WeakMap<SeriesBook, Observation[]>; restore(): void } {
  const { prototype } = SeriesBook;
  const { take } = prototype;
  const taken = new WeakMap<SeriesBook, Observation[]>();
  prototype.take = function (observation) {
    taken.set(this, [...(taken.get(this) ?? []), observation]);
    take.call(this, observation);
  };
  return { taken, restore: () => void (prototype.take = take) };
}

function joinByEvent(): () => void {
  const { prototype } = SeriesBook;
  const { valuesAt } = prototype;
  const { taken, restore } = recordTaken();
  prototype.valuesAt = function (symbol, close, into) {
    valuesAt.call(this, symbol, close, into);
    const known = (taken.get(this) ?? []).filter((own) => own.symbol === symbol && own.eventTime <= close);
    for (const { name, value } of known.sort((x, y) => x.eventTime - y.eventTime)) into[seriesIndex(name)] = value;
  };
  return () => {
    prototype.valuesAt = valuesAt;
    restore();
  };
}

function ignoreRevisions(): () => void {
  const { prototype } = SeriesBook;
  const { take } = prototype;
  const events = new WeakMap<SeriesBook, Set<string>>();
  prototype.take = function (observation) {
    const { symbol, name, eventTime } = observation;
    const known = events.get(this) ?? new Set();
    events.set(this, known);
    const event = `${symbol} ${name} ${eventTime}`;
    if (!known.has(event)) take.call(this, observation);
    known.add(event);
  };
  return () => void (prototype.take = take);
}

/** The bar of another symbol that closes with that of the pair, as far as it has come. */
function readSameBar(): () => void {
  const { prototype } = RecentBars;
  const { at } = prototype;
  prototype.at = function (time) {
    return at.call(this, time + this.barSeconds);
  };
  return () => void (prototype.at = at);
}

const IN_CORE: Partial<Record<PlantedBug, () => () => void>> = {
  early_close: closeEarly,
  kept_bar: keepBars,
  series_by_event: joinByEvent,
  ignored_revisions: ignoreRevisions,
  early_others: readSameBar,
};

/** Plants a bug in a part of the daemon that no port reaches. @returns a function that removes it */
export function plantInCore(bug: PlantedBug | null): () => void {
  return (bug === null ? undefined : IN_CORE[bug])?.() ?? (() => undefined);
}
