import type { Bar } from '../../bar.ts';
import { parseOtherSymbol } from './other_symbols.ts';

/** The bars of other symbols at one bar of a subject, by symbol; a symbol without a bar there is missing. */
export type OtherBarsAt = ReadonlyMap<string, Bar>;

/**
 * Reads the values of sources of other symbols, in their order, into an array that the next call overwrites.
 */
export function otherValuesReader(sources: readonly string[]): (bars: OtherBarsAt) => Float64Array {
  const fields = sources.map((source) => parseOtherSymbol(source)!);
  const values = new Float64Array(sources.length);
  return (bars) => {
    for (let i = 0; i < fields.length; i++) values[i] = otherValue(bars.get(fields[i]!.symbol), fields[i]!.field);
    return values;
  };
}

/** NaN = missing. A volume of 0 is unknown. */
function otherValue(bar: Bar | undefined, field: string): number {
  if (bar === undefined) return NaN;
  switch (field) {
    case 'open':
      return bar.open;
    case 'high':
      return bar.high;
    case 'low':
      return bar.low;
    case 'close':
      return bar.close;
    case 'volume':
      return bar.volume > 0 ? bar.volume : NaN;
    case 'spread':
      return bar.spread ?? NaN;
    default:
      throw new RangeError(`bars of other symbols have no ${field}`);
  }
}
