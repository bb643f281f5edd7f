import type { RuleLimits } from '../../../shared/strategies/formula_rule/formula_rule.ts';
import { stretchesOf } from '../../../shared/core/recent_history.ts';
import { barSecondsOf } from '../../../shared/pair.ts';
import type { PriceHistory } from '../history/pair_history.ts';
import { earnedBps } from '../formula_rules/rule_trades.ts';

/** A position that no bar ends. */
export const NO_EXIT = -1;

/** No trade: the bars have a hole before the entry is filled, or right behind it. */
export const UNFILLED = -2;

/** Of one side, by the bar of the entry. */
interface SideAges {
  /** Age up to which the result of the position is known. */
  readonly walked: Int32Array;
  /** How many of the distances have been reached; a smaller one is reached first. */
  readonly stops: Int32Array;
  readonly targets: Int32Array;
  /** [distances][bars]: the age at which each was reached; 0: not yet. */
  readonly stopAges: readonly Int32Array[];
  readonly targetAges: readonly Int32Array[];
}

/**
 * Where many plans of stop, target and maximum age end positions: a position's result is followed once, for all plans
 * and no further than one of them asks. Ends the same bars as `findExit` without an exit formula.
 */
export class PlanExits {
  readonly #history: PriceHistory;
  readonly #from: number;
  /** By bar: bars from here on are not there, or behind a hole. */
  readonly #ends: Int32Array;
  readonly #to: number;
  /** Basis points, ascending. */
  readonly #stops: readonly number[];
  readonly #targets: readonly number[];
  readonly #plans: readonly { readonly stop: number; readonly target: number; readonly maxAge: number }[];
  readonly #long: SideAges;
  readonly #short: SideAges;

  /** @param from first bar of an entry @param to bars from here on are not there */
  constructor(history: PriceHistory, plans: readonly RuleLimits[], from: number, to: number) {
    this.#history = history;
    this.#from = from;
    this.#to = to;
    this.#ends = new Int32Array(to - from);
    for (const own of stretchesOf(history.time, from, to, barSecondsOf(history.pair)))
      this.#ends.fill(own.to, own.from - from, own.to - from);
    const distances = (of: (plan: RuleLimits) => number): number[] =>
      [...new Set(plans.map(of))].filter(Number.isFinite).sort((a, b) => a - b);
    this.#stops = distances(({ stopBps }) => stopBps);
    this.#targets = distances(({ targetBps }) => targetBps);
    this.#plans = plans.map(({ stopBps, targetBps, maxAgeBars }) => ({
      stop: this.#stops.indexOf(stopBps),
      target: this.#targets.indexOf(targetBps),
      maxAge: maxAgeBars,
    }));
    const column = (): Int32Array => new Int32Array(to - from);
    const side = (): SideAges => ({
      walked: column(),
      stops: column(),
      targets: column(),
      stopAges: this.#stops.map(column),
      targetAges: this.#targets.map(column),
    });
    this.#long = side();
    this.#short = side();
  }

  /**
   * Bar at whose close the position ends, or the one before the last open before a hole; NO_EXIT, UNFILLED.
   * @param entry the bar that decided its entry
   */
  exitOf(plan: number, side: -1 | 1, entry: number): number {
    const { stop, target, maxAge } = this.#plans[plan]!;
    // The last bar decides nothing: there is no open behind it.
    const end = this.#ends[entry - this.#from]!;
    const last = Math.min(maxAge, end - 2 - entry);
    if (end < this.#to && last <= 0) return UNFILLED;
    const ages = side > 0 ? this.#long : this.#short;
    const t = entry - this.#from;
    const isReached = (): boolean =>
      (stop >= 0 && ages.stopAges[stop]![t]! > 0) || (target >= 0 && ages.targetAges[target]![t]! > 0);
    if ((stop >= 0 || target >= 0) && ages.walked[t]! < last && !isReached()) this.#walk(ages, side, entry, last);
    let age = maxAge;
    if (stop >= 0 && ages.stopAges[stop]![t]! > 0) age = Math.min(age, ages.stopAges[stop]![t]!);
    if (target >= 0 && ages.targetAges[target]![t]! > 0) age = Math.min(age, ages.targetAges[target]![t]!);
    if (age <= last) return entry + age;
    return end < this.#to ? end - 2 : NO_EXIT;
  }

  #walk(ages: SideAges, side: -1 | 1, entry: number, last: number): void {
    const t = entry - this.#from;
    let stops = ages.stops[t]!;
    let targets = ages.targets[t]!;
    let age = ages.walked[t]!;
    while (age < last) {
      age++;
      const earned = earnedBps(this.#history, side, entry, entry + age);
      for (; stops < this.#stops.length && earned <= -this.#stops[stops]!; stops++) ages.stopAges[stops]![t] = age;
      for (; targets < this.#targets.length && earned >= this.#targets[targets]!; targets++)
        ages.targetAges[targets]![t] = age;
    }
    ages.walked[t] = age;
    ages.stops[t] = stops;
    ages.targets[t] = targets;
  }
}
