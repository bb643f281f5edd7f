import type { InputDescription } from '../../../shared/bundle/input_novelty.ts';
import type { FeatureDefinition } from '../../../shared/core/features/feature.ts';
import { describeInputs, type DescribedRows } from './input_description.ts';

/** Describes the rows that AI1 has learned from; null with too few. @param seed of the training */
export function describeLearned(
  rows: DescribedRows,
  { definitions }: { readonly definitions: readonly FeatureDefinition[] },
  seed: string,
): InputDescription | null {
  const columns = definitions.map(({ name, models: users }) => ({ name, isUsed: users.includes('ai1') }));
  return describeInputs(rows, columns, `${seed}/inputs`);
}
