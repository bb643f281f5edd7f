import type { Side } from '../position/position.ts';
import type { Condition, LimitSource, Measurement, Relation, Rule } from './rule.ts';

export interface FactOptions<Input, Name extends string, Reason extends string> {
  readonly name: Name;
  readonly reason: Reason;
  readonly limitFrom: LimitSource;
  holds(input: Input): boolean;
  /** Absent: always. */
  readonly applies?: ((input: Input) => boolean) | undefined;
}

/** A condition without numbers, e.g. that a model is loaded. */
export function fact<Input, Name extends string, Reason extends string>(
  options: FactOptions<Input, Name, Reason>,
): Condition<Input, Name, Reason> {
  return options;
}

export interface ComparisonOptions<Input, Name extends string, Reason extends string> {
  readonly name: Name;
  readonly reason: Reason;
  readonly limitFrom: LimitSource;
  readonly relation: Relation;
  /** NaN where the input has no such value: the condition fails. */
  value(input: Input): number;
  limit(input: Input): number;
  /** Against which the distance is relative; absent: the limit. */
  scale?(input: Input): number;
  /** Absent: always. */
  readonly applies?: ((input: Input) => boolean) | undefined;
}

/** A condition that compares a value with a limit: `holds` and the explained numbers are the same comparison. */
export function comparison<Input, Name extends string, Reason extends string>(
  options: ComparisonOptions<Input, Name, Reason>,
): Condition<Input, Name, Reason> {
  const { name, reason, limitFrom, relation, value, limit, scale = limit, applies } = options;
  const measure = (input: Input): Measurement => ({
    value: value(input),
    relation,
    limit: limit(input),
    scale: scale(input),
  });
  const holds = comparing(value, relation, limit);
  return { name, reason, limitFrom, holds, measure, applies };
}

/** One closure for each relation: none is looked up at a bar. */
function comparing<Input>(
  value: (input: Input) => number,
  relation: Relation,
  limit: (input: Input) => number,
): (input: Input) => boolean {
  switch (relation) {
    case '>':
      return (input) => value(input) > limit(input);
    case '>=':
      return (input) => value(input) >= limit(input);
    case '<':
      return (input) => value(input) < limit(input);
    case '<=':
      return (input) => value(input) <= limit(input);
  }
}

/** A condition at one bar, as it is explained. A condition without numbers has null for each of them. */
export interface ConditionState<Name extends string = string, Reason extends string = string> {
  readonly name: Name;
  readonly reason: Reason;
  readonly holds: boolean;
  readonly value: number | null;
  readonly limit: number | null;
  /** How `value` must relate to `limit`. */
  readonly relation: Relation | null;
  /** What has to be added to `value` to reach `limit`; 0 when the condition holds. */
  readonly change: number | null;
  /** |change| over the scale of the value; 0 when the condition holds. */
  readonly relative: number | null;
}

/** Every condition of an entry, in the order of the rule; an entry follows exactly when all hold. */
export function entryStates<Input, Reason extends string, Exit extends string, Entry extends string>(
  rule: Rule<Input, Reason, Exit, Entry>,
  side: Side,
  input: Input,
): ConditionState<Entry | 'flat', Reason | 'IN_POSITION'>[] {
  return [withoutNumbers('flat', 'IN_POSITION', side === 0), ...conditionStates(rule.entries, input)];
}

/**
 * Every condition that would end the open position, the nearest first; none when flat. An exit follows when one holds.
 */
export function exitStates<Input, Reason extends string, Exit extends string, Entry extends string>(
  rule: Rule<Input, Reason, Exit, Entry>,
  side: Side,
  input: Input,
): ConditionState<Exit, Reason>[] {
  return side === 0 ? [] : nearestFirst(conditionStates(rule.exits, input));
}

/** The conditions that apply to an input, in the order of the rule. */
function conditionStates<Input, Name extends string, Reason extends string>(
  conditions: readonly Condition<Input, Name, Reason>[],
  input: Input,
): ConditionState<Name, Reason>[] {
  return conditions
    .filter(({ applies }) => applies === undefined || applies(input))
    .map((condition) => conditionState(condition, input));
}

function conditionState<Input, Name extends string, Reason extends string>(
  condition: Condition<Input, Name, Reason>,
  input: Input,
): ConditionState<Name, Reason> {
  const { name, reason, measure } = condition;
  const holds = condition.holds(input);
  if (measure === undefined) return withoutNumbers(name, reason, holds);
  const { value, limit, relation, scale } = measure(input);
  const change = holds ? 0 : limit - value;
  const relative = holds ? 0 : Math.abs(change) / Math.max(Math.abs(scale), Number.MIN_VALUE);
  return { name, reason, holds, value, limit, relation, change, relative };
}

function withoutNumbers<Name extends string, Reason extends string>(
  name: Name,
  reason: Reason,
  holds: boolean,
): ConditionState<Name, Reason> {
  return { name, reason, holds, value: null, limit: null, relation: null, change: null, relative: null };
}

/** The conditions that fail: first those that a number decides, by how little it would have to move. */
export function failingConditions<State extends ConditionState>(states: readonly State[]): State[] {
  return nearestFirst(states.filter(({ holds }) => !holds));
}

/** Those that a number decides first, by how little it would have to move. */
export function nearestFirst<State extends ConditionState>(states: readonly State[]): State[] {
  const distance = ({ relative }: State): number => relative ?? Infinity;
  // Two infinite distances differ by NaN: their order is kept.
  return [...states].sort((a, b) => distance(a) - distance(b) || 0);
}
