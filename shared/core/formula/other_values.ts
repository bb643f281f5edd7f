import type { Bar } from '../../bar.ts';
import { parseOtherSymbol } from './other_symbols.ts';

/** The bars of other symbols that are read at one bar of a subject, by symbol; one without such a bar is missing. */
export type OtherBarsAt = ReadonlyMap<string, Bar>;

/**
 * The time of the bar of another symbol that is read at a bar of a subject: the one that closed one bar earlier. An
 * older one is never read in its place, because live nobody could tell a bar that is late from one that does not exist.
 */
export function otherBarTime(time: number, barSeconds: number): number {
  return time - barSeconds;
}

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
