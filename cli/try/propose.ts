import type { BarColumns } from '../../shared/bar_file/bar_file.ts';
import type { PriceKind } from '../../shared/core/cost/fill_cost.ts';
import { MinutehandError } from '../../shared/errors.ts';
import { dearestCosts } from '../../shared/policy/believed_costs.ts';
import type { SymbolCosts } from '../../shared/policy/schema.ts';

const MOST_PAIRS = 3;
const HOUR_S = 3600;
/** Hours in common, a week of them. */
const LEAST_HOURS = 100;

/**
 * Basis points of a symbol, and whether they are those of its class alone: the dearest delivered ones.
 * @throws MinutehandError COSTS_UNKNOWN for a symbol of no class
 */
export function proposeCosts(
  symbol: string,
  known: Readonly<Record<string, SymbolCosts>>,
  price: PriceKind,
): { readonly costs: SymbolCosts; readonly isOfClass: boolean } {
  const own = known[symbol];
  const costs = own ?? dearestCosts(symbol);
  if (costs === null)
    throw new MinutehandError('COSTS_UNKNOWN', { seen: `${symbol}: its name says no class of instruments` });
  return { costs: { ...costs, price }, isOfClass: own === undefined };
}

/**
 * The configured pairs of which both symbols are there; without one, up to three of the most correlated combinations by
 * the changes from hour to hour.
 */
export function proposePairs(bars: ReadonlyMap<string, BarColumns>, configured: readonly string[]): string[] {
  const ready = configured.filter((id) =>
    id
      .split('@')[0]!
      .split('_')
      .every((symbol) => bars.has(symbol)),
  );
  if (ready.length > 0) return ready;
  const hourly = [...bars].map(([symbol, columns]) => ({ symbol, closes: hourlyCloses(columns) }));
  const found = hourly.flatMap((a, i) =>
    hourly.slice(i + 1).map((b) => ({ id: `${a.symbol}_${b.symbol}`, correlation: correlationOf(a.closes, b.closes) })),
  );
  return found
    .filter(({ correlation }) => correlation !== 0)
    .sort((one, other) => Math.abs(other.correlation) - Math.abs(one.correlation))
    .slice(0, MOST_PAIRS)
    .map(({ id }) => id);
}

/** Last close of each hour. */
function hourlyCloses({ length, time, close }: BarColumns): ReadonlyMap<number, number> {
  const closes = new Map<number, number>();
  for (let i = 0; i < length; i++) closes.set(Math.floor(time[i]! / HOUR_S), close[i]!);
  return closes;
}

/** Of the logarithmic changes over hours that both have; 0 where they are too few. */
function correlationOf(a: ReadonlyMap<number, number>, b: ReadonlyMap<number, number>): number {
  const changes: (readonly [number, number])[] = [];
  for (const [hour, last] of a) {
    const values = [a.get(hour - 1), b.get(hour), b.get(hour - 1)];
    if (values.some((value) => value === undefined)) continue;
    const [beforeA, lastB, beforeB] = values as [number, number, number];
    changes.push([Math.log(last / beforeA), Math.log(lastB / beforeB)]);
  }
  if (changes.length < LEAST_HOURS) return 0;
  let [aa, bb, ab] = [0, 0, 0];
  for (const [x, y] of changes) {
    aa += x * x;
    bb += y * y;
    ab += x * y;
  }
  return aa === 0 || bb === 0 ? 0 : ab / Math.sqrt(aa * bb);
}
