import type { Formula, Node } from './formula.ts';

/** A bar: its number, and its values by the names of sources. */
export interface OracleBar {
  readonly number: number;
  readonly values: Readonly<Record<string, number>>;
}

/**
 * The values of each part of a formula at each bar, by the slow definitions of its operators: recomputed for each bar
 * from its windows alone. NaN before the bar count of the part.
 */
export function oracleValues(formula: Formula, bars: readonly OracleBar[]): number[] {
  const known = new Map<string, number[]>();
  return valuesOf(formula.root, bars, known).map((value, i) => (i + 1 < formula.bars ? NaN : value));
}

function valuesOf(node: Node, bars: readonly OracleBar[], known: Map<string, number[]>): number[] {
  let values = known.get(node.text);
  if (values === undefined) {
    values = computed(node, bars, known);
    known.set(node.text, values);
  }
  return values;
}

function computed(node: Node, bars: readonly OracleBar[], known: Map<string, number[]>): number[] {
  if (node.kind === 'constant') return bars.map(() => node.value);
  if (node.kind === 'read') return bars.map(({ values }) => values[node.source]! + 0);
  const inputs = node.inputs.map((input) => valuesOf(input, bars, known));
  return oracleOf(node, inputs);
}

/** One operation at each bar, given the values of its inputs at all bars. */
export function oracleOf(
  node: Node & { readonly kind: 'operation' },
  inputs: readonly (readonly number[])[],
): number[] {
  const { operator, constants } = node;
  const bars = operator.bars(constants);
  return inputs[0]!.map((_, i) => {
    if (i + 1 < bars) return NaN;
    return operator.oracle(
      inputs.map((input) => input.slice(i + 1 - bars, i + 1)),
      constants,
    );
  });
}
