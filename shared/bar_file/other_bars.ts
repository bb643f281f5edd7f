import { handWrittenDefinitions } from '../core/features/features.ts';
import type { Windows } from '../core/features/windows.ts';
import { formulasOf } from '../core/formula/named_formulas.ts';
import { symbolsOf, type Pair } from '../pair.ts';
import { otherSourcesOf, parseOtherSymbol, symbolsOfSources } from '../core/formula/other_symbols.ts';
import { otherBarTime } from '../core/formula/other_values.ts';
import { OTHER_FIELDS } from '../core/formula/sources.ts';
import { MinutehandError } from '../errors.ts';
import type { BarColumns } from './bar_file.ts';

/** Bars of symbols by their names. */
export type BarsBySymbol = ReadonlyMap<string, BarColumns>;

/** Symbols whose bars the formulas of pairs read beside those of the legs, each once. */
export function otherSymbolsOf(windows: Windows): string[] {
  return symbolsOfSources(otherSourcesOf(formulasOf(windows, handWrittenDefinitions(windows))));
}

/** Symbols without whose bars the features of these pairs cannot be computed: the legs, and what formulas read. */
export function symbolsNeeded(pairs: readonly Pair[], windows: Windows): string[] {
  return [...new Set([...symbolsOf(pairs), ...otherSymbolsOf(windows)])];
}

/** Names of the formulas of pairs that read other symbols. */
export function columnsOfOthers(windows: Windows): string[] {
  const formulas = formulasOf(windows, handWrittenDefinitions(windows));
  return formulas.filter((one) => otherSourcesOf([one]).length > 0).map(({ name }) => name);
}

/**
 * Bars that know those of the other symbols that formulas read, where any formula reads one; otherwise the same bars.
 * @param bars of the legs, and of the other symbols
 * @throws MinutehandError DATA_MISSING for a symbol without any bar: all of its values would be missing
 */
export function withOtherBars(bars: BarsBySymbol, windows: Windows): BarsBySymbol {
  return withBarsOf(bars, otherSymbolsOf(windows));
}

/** Bars that know those of these other symbols. @throws MinutehandError DATA_MISSING as `withOtherBars` */
export function withBarsOf(bars: BarsBySymbol, symbols: readonly string[]): BarsBySymbol {
  if (symbols.length === 0) return bars;
  const others = new Map(symbols.map((symbol) => [symbol, barsOfOther(bars, symbol)]));
  return new Map([...bars].map(([symbol, columns]) => [symbol, { ...columns, others }]));
}

/** @throws MinutehandError DATA_MISSING */
function barsOfOther(bars: BarsBySymbol, symbol: string): BarColumns {
  const own = bars.get(symbol);
  if (own !== undefined && own.length > 0) return own;
  throw noBarsOf(symbol);
}

function noBarsOf(symbol: string): MinutehandError {
  return new MinutehandError('DATA_MISSING', {
    seen: `no bars of ${symbol}, which a formula reads as symbol("${symbol}")`,
    next: `Import bars of ${symbol}, or take the formula out of config/features.yaml.`,
  });
}

/** A field of another symbol, and where its next bar is looked for. */
interface Cursor {
  readonly time: Float64Array;
  readonly length: number;
  /** null: the source of the bars has no such column. */
  readonly values: Float64Array | null;
  /** Whether 0 means unknown. */
  readonly isVolume: boolean;
  next: number;
}

/** Fields of other symbols at the bars of a subject: those of one bar earlier, and missing without one. */
export class OtherBars {
  readonly #cursors: readonly Cursor[];
  readonly #values: Float64Array;
  readonly #barSeconds: number;

  /**
   * @param sources in the order of their values
   * @param others bars of the subject's timeframe, by symbol; undefined: nobody has looked for them
   * @param barSeconds of the subject
   * @throws MinutehandError DATA_MISSING for sources whose bars are not among them
   */
  constructor(sources: readonly string[], others: BarsBySymbol | undefined, barSeconds: number) {
    this.#barSeconds = barSeconds;
    this.#values = new Float64Array(sources.length);
    this.#cursors = sources.map((source) => {
      const { symbol, field } = parseOtherSymbol(source)!;
      const own = others?.get(symbol);
      if (own === undefined) throw noBarsOf(symbol);
      const name = OTHER_FIELDS.find((known) => known.name === field)!.name as OtherField;
      return { time: own.time, length: own.length, values: own[name], isVolume: name === 'volume', next: 0 };
    });
  }

  /** @param time of the subject's bar; times ascend @returns values that belong to the caller until the next call */
  at(time: number): Float64Array {
    const out = this.#values;
    const earlier = otherBarTime(time, this.#barSeconds);
    for (let i = 0; i < out.length; i++) {
      const cursor = this.#cursors[i]!;
      while (cursor.next < cursor.length && cursor.time[cursor.next]! < earlier) cursor.next++;
      const isThere = cursor.next < cursor.length && cursor.time[cursor.next] === earlier;
      const value = isThere ? (cursor.values?.[cursor.next] ?? NaN) : NaN;
      out[i] = cursor.isVolume && !(value > 0) ? NaN : value;
    }
    return out;
  }
}

type OtherField = 'open' | 'high' | 'low' | 'close' | 'volume' | 'spread';
