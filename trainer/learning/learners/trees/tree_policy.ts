import type { TreePolicy } from '../../../../shared/policy/policy.ts';
import type { treesPolicy } from '../../../../shared/policy/schema.ts';
import type { LearnerParams } from './learner.ts';

/** Parameters of trees by the names that they have in the configuration. */
export const TREE_PARAMETERS = {
  rounds: 'rounds',
  early_stopping_rounds: 'patience',
  learning_rate: 'learningRate',
  leaves: 'leaves',
  min_data_in_leaf: 'minDataInLeaf',
  l2: 'l2',
  row_fraction: 'rowFraction',
  column_fraction: 'columnFraction',
} as const satisfies Readonly<Record<keyof typeof treesPolicy.shape, keyof LearnerParams>>;

/** Configured parameters, those that are given. */
export function treeParametersOf(policy: Partial<TreePolicy>): Partial<LearnerParams> {
  const given = Object.entries(TREE_PARAMETERS).filter(([name]) => policy[name as keyof TreePolicy] !== undefined);
  return Object.fromEntries(given.map(([name, own]) => [own, policy[name as keyof TreePolicy]]));
}

/** The same parameters by the names of the configuration. */
export function treePolicyOf(params: LearnerParams): TreePolicy {
  const known = Object.entries(TREE_PARAMETERS).filter(([, own]) => params[own] !== undefined);
  return Object.fromEntries(known.map(([name, own]) => [name, params[own]])) as TreePolicy;
}
