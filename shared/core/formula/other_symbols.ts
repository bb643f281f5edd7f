import { INSTRUMENT_ID } from '../../pair.ts';

/** A field of the bars of another symbol than the subject's. */
export interface OtherSymbolField {
  readonly symbol: string;
  readonly field: string;
}

interface FormulaWithSources {
  readonly formula: { readonly sources: readonly string[] };
}

/** The name of the source that reads the bars of another symbol, as a formula writes it: `symbol("BTCUSDT").close`. */
export function otherSymbolSource({ symbol, field }: OtherSymbolField): string {
  return `symbol("${symbol}").${field}`;
}

/** What a source reads of another symbol; null for any other source. */
export function parseOtherSymbol(source: string): OtherSymbolField | null {
  const match = /^symbol\("(.*)"\)\.(\w+)$/.exec(source);
  return match === null ? null : { symbol: match[1]!, field: match[2]! };
}

/** Whether a text is a symbol: the id of an instrument of one-minute bars. */
export function isSymbolName(text: string): boolean {
  return INSTRUMENT_ID.test(text) && !text.includes('@');
}

/** Sources of other symbols that any of these formulas reads, each once, in the order of their texts. */
export function otherSourcesOf(formulas: readonly FormulaWithSources[]): string[] {
  const read = formulas.flatMap(({ formula }) => formula.sources.filter((source) => parseOtherSymbol(source) !== null));
  return [...new Set(read)].sort();
}

/** Other symbols that the formulas of a schema read, as `Windows.formulas` has them. */
export function otherSymbolsIn(formulas: unknown): string[] {
  if (typeof formulas !== 'string') return [];
  return [...new Set(Array.from(formulas.matchAll(/symbol\("([^"]*)"\)/g), ([, symbol]) => symbol!))].sort();
}

/** The other symbols that these sources read, each once; other sources read none. */
export function symbolsOfSources(sources: readonly string[]): string[] {
  return [...new Set(sources.flatMap((source) => parseOtherSymbol(source)?.symbol ?? []))];
}
