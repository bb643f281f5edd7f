import type { Bar } from '../shared/bar.ts';
import { PairFeatures } from '../shared/core/features/features.ts';
import { handWrittenWindows, type Windows } from '../shared/core/features/windows.ts';
import { formulasOf } from '../shared/core/formula/named_formulas.ts';
import { parseOtherSymbol } from '../shared/core/formula/other_symbols.ts';
import { groupsOf, type Section } from '../shared/core/formula/sections.ts';
import { barSecondsOf, parsePair, type Pair } from '../shared/pair.ts';
import type { InputRow } from '../shared/store/journal.ts';
import { fieldOfMinutes } from './known_others.ts';

/** By the time of a bar. */
type Values = ReadonlyMap<number, number>;

/**
 * The cross-sections of a pair, by the rows of the journal alone: of each pair of the group what is compared at all of
 * its bars, and then the slow definition of the operator at each. It shares no code with the daemon's align or with its
 * comparisons.
 */
export class KnownSections {
  readonly #inputs: readonly InputRow[];
  readonly #pair: Pair;
  readonly #windows: Windows;
  #known: ReadonlyMap<string, Values> | null = null;

  /** @param windows with the formulas of a bundle */
  constructor(inputs: readonly InputRow[], pair: Pair, windows: Windows) {
    this.#inputs = inputs;
    this.#pair = pair;
    this.#windows = windows;
  }

  /** @param source text of a cross-section @param time of the pair's bar */
  valueAt(source: string, time: number): number {
    this.#known ??= this.#all();
    return this.#known.get(source)?.get(time) ?? NaN;
  }

  #all(): Map<string, Values> {
    const written = new PairFeatures(handWrittenWindows(this.#windows), this.#pair);
    const groups = groupsOf(formulasOf(this.#windows, written.definitions));
    const group = groups.find(({ members }) => members.includes(this.#pair.id));
    if (group === undefined) return new Map();
    const pairs = group.members.map(parsePair).filter((own) => barSecondsOf(own) === barSecondsOf(this.#pair));
    const minutes = minutesOf(this.#inputs, pairs);
    return new Map(group.sections.map((section) => [section.text, this.#valuesOf(section, pairs, minutes)]));
  }

  #valuesOf(section: Section, pairs: readonly Pair[], minutes: Minutes): Values {
    const compared = new Map(pairs.map((pair) => [pair.id, this.#comparedBy(section, pair, minutes)]));
    const own = compared.get(this.#pair.id)!;
    compared.delete(this.#pair.id);
    const at = (time: number): number => {
      const all = [own, ...compared.values()].map((values) => values.get(time) ?? NaN);
      return section.operator.oracle([all], []);
    };
    return new Map([...own.keys()].map((time) => [time, at(time)]));
  }

  #comparedBy(section: Section, pair: Pair, minutes: Minutes): Values {
    const argument = section.text.slice(section.operator.name.length + 1, -1);
    const windows = { ...handWrittenWindows(this.#windows), formulas: `x = ${argument}` };
    const features = new PairFeatures(windows, pair);
    const values = new Map<number, number>();
    const ofB = minutes(pair.b);
    for (const [interval, own] of minutes(pair.a)) {
      const other = ofB.get(interval);
      if (other === undefined) continue;
      const time = (interval + 1) * barSecondsOf(pair) - 60;
      const others = features.others.map((source) => {
        const { symbol, field } = parseOtherSymbol(source)!;
        return fieldOfMinutes(minutes(symbol).get(interval) ?? [], field);
      });
      features.step(barOf(own, time), barOf(other, time), null, Float64Array.from(others));
      values.set(time, features.values.at(-1)!);
    }
    return values;
  }
}

/** The minutes of a symbol by the number of their interval of the timeframe, ascending. */
type Minutes = (symbol: string) => ReadonlyMap<number, readonly Bar[]>;

/** Without suspect bars, and without those behind a time-out of any of the pairs for their minute or a later one. */
function minutesOf(inputs: readonly InputRow[], pairs: readonly Pair[]): Minutes {
  const seconds = barSecondsOf(pairs[0]!);
  const ids = pairs.map(({ id }) => id);
  return (symbol) => {
    const found = new Map<number, Bar>();
    let givenUp = -Infinity;
    for (const { kind, subject, time, bar } of inputs) {
      if (kind === 'others_timeout' && ids.includes(subject)) givenUp = Math.max(givenUp, time);
      if (subject !== symbol) continue;
      if (kind === 'suspect') found.delete(time);
      else if (kind === 'bar' && time > givenUp) found.set(time, bar!);
    }
    const byInterval = new Map<number, Bar[]>();
    for (const bar of [...found.values()].sort((x, y) => x.time - y.time)) {
      const interval = Math.floor(bar.time / seconds);
      byInterval.set(interval, [...(byInterval.get(interval) ?? []), bar]);
    }
    return byInterval;
  };
}

function barOf(minutes: readonly Bar[], time: number): Bar {
  const last = minutes.at(-1)!;
  const bar = {
    symbol: last.symbol,
    time: time as Bar['time'],
    open: minutes[0]!.open,
    high: Math.max(...minutes.map(({ high }) => high)),
    low: Math.min(...minutes.map(({ low }) => low)),
    close: last.close,
    volume: minutes.reduce((total, own) => total + own.volume, 0),
  };
  return last.spread === undefined ? bar : { ...bar, spread: last.spread };
}
