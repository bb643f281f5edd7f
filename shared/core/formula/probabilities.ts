import type { Formula, Node } from './formula.ts';
import { PROBABILITY_NAMES } from './probability_names.ts';

const NAMES: ReadonlySet<string> = new Set(PROBABILITY_NAMES);

export function readsProbabilities({ sources }: Pick<Formula, 'sources'>): boolean {
  return sources.some((name) => NAMES.has(name));
}

/**
 * The part of a formula that looks back over probabilities; null: none does. Earlier bars may have had another model,
 * or none: values of a rule would depend on when it was loaded.
 */
export function lookBackOnProbabilities({ root }: Formula): string | null {
  return lookBackIn(root)?.text ?? null;
}

function lookBackIn(node: Node): Node | null {
  if (node.kind !== 'operation') return null;
  const { operator, inputs, constants } = node;
  if (operator.bars(constants) > 1 && inputs.some(hasProbability)) return node;
  for (const input of inputs) {
    const found = lookBackIn(input);
    if (found !== null) return found;
  }
  return null;
}

function hasProbability(node: Node): boolean {
  if (node.kind === 'read') return NAMES.has(node.source);
  return node.kind === 'operation' && node.inputs.some(hasProbability);
}
