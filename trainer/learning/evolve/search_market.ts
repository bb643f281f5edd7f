import type { PackedArray } from '../../../shared/blob/packed_arrays.ts';
import type { FillCosts, PairFillCosts } from '../../../shared/core/cost/fill_cost.ts';
import type { SwapCosts } from '../../../shared/core/cost/swap.ts';
import type { Pair } from '../../../shared/pair.ts';
import type { RuleSubject, TradedSubject } from '../formula_rules/rule_subject.ts';
import { HISTORY_COLUMNS, viewColumns, type HistoryColumns, type PriceHistory } from '../history/pair_history.ts';
import { settlementsUntil, summedSettlements } from '../trades/settlements.ts';
import type { SearchSpace } from './search_space.ts';

const BITS = 32;

/** Bars of the development period [from, to) of the history, decided on. */
export interface Development {
  readonly from: number;
  readonly to: number;
}

/** All that a search reads: bars, prices and costs of the development period alone, and where conditions are true. */
export interface SearchMarket extends TradedSubject {
  readonly id: string;
  /** Index of its first bar in the history of the subject. */
  readonly first: number;
  /** [conditions of the space]: a bit for each bar at which it is true. */
  readonly conditions: readonly Uint32Array[];
  /** The same of the bars at which it has a value: not behind a hole before it is warm, nor without its inputs. */
  readonly known: readonly Uint32Array[];
  /** A bit for each bar at which the policy refuses entries by the answers of the direction model; null: none. */
  readonly novel: Uint32Array | null;
}

/** Evaluates every condition of a space once. Nothing behind the development period is in it. */
export function searchMarket(subject: RuleSubject, space: SearchSpace, { from, to }: Development): SearchMarket {
  const { id, history, costs, overnight, funding } = subject;
  const columns = Object.fromEntries(HISTORY_COLUMNS.map((name) => [name, history[name]])) as HistoryColumns;
  const lastTime = history.time[to - 1] ?? -Infinity;
  return {
    id,
    history: { pair: history.pair, length: to - from, ...viewColumns(columns, from, to) },
    costs,
    overnight,
    funding: funding === null ? null : settlementsUntil(funding, lastTime),
    first: from,
    ...conditionSets(subject, space, { from, to }),
    novel: novelBars(subject, { from, to }),
  };
}

function novelBars(subject: RuleSubject, { from, to }: Development): Uint32Array | null {
  const novelty = subject.novelty();
  if (novelty === null) return null;
  const set = new Uint32Array(Math.ceil((to - from) / BITS));
  for (let t = 0; t < to - from; t++) if (novelty.bars[from + t]! < novelty.min) set[t >>> 5]! |= 1 << (t & 31);
  return set;
}

/** The bars at which each condition is true, and at which it has a value. */
function conditionSets(
  subject: RuleSubject,
  { conditions }: SearchSpace,
  { from, to }: Development,
): Pick<SearchMarket, 'conditions' | 'known'> {
  const sets = conditions.map(() => new Uint32Array(Math.ceil((to - from) / BITS)));
  const known = sets.map((set) => set.slice());
  subject.evaluate(
    conditions.map(({ formula }) => formula),
    (begin, count, outputs) => {
      const first = Math.max(0, from - begin);
      const end = Math.min(count, to - begin);
      outputs.forEach((values, index) => {
        const set = sets[index]!;
        const valued = known[index]!;
        for (let i = first; i < end; i++) {
          const t = begin + i - from;
          const value = values[i]!;
          if (value === 1) set[t >>> 5]! |= 1 << (t & 31);
          if (!Number.isNaN(value)) valued[t >>> 5]! |= 1 << (t & 31);
        }
      });
    },
  );
  return { conditions: sets, known };
}

/** A market as numbers, for another thread or another machine: every bit of it survives. */
export interface MarketParts {
  readonly facts: unknown;
  readonly arrays: Readonly<Record<string, PackedArray>>;
}

