import type { Bar } from '../shared/bar.ts';
import { parseOtherSymbol } from '../shared/core/formula/other_symbols.ts';
import { barSecondsOf, type Pair } from '../shared/pair.ts';
import type { InputRow } from '../shared/store/journal.ts';

/**
 * The bars of other symbols as a pair knows them, by the rows of the journal alone: without suspect ones, and without
 * those that stand behind a time-out of the pair for their minute or a later one. Scans all rows at each call, and
 * shares no code with the daemon's align.
 */
export class KnownOthers {
  readonly #inputs: readonly InputRow[];
  readonly #pair: Pair;

  constructor(inputs: readonly InputRow[], pair: Pair) {
    this.#inputs = inputs;
    this.#pair = pair;
  }

  /** A source of a formula, such as `symbol("EURUSD").close`, at the bar of the pair with this last minute. */
  valueAt(source: string, time: number): number {
    const { symbol, field } = parseOtherSymbol(source)!;
    return fieldOfMinutes(this.#minutes(symbol, time), field);
  }

  /** Of the interval of the pair's timeframe that ends with this minute, ascending. */
  #minutes(symbol: string, time: number): Bar[] {
    const seconds = barSecondsOf(this.#pair);
    const interval = Math.floor(time / seconds);
    const found = new Map<number, Bar>();
    let givenUp = -Infinity;
    for (const { kind, subject, time: own, bar } of this.#inputs) {
      if (kind === 'others_timeout' && subject === this.#pair.id) givenUp = Math.max(givenUp, own);
      if (subject !== symbol || Math.floor(own / seconds) !== interval) continue;
      if (kind === 'suspect') found.delete(own);
      else if (kind === 'bar' && own > givenUp) found.set(own, bar!);
    }
    return [...found.values()];
  }
}

/** A field of the bar that these minutes of a symbol make; NaN = missing. */
export function fieldOfMinutes(minutes: readonly Bar[], field: string): number {
  const last = minutes.at(-1);
  if (last === undefined) return NaN;
  switch (field) {
    case 'open':
      return minutes[0]!.open;
    case 'high':
      return Math.max(...minutes.map(({ high }) => high));
    case 'low':
      return Math.min(...minutes.map(({ low }) => low));
    case 'close':
      return last.close;
    case 'volume': {
      const volume = minutes.reduce((total, own) => total + own.volume, 0);
      return volume > 0 ? volume : NaN;
    }
    default:
      return last.spread ?? NaN;
  }
}
