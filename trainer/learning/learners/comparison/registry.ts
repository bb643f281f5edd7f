import { TABPFN } from './tabpfn.ts';
import type { ComparisonDefinition } from './comparison_learner.ts';

/** Every entrant that a league compares and nothing serves. */
export const COMPARISONS: readonly ComparisonDefinition[] = [TABPFN];

/** null for a learner, whose models can be served. */
export function comparisonNamed(name: string): ComparisonDefinition | null {
  return COMPARISONS.find((own) => own.name === name) ?? null;
}
