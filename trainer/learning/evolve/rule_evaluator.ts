import { MinutehandError } from '../../../shared/errors.ts';
import { tradingDayAt } from '../../../shared/core/cost/rollover.ts';
import { tradeOf } from '../formula_rules/rule_trades.ts';
import { readsProbabilities } from '../../../shared/core/formula/probabilities.ts';
import { CSCV_BLOCKS } from '../statistics/overfitting_probability.ts';
import type { Genome, Tree } from './genome.ts';
import { NO_EXIT, PlanExits, UNFILLED } from './plan_exits.ts';
import type { Development, SearchMarket } from './search_market.ts';
import type { SearchSpace } from './search_space.ts';

const BITS = 32;
const BPS = 1e4;

/** Results of a rule on the purged blocks, by trading day. */
export interface RuleDays {
  /** Net results of the days, fractions of the notional, by the day of the exit. */
  readonly days: Float64Array;
  readonly trades: number;
}

/** Where an exit plan ends positions of one side, and what they earn, by the bar of the entry; filled as asked. */
interface ExitTable {
  /** 0: not computed. */
  readonly exit: Int32Array;
  readonly net: Float64Array;
}

/**
 * Rules over the development period. Every condition is evaluated once and kept as a set of bits; a rule combines sets.
 * What a position earns is asked of the code of every backtest, once for each bar, side and plan.
 *
 * The period is cut at trading days into blocks of equal numbers of days. No trade spans two blocks: entries that could
 * be open at the end of one are left out, so that blocks are independent of each other.
 */
export class RuleEvaluator {
  /** Block of each trading day of the period. */
  readonly blockOfDay: Int32Array;
  readonly #market: SearchMarket;
  readonly #space: SearchSpace;
  readonly #bars: number;
  /** Trading day of each bar, from 0. */
  readonly #dayOf: Int32Array;
  /** First bar of each block, and the end of the last. */
  readonly #borders: readonly number[];
  readonly #exits: PlanExits;
  /** Conditions of the space that read the answers of a direction model. */
  readonly #readsModel: readonly boolean[];
  readonly #tables = new Map<number, ExitTable>();

