import type { Formula, Node } from '../../../shared/core/formula/formula.ts';
import {
  conditionsOf,
  explainedCondition,
  partsOf,
  type ExplainedCondition,
  type PartValues,
} from '../../../shared/core/formula/formula_conditions.ts';
import { parseFormula, withoutBrackets } from '../../../shared/core/formula/formula.ts';
import type { Sources } from '../../../shared/core/formula/sources.ts';
import { exitStates, nearestFirst, type ConditionState } from '../../../shared/core/rule/conditions.ts';
import { decideFormulaRule, FORMULA_RULE } from '../../../shared/strategies/formula_rule/formula_rule.ts';
import { strategyReadsProbabilities, type FormulaStrategy } from '../../../shared/policy/strategy_file.ts';
import { formulaValues, type RuleSubject } from './rule_subject.ts';
import { ruleInput, type RuleColumns } from './rule_trades.ts';

/** What a rule decided at the close of a bar, and why. */
export interface RuleExplanation {
  readonly action: 'ENTER' | 'EXIT' | 'HOLD';
  readonly reason: string;
  /** Of the position before the bar. */
  readonly side: -1 | 0 | 1;
  /** Side after the bar. */
  readonly target: -1 | 0 | 1;
  readonly age_bars: number;
  /** Before costs, basis points; null when flat. */
  readonly earned_bps: number | null;
  /** Conditions of each formula of the file, the nearest failing one first; a formula is true when all hold. */
  readonly formulas: Readonly<Record<string, readonly ConditionState[]>>;
  /** What would end the open position, the nearest first; none when flat. */
  readonly exits: readonly ConditionState[];
}

/**
 * Explains any bar of a rule that runs from `from` on, as a program decides that gets one bar after the other.
 * Formulas, the parts of their conditions and positions are computed once for all bars.
 */
export class RuleExplainer {
  readonly #subject: RuleSubject;
  readonly #columns: RuleColumns;
  /** Of the position before each bar: the bar that decided its entry, and its side; −1 and 0: flat. */
  readonly #entry: Int32Array;
  readonly #side: Int8Array;
  /** By the name of the formula. */
  readonly #conditions: Readonly<Record<string, readonly ExplainedCondition[]>>;

  /** @param sources those that the strategy was read with */
  constructor(subject: RuleSubject, strategy: FormulaStrategy, sources: Sources, from: number) {
    this.#subject = subject;
    const given = { entry_long: strategy.entryLong, entry_short: strategy.entryShort, exit: strategy.exit };
    const formulas = Object.entries(given).flatMap(([name, formula]) => (formula === null ? [] : [{ name, formula }]));
    const parts = new Map<string, Formula>();
    const nodes = formulas.map(({ name, formula }) => [name, conditionsOf(formula.root)] as const);
    for (const { formula } of formulas) parts.set(formula.root.text, formula);
    for (const node of nodes.flatMap(([, own]) => own.flatMap(partsOf)))
      if (node.kind !== 'constant' && !parts.has(node.text))
        parts.set(node.text, parseFormula(withoutBrackets(node.text), sources));
    const computed = formulaValues(subject, [...parts.values()]);
    const values = new Map([...parts.keys()].map((text, i) => [text, computed[i]!]));
    const valuesOf = (node: Node): PartValues =>
      node.kind === 'constant' ? () => node.value : (t) => values.get(node.text)![t]!;
    const column = (formula: Formula | null): Float64Array | null =>
      formula === null ? null : values.get(formula.root.text)!;
    this.#columns = {
      limits: strategy.limits,
      entryLong: column(strategy.entryLong),
      entryShort: column(strategy.entryShort),
      exit: column(strategy.exit),
      novelty: strategyReadsProbabilities(strategy) ? subject.novelty() : null,
    };
    const { length } = subject.history;
    this.#entry = new Int32Array(length).fill(-1);
    this.#side = new Int8Array(length);
    for (let t = from; t + 1 < length; t++) {
      const { action, target } = this.#decide(t);
      const isEntry = action === 'ENTER';
      if (!isEntry && (action === 'EXIT' || this.#side[t] === 0)) continue;
      this.#entry[t + 1] = isEntry ? t : this.#entry[t]!;
      this.#side[t + 1] = target;
    }
    this.#conditions = Object.fromEntries(
      nodes.map(([name, own]) => [name, own.map((node) => explainedCondition(node, valuesOf))]),
    );
  }

  /** The decision at the close of bar `t`, and why. */
  at(t: number): RuleExplanation {
    const { action, reason, target, side, input } = this.#decide(t);
    const formulas: Record<string, readonly ConditionState[]> = {};
    for (const [name, conditions] of Object.entries(this.#conditions))
      formulas[name] = nearestFirst(conditions.map((stateAt) => stateAt(t)));
    return {
      action,
      reason,
      side,
      target,
      age_bars: input.ageBars,
      earned_bps: side === 0 ? null : input.earnedBps,
      formulas,
      exits: exitStates(FORMULA_RULE, side, input),
    };
  }

  #decide(t: number) {
    const side = this.#side[t]! as -1 | 0 | 1;
    const held = side === 0 ? null : { side, entry: this.#entry[t]! };
    const input = ruleInput(this.#subject, this.#columns, t, held);
    return { ...decideFormulaRule(side, input), side, input };
  }
}