/** What is no array of a market; as JSON. */
interface MarketFacts {
  readonly id: string;
  readonly pair: Pair;
  readonly length: number;
  readonly costs: { readonly a: FillCosts; readonly b: FillCosts; readonly barSeconds?: number };
  readonly swaps: { readonly a: SwapCosts; readonly b: SwapCosts };
  readonly first: number;
  readonly conditions: number;
}

const LEGS = ['a', 'b'] as const;

export function partsOfMarket(market: SearchMarket): MarketParts {
  const { id, history, costs, overnight, funding, first, conditions, known, novel } = market;
  const { pair, length } = history;
  const arrays: Record<string, PackedArray> = {};
  for (const name of HISTORY_COLUMNS) arrays[name] = history[name];
  for (const leg of LEGS) {
    const { profile } = costs[leg];
    if (profile !== undefined) arrays[`profile/${leg}`] = Float64Array.from(profile);
  }
  arrays['rolls'] = Float64Array.from(overnight.rolls, ({ time }) => time);
  arrays['swap_days'] = Int32Array.from(overnight.rolls, ({ swapDays }) => swapDays);
  if (funding !== null) {
    arrays['funding/times'] = funding.times;
    arrays['funding/sums'] = funding.sums;
  }
  conditions.forEach((set, index) => {
    arrays[`condition/${index}`] = bitsAsNumbers(set);
    arrays[`known/${index}`] = bitsAsNumbers(known[index]!);
  });
  if (novel !== null) arrays['novel'] = bitsAsNumbers(novel);
  const facts: MarketFacts = {
    id,
    pair,
    length,
    costs: { ...costs, a: withoutProfile(costs.a), b: withoutProfile(costs.b) },
    swaps: { a: swapsOf(overnight.swaps.a), b: swapsOf(overnight.swaps.b) },
    first,
    conditions: conditions.length,
  };
  return { facts, arrays };
}

export function marketOfParts({ facts, arrays }: MarketParts): SearchMarket {
  const { id, pair, length, costs, swaps, first, conditions } = facts as MarketFacts;
  const numbers = (name: string): Float64Array => arrays[name] as Float64Array;
  const columns = Object.fromEntries(HISTORY_COLUMNS.map((name) => [name, numbers(name)])) as HistoryColumns;
  const history: PriceHistory = { pair, length, ...columns };
  const days = arrays['swap_days'] as Int32Array;
  const legCosts = (leg: 'a' | 'b'): FillCosts => {
    const profile = arrays[`profile/${leg}`];
    return profile === undefined ? costs[leg] : { ...costs[leg], profile };
  };
  const own: PairFillCosts = { ...costs, a: legCosts('a'), b: legCosts('b') };
  const times = arrays['funding/times'] as Float64Array | undefined;
  const novel = arrays['novel'] as Int32Array | undefined;
  const setsOf = (name: string): Uint32Array[] =>
    Array.from({ length: conditions }, (_, index) => bitsOfNumbers(arrays[`${name}/${index}`] as Int32Array));
  return {
    id,
    history,
    costs: own,
    overnight: { rolls: Array.from(numbers('rolls'), (time, i) => ({ time, swapDays: days[i]! })), swaps },
    funding: times === undefined ? null : summedSettlements(times, numbers('funding/sums')),
    first,
    conditions: setsOf('condition'),
    known: setsOf('known'),
    novel: novel === undefined ? null : bitsOfNumbers(novel),
  };
}

function bitsAsNumbers({ buffer, byteOffset, length }: Uint32Array): Int32Array {
  return new Int32Array(buffer, byteOffset, length);
}

function bitsOfNumbers({ buffer, byteOffset, length }: Int32Array): Uint32Array {
  return new Uint32Array(buffer, byteOffset, length);
}

function withoutProfile({ profile: _profile, ...rest }: FillCosts): FillCosts {
  return rest;
}

function swapsOf({ swap_long_bps_per_night, swap_short_bps_per_night }: SwapCosts): SwapCosts {
  return { swap_long_bps_per_night, swap_short_bps_per_night };
}