  /** @throws MinutehandError DATA_TOO_SHORT with fewer trading days than two per block */
  constructor(market: SearchMarket, space: SearchSpace, blocks = CSCV_BLOCKS) {
    this.#market = market;
    this.#space = space;
    this.#bars = market.history.length;
    this.#exits = new PlanExits(market.history, space.plans, 0, this.#bars);
    this.#readsModel = space.conditions.map(({ formula }) => readsProbabilities(formula));
    this.#dayOf = daysOf(market);
    const days = (this.#dayOf[this.#bars - 1] ?? -1) + 1;
    if (days < 2 * blocks)
      throw new MinutehandError('DATA_TOO_SHORT', {
        seen: `${days} trading days of ${market.id} before the holdout`,
        expected: `${2 * blocks} at least: two for each of ${blocks} blocks`,
      });
    this.blockOfDay = Int32Array.from({ length: days }, (_, day) => Math.floor((day * blocks) / days));
    const firstBars = Array.from({ length: blocks }, (_, block) =>
      this.#dayOf.findIndex((day) => this.blockOfDay[day] === block),
    );
    this.#borders = [...firstBars, this.#bars];
  }

  /** Trading days of the first blocks. */
  daysOfBlocks(blocks: number): number {
    const end = this.blockOfDay.findIndex((block) => block >= blocks);
    return end < 0 ? this.blockOfDay.length : end;
  }

  /** Bars of the subject’s history that some blocks have, [from, to). */
  barsOfBlocks(first: number, end: number): Development {
    const { first: offset } = this.#market;
    return { from: offset + this.#borders[first]!, to: offset + this.#borders[end]! };
  }

  /** @param blocks only the first ones */
  evaluate(genome: Genome, blocks = this.#borders.length - 1): RuleDays {
    const { long, short, plan } = genome;
    const { novel } = this.#market;
    const refused = novel !== null && this.#reads(long, short) ? novel : null;
    const ofLong = long === null ? null : without(this.#combined(long), refused);
    const ofShort = short === null ? null : without(this.#combined(short), refused);
    const days = new Float64Array(this.daysOfBlocks(blocks));
    const age = this.#space.plans[plan]!.maxAgeBars;
    const longTable = ofLong === null ? null : this.#table(plan, 1);
    const shortTable = ofShort === null ? null : this.#table(plan, -1);
    let trades = 0;
    for (let block = 0; block < blocks; block++) {
      // Decided at the age's last bar, a position is filled at the next one, within the block.
      const end = this.#borders[block + 1]! - age - 1;
      let t = nextEntry(ofLong, ofShort, this.#borders[block]!, end);
      while (t < end) {
        const isLong = ofLong !== null && hasBit(ofLong, t);
        const table = isLong ? longTable! : shortTable!;
        if (table.exit[t] === 0) this.#fill(table, plan, isLong ? 1 : -1, t);
        const exit = table.exit[t]!;
        if (exit === NO_EXIT) break;
        if (exit === UNFILLED) {
          t = nextEntry(ofLong, ofShort, t + 1, end);
          continue;
        }
        days[this.#dayOf[exit + 1]!]! += table.net[t]!;
        trades++;
        t = nextEntry(ofLong, ofShort, exit + 1, end);
      }
    }
    return { days, trades };
  }

  #combined(tree: Tree): Uint32Array {
    if (typeof tree === 'number') return this.#market.conditions[tree]!;
    const first = this.#combined(tree[1]);
    const second = this.#combined(tree[2]);
    const out = new Uint32Array(first.length);
    if (tree[0] === 'and') for (let i = 0; i < out.length; i++) out[i] = first[i]! & second[i]!;
    else {
      // As the formula `a or b`, which is missing where either is.
      const known = this.#known(tree);
      for (let i = 0; i < out.length; i++) out[i] = (first[i]! | second[i]!) & known[i]!;
    }
    return out;
  }

  /** The bars at which every condition of a tree has a value. */
  #known(tree: Tree): Uint32Array {
    if (typeof tree === 'number') return this.#market.known[tree]!;
    const second = this.#known(tree[2]);
    return this.#known(tree[1]).map((bits, word) => bits & second[word]!);
  }

  /** As a strategy file with these entries would read the answers of a direction model. */
  #reads(...trees: readonly (Tree | null)[]): boolean {
    return trees.some((tree) => {
      if (tree === null) return false;
      return typeof tree === 'number' ? this.#readsModel[tree]! : this.#reads(tree[1], tree[2]);
    });
  }

  #table(plan: number, side: -1 | 1): ExitTable {
    const key = 2 * plan + (side > 0 ? 1 : 0);
    let table = this.#tables.get(key);
    if (table === undefined) {
      table = { exit: new Int32Array(this.#bars), net: new Float64Array(this.#bars) };
      this.#tables.set(key, table);
    }
    return table;
  }

  #fill(table: ExitTable, plan: number, side: -1 | 1, t: number): void {
    const exit = this.#exits.exitOf(plan, side, t);
    table.exit[t] = exit;
    if (exit === NO_EXIT || exit === UNFILLED) return;
    table.net[t] = tradeOf(this.#market, { side, entry: t, exit, exitBar: exit + 1, reason: '' }).netBps / BPS;
  }
}

function daysOf({ history, overnight }: SearchMarket): Int32Array {
  const days = new Int32Array(history.length);
  let day = -1;
  let before = NaN;
  for (let t = 0; t < history.length; t++) {
    const own = tradingDayAt(overnight.rolls, history.time[t]!);
    if (own !== before) day++;
    before = own;
    days[t] = day;
  }
  return days;
}

/** The bits of a set that another one does not have; null has none. */
function without(set: Uint32Array, other: Uint32Array | null): Uint32Array {
  return other === null ? set : set.map((bits, word) => bits & ~other[word]!);
}

function hasBit(set: Uint32Array, t: number): boolean {
  return ((set[t >>> 5]! >>> (t & 31)) & 1) === 1;
}

/** The first bar from `t` on at which exactly one side enters; `end` where there is none. */
function nextEntry(long: Uint32Array | null, short: Uint32Array | null, t: number, end: number): number {
  if (t >= end) return end;
  const last = (end - 1) >>> 5;
  // Bits before `t` do not count.
  let mask = -1 << (t & 31);
  for (let word = t >>> 5; word <= last; word++) {
    const bits = ((long === null ? 0 : long[word]!) ^ (short === null ? 0 : short[word]!)) & mask;
    if (bits !== 0) return Math.min(end, word * BITS + 31 - Math.clz32(bits & -bits));
    mask = -1;
  }
  return end;
}
