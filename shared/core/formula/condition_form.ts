import type { Node, Operation } from './formula.ts';

/**
 * What a condition asks, without its numbers: a question, or questions joined by an operator. Two conditions of one
 * form differ at most in thresholds, windows and other numbers, in the order of their parts, in repeated parts, in
 * `<` for `<=`, in `not`, and in which side of a comparison its terms and factors stand on.
 */
export type ConditionForm = string | JoinedForm;

interface JoinedForm {
  readonly join: Join;
  /** Different ones in the order of their texts; two at least, and none joined by the same operator. */
  readonly parts: readonly ConditionForm[];
}

type Join = 'and' | 'or';

/** Stands for every number. */
const ANY_NUMBER = '#';

/** The form of a formula of yes or no. */
export function conditionForm(node: Node): ConditionForm {
  return formOf(node, true);
}

/** The form of conditions that an operator joins. */
export function joinedForm(join: Join, forms: readonly ConditionForm[]): ConditionForm {
  const parts = forms.flatMap((form) => (typeof form !== 'string' && form.join === join ? form.parts : [form]));
  const byText = new Map(parts.map((part) => [formText(part), part]));
  if (byText.size === 1) return parts[0]!;
  const texts = [...byText.keys()].sort();
  return { join, parts: texts.map((text) => byText.get(text)!) };
}

/** Equal forms have equal texts. */
export function formText(form: ConditionForm): string {
  return typeof form === 'string' ? form : `(${form.parts.map(formText).join(` ${form.join} `)})`;
}

/** The different questions of a form. */
export function questionsOf(form: ConditionForm): string[] {
  return typeof form === 'string' ? [form] : [...new Set(form.parts.flatMap(questionsOf))];
}

/** @param isTrue whether the condition is asked for, or its negation */
function formOf(node: Node, isTrue: boolean): ConditionForm {
  if (node.kind !== 'operation') return text(node);
  const { inputs } = node;
  switch (node.operator.name) {
    case 'not':
      return formOf(inputs[0]!, !isTrue);
    case 'and':
    case 'or':
      return joinedForm(
        (node.operator.name === 'and') === isTrue ? 'and' : 'or',
        inputs.map((input) => formOf(input, isTrue)),
      );
    case 'less':
    case 'less_or_equal':
      return isTrue ? comparison(inputs[0]!, inputs[1]!) : comparison(inputs[1]!, inputs[0]!);
    default:
      return isTrue ? text(node) : `not ${text(node)}`;
  }
}

/** Whether the first is below the second. */
function comparison(low: Node, high: Node): string {
  if (low.kind === 'constant') return sidesText(high, false);
  if (high.kind === 'constant') return sidesText(low, true);
  return `${text(bare(low).node)} < ${text(bare(high).node)}`;
}

/** A value that is compared with a number: where it is a difference or a ratio, its two sides are compared. */
function sidesText(value: Node, isBelow: boolean): string {
  const { node, isMirrored } = bare(value);
  const isLow = isBelow !== isMirrored;
  if (isCall(node, 'subtract') || isCall(node, 'divide')) {
    const first = text(bare(node.inputs[0]!).node);
    const second = text(bare(node.inputs[1]!).node);
    return isLow ? `${first} < ${second}` : `${second} < ${first}`;
  }
  return isLow ? `${text(node)} < ${ANY_NUMBER}` : `${ANY_NUMBER} < ${text(node)}`;
}

/** A value without the numbers that are added to it, or that it is multiplied by. */
function bare(node: Node): { readonly node: Node; readonly isMirrored: boolean } {
  let own = node;
  let isMirrored = false;
  for (;;) {
    const step = withoutNumber(own);
    if (step === null) return { node: own, isMirrored };
    own = step.node;
    if (step.isMirrored) isMirrored = !isMirrored;
  }
}

function withoutNumber(node: Node): { readonly node: Node; readonly isMirrored: boolean } | null {
  if (node.kind !== 'operation') return null;
  const [first, second] = node.inputs as readonly [Node, Node];
  switch (node.operator.name) {
    case 'negate':
      return { node: first, isMirrored: true };
    case 'add':
      if (first.kind === 'constant') return { node: second, isMirrored: false };
      return second.kind === 'constant' ? { node: first, isMirrored: false } : null;
    case 'subtract':
      if (first.kind === 'constant') return { node: second, isMirrored: true };
      return second.kind === 'constant' ? { node: first, isMirrored: false } : null;
    case 'multiply':
      if (first.kind === 'constant') return { node: second, isMirrored: first.value < 0 };
      return second.kind === 'constant' ? { node: first, isMirrored: second.value < 0 } : null;
    case 'divide':
      return second.kind === 'constant' ? { node: first, isMirrored: second.value < 0 } : null;
    default:
      return null;
  }
}

function isCall(node: Node, name: string): node is Operation {
  return node.kind === 'operation' && node.operator.name === name;
}

/** A part of a formula without its numbers. */
function text(node: Node): string {
  if (node.kind === 'constant') return ANY_NUMBER;
  if (node.kind === 'read') return node.source;
  const { operator, inputs, constants } = node;
  const texts = inputs.map(text);
  if (operator.isCommutative === true) texts.sort();
  return `${operator.name}(${[...texts, ...constants.map(() => ANY_NUMBER)].join(', ')})`;
}
