import type { Formula, Node } from '../../shared/core/formula/formula.ts';

/** Where a program takes the arguments of an operation from. */
export type Arguments =
  /** The values that it computed itself: whole formulas are compared. */
  | 'own'
  /** Columns of values that were computed elsewhere: each operation is compared by itself. */
  | 'given';

export interface PandasProgram {
  /** Python, to be run beside operators.py. */
  readonly text: string;
  /** Parts of the formulas in the order of their results, inner ones first; each once. */
  readonly parts: readonly Node[];
  /** Names of the columns that it reads: sources, and texts of parts whose values are given. */
  readonly columns: readonly string[];
}

/**
 * A program for Python that computes every part of these formulas by pandas and NumPy. It reads `columns.bin`, one
 * column of doubles after the other, and writes `values.bin`, likewise for the parts.
 */
export function pandasProgram(formulas: readonly Formula[], bars: number, from: Arguments): PandasProgram {
  const parts = new Map<string, Node>();
  for (const { root } of formulas) collect(root, parts);
  const all = [...parts.values()];
  const places = new Map(all.map(({ text }, i) => [text, i]));
  const sources = new Set(all.flatMap((part) => (part.kind === 'read' ? [part.source] : [])));
  const given = from === 'given' ? all.filter(({ kind }) => kind === 'operation').map(({ text }) => text) : [];
  const columns = [...sources, ...given];
  const argument = (node: Node): string => {
    const place = columns.indexOf(node.text);
    if (node.kind === 'operation' && place >= 0) return `columns[${place}]`;
    return `values[${places.get(node.text)!}]`;
  };
  const lines = all.map((part) => `values.append(stored(${expressionOf(part, argument, columns)}))`);
  const text = `import warnings
import numpy as np
from operators import *

warnings.simplefilter("ignore")
np.seterr(all="ignore")
columns = np.fromfile("columns.bin").reshape(${columns.length}, ${bars})
values = []
${lines.join('\n')}
np.concatenate(values).tofile("values.bin")
`;
  return { text, parts: all, columns };
}

/** All different parts, inner ones first. */
function collect(node: Node, parts: Map<string, Node>): void {
  if (parts.has(node.text)) return;
  if (node.kind === 'operation') for (const input of node.inputs) collect(input, parts);
  parts.set(node.text, node);
}

function expressionOf(part: Node, argument: (node: Node) => string, columns: readonly string[]): string {
  if (part.kind === 'constant') return `np.full(columns.shape[1], ${part.value})`;
  if (part.kind === 'read') return `columns[${columns.indexOf(part.source)}]`;
  const { operator, inputs, constants } = part;
  return `op_${operator.name}(${[...inputs.map(argument), ...constants.map(String)].join(', ')})`;
}
