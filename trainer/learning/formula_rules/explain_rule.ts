import type { Formula, Node } from '../../../shared/core/formula/formula.ts';
import { parseFormula, withoutBrackets } from '../../../shared/core/formula/formula.ts';
import type { Sources } from '../../../shared/core/formula/sources.ts';
import type { Relation } from '../../../shared/core/rule/rule.ts';
import { exitStates, nearestFirst, type ConditionState } from '../../../shared/core/rule/conditions.ts';
import { decideFormulaRule, FORMULA_RULE } from '../../../shared/strategies/formula_rule/formula_rule.ts';
import type { FormulaStrategy } from '../../../shared/policy/strategy_file.ts';
import { ruleColumns } from './rule_columns.ts';
import { formulaValues, type RuleSubject } from './rule_subject.ts';
import { ruleInput, ruleTrades } from './rule_trades.ts';

/** What a rule decided at the close of a bar, and why. */
export interface RuleExplanation {
  readonly action: 'ENTER' | 'EXIT' | 'HOLD';
  readonly reason: string;
  /** Of the position before the bar. */
  readonly side: -1 | 0 | 1;
  readonly age_bars: number;
  /** Before costs, basis points; null when flat. */
  readonly earned_bps: number | null;
  /** Conditions of each formula of the file, the nearest failing one first; a formula is true when all hold. */
  readonly formulas: Readonly<Record<string, readonly ConditionState[]>>;
  /** What would end the open position, the nearest first; none when flat. */
  readonly exits: readonly ConditionState[];
}

/**
 * Recomputes the rule from `from` on and explains its decision at bar `t`.
 * @param sources those that the strategy was read with
 */
export function explainRule(
  subject: RuleSubject,
  strategy: FormulaStrategy,
  sources: Sources,
  from: number,
  t: number,
): RuleExplanation {
  const columns = ruleColumns(subject, strategy);
  // A position that is open at the bar ends at the data's end, or at the bar itself.
  const held = ruleTrades(subject, columns, from, subject.history.length).find(
    ({ entrySignal, exitSignal }) => entrySignal < t && (exitSignal < 0 || exitSignal >= t),
  );
  const position = held === undefined ? null : { side: held.side, entry: held.entrySignal };
  const side = position?.side ?? 0;
  const input = ruleInput(subject, columns, t, position);
  const { action, reason } = decideFormulaRule(side, input);
  const given = { entry_long: strategy.entryLong, entry_short: strategy.entryShort, exit: strategy.exit };
  const formulas: Record<string, readonly ConditionState[]> = {};
  for (const [name, formula] of Object.entries(given))
    if (formula !== null) formulas[name] = statesAt(subject, formula, sources, t);
  return {
    action,
    reason,
    side,
    age_bars: input.ageBars,
    earned_bps: position === null ? null : input.earnedBps,
    formulas,
    exits: exitStates(FORMULA_RULE, side, input),
  };
}

/** The parts of a formula that must all be true: those that `and` joins, from left to right. */
export function conditionsOf(node: Node): Node[] {
  if (node.kind === 'operation' && node.operator.name === 'and') return node.inputs.flatMap(conditionsOf);
  return [node];
}

/** A condition for a person: the limit of a comparison stands last. It parses to the same condition. */
export function conditionText(node: Node): string {
  const compared = comparedParts(node);
  if (compared === null) return withoutBrackets(node.text);
  return `${withoutBrackets(compared.value.text)} ${compared.relation} ${withoutBrackets(compared.limit.text)}`;
}

function statesAt(subject: RuleSubject, formula: Formula, sources: Sources, t: number): ConditionState[] {
  return nearestFirst(conditionsOf(formula.root).map((node) => stateAt(subject, node, sources, t)));
}

function stateAt(subject: RuleSubject, node: Node, sources: Sources, t: number): ConditionState {
  const valueOf = (part: Node): number =>
    part.kind === 'constant'
      ? part.value
      : formulaValues(subject, [parseFormula(withoutBrackets(part.text), sources)])[0]![t]!;
  const name = conditionText(node);
  const holds = valueOf(node) === 1;
  const compared = comparedParts(node);
  if (compared === null) {
    return { name, reason: name, holds, value: null, limit: null, relation: null, change: null, relative: null };
  }
  const value = valueOf(compared.value);
  const limit = valueOf(compared.limit);
  const change = holds ? 0 : limit - value;
  const relative = holds ? 0 : Math.abs(change) / Math.max(Math.abs(limit), Number.MIN_VALUE);
  return { name, reason: name, holds, value, limit, relation: compared.relation, change, relative };
}

/** Which side of a comparison is the limit: the one that is a number, else the right one. */
function comparedParts(node: Node): { readonly value: Node; readonly limit: Node; readonly relation: Relation } | null {
  if (node.kind !== 'operation') return null;
  const { operator, inputs } = node;
  if (operator.name !== 'less' && operator.name !== 'less_or_equal') return null;
  const isStrict = operator.name === 'less';
  const left = inputs[0]!;
  const right = inputs[1]!;
  if (left.kind === 'constant') return { value: right, limit: left, relation: isStrict ? '>' : '>=' };
  return { value: left, limit: right, relation: isStrict ? '<' : '<=' };
}
