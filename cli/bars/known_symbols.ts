import type { OpenTime } from '../../shared/bar.ts';
import type { SampledCloses } from '../../shared/bar_file/verdict/bar_inspection.ts';
import type { StorePeriod } from '../../trainer/store/bars.ts';

interface Extent {
  readonly symbol: string;
  /** Open of the first and the last bar, epoch seconds. */
  readonly first: number;
  readonly last: number;
}

interface KnownQuestion {
  readonly there: readonly Extent[];
  readonly symbol: string;
  /** Of the bars that are compared. */
  readonly period: { readonly from: number; readonly to: number };
  readonly sample: (symbol: string, span: StorePeriod) => Promise<SampledCloses>;
}

/** Symbols that a comparison reads beside the symbol itself, and days of them: enough for a clear answer. */
const MAX_OTHERS = 6;
const MAX_SPAN_S = 60 * 86_400;
/** Clocks differ by hours, so a period begins and ends earlier or later by that much. */
const MARGIN_S = 86_400;
const MAX_APART_S = 30 * 86_400;

/** Closes of the symbol, and of others that have bars in the same period, those with the most of it first. */
export async function knownCloses({ there, symbol, period, sample }: KnownQuestion): Promise<readonly SampledCloses[]> {
  const overlap = ({ first, last }: Extent): number => Math.min(last, period.to) - Math.max(first, period.from);
  const own = there.filter((one) => one.symbol === symbol);
  const others = there
    .filter((one) => one.symbol !== symbol && overlap(one) > 0)
    .sort((a, b) => isRelated(symbol, b.symbol) - isRelated(symbol, a.symbol) || overlap(b) - overlap(a))
    .slice(0, MAX_OTHERS);
  const known: SampledCloses[] = [];
  for (const one of [...own, ...others]) {
    const span = overlap(one) > 0 ? commonSpan(one, period) : nearestSpan(one, period);
    if (span !== null) known.push(await sample(one.symbol, span));
  }
  return known;
}

function commonSpan({ first, last }: Extent, period: KnownQuestion['period']): StorePeriod {
  const to = Math.min(last, period.to) + MARGIN_S;
  return spanOf(Math.max(first, period.from - MARGIN_S, to - MAX_SPAN_S), to);
}

/** Two days that are next to the period; null where a market may have moved to any price since. */
function nearestSpan({ first, last }: Extent, { from, to }: KnownQuestion['period']): StorePeriod | null {
  if (last < from) return from - last > MAX_APART_S ? null : spanOf(last - 2 * MARGIN_S, last + 1);
  return first - to > MAX_APART_S ? null : spanOf(first, first + 2 * MARGIN_S);
}

function spanOf(from: number, to: number): StorePeriod {
  return { from: from as OpenTime, to: to as OpenTime };
}

/** Symbols with a common currency move together, and three of them imply one another's rates. */
function isRelated(symbol: string, other: string): number {
  const parts = [symbol.slice(0, 3), symbol.slice(3, 6)];
  return parts.filter((part) => part.length === 3 && other.includes(part)).length;
}
