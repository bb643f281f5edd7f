import type { Bar } from '../shared/bar.ts';
import { parseOtherSymbol } from '../shared/core/formula/other_symbols.ts';
import { barSecondsOf, type Pair } from '../shared/pair.ts';
import type { InputRow } from '../shared/store/journal.ts';

/** Of a symbol, more bars than these are not kept for a pair that is behind it. */
const KEPT_BARS = 256;

/**
 * The bars of other symbols as a pair knows them, by the rows of the journal alone: those of one bar earlier, of the
 * minutes before the row that ended the bar of the pair, without suspect ones. Scans all rows at each call, and shares
 * no code with the daemon's align.
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
    const rows = this.#inputs.slice(0, this.#endOf(time));
    const number = this.#numberOf(time) - 1;
    const minutes = minutesOf(symbol, rows);
    const later = new Set(minutes.map((minute) => this.#numberOf(minute.time)).filter((own) => own > number));
    if (later.size >= KEPT_BARS) return NaN;
    return fieldOf(
      minutes.filter((minute) => this.#numberOf(minute.time) === number),
      field,
    );
  }

  /** Of the bars of this length since the epoch. */
  #numberOf(time: number): number {
    return Math.floor(time / barSecondsOf(this.#pair));
  }

  /** The row that ended a bar: both legs are at its last minute or further on, or it was given up. */
  #endOf(time: number): number {
    const { id, a, b } = this.#pair;
    const reached = new Set<string>();
    return this.#inputs.findIndex(({ kind, subject, time: own }) => {
      if (own < time) return false;
      if (kind === 'timeout' && subject === id) return true;
      if (kind === 'bar' || kind === 'empty') reached.add(subject);
      return reached.has(a) && reached.has(b);
    });
  }
}

/** The minutes of a symbol in these rows, ascending, without suspect ones. */
function minutesOf(symbol: string, rows: readonly InputRow[]): Bar[] {
  const found = new Map<number, Bar>();
  for (const { kind, subject, time, bar } of rows) {
    if (subject !== symbol) continue;
    if (kind === 'suspect') found.delete(time);
    else if (kind === 'bar') found.set(time, bar!);
  }
  return [...found.values()];
}

/** A field of the bar that these minutes of a symbol make; NaN = missing. */
function fieldOf(minutes: readonly Bar[], field: string): number {
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
