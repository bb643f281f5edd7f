import type { ConditionState } from '../rule/conditions.ts';
import type { Relation } from '../rule/rule.ts';
import { withoutBrackets, type Node } from './formula.ts';

/** A value of a part of a formula at a bar. */
export type PartValues = (t: number) => number;
/** The state of a condition at a bar. */
export type ExplainedCondition = (t: number) => ConditionState;

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

/** The condition, and both sides of its comparison. */
export function partsOf(node: Node): Node[] {
  const compared = comparedParts(node);
  return compared === null ? [node] : [node, compared.value, compared.limit];
}

export function explainedCondition(node: Node, valuesOf: (node: Node) => PartValues): ExplainedCondition {
  const name = conditionText(node);
  const result = valuesOf(node);
  const compared = comparedParts(node);
  if (compared === null)
    return (t) => {
      const holds = result(t) === 1;
      return { name, reason: name, holds, value: null, limit: null, relation: null, change: null, relative: null };
    };
  const { relation } = compared;
  const valueAt = valuesOf(compared.value);
  const limitAt = valuesOf(compared.limit);
  return (t) => {
    const holds = result(t) === 1;
    const value = valueAt(t);
    const limit = limitAt(t);
    const change = holds ? 0 : limit - value;
    const relative = holds ? 0 : Math.abs(change) / Math.max(Math.abs(limit), Number.MIN_VALUE);
    return { name, reason: name, holds, value, limit, relation, change, relative };
  };
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
