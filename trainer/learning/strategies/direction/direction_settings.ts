import * as z from 'zod';
import { networkSettings } from '../../../../shared/policy/network_settings.ts';
import { SEARCHED_PARAMETERS, treesPolicy, type SearchedParameter } from '../../../../shared/policy/schema.ts';
import type { TreePolicy } from '../../../../shared/policy/policy.ts';
import type { LearnerParams } from '../../learners/trees/learner.ts';
import { TREE_PARAMETERS, treeParametersOf } from '../../learners/trees/tree_policy.ts';
import type { WalkForwardPlan } from './walk_forward.ts';

const BLOCKS = 'walk_forward.blocks';
const FIRST_SHARE = 'walk_forward.first_share';
/** The first two blocks calibrate: with fewer, hardly anything is evaluated. */
const FEWEST_BLOCKS = 4;
const MOST_BLOCKS = 20;

/** By name, such as `trees.leaves`. */
const schemas: Record<string, z.ZodType<number | undefined>> = {
  [BLOCKS]: z.int().min(FEWEST_BLOCKS).max(MOST_BLOCKS),
  [FIRST_SHARE]: z.number().min(0.2).max(0.9),
  ...networkSettings(),
};
for (const [name, schema] of Object.entries(treesPolicy.shape)) schemas[`trees.${name}`] = schema;
for (const name of SEARCHED_PARAMETERS)
  for (const end of ['low', 'high']) schemas[`search.ranges.${name}.${end}`] = treesPolicy.shape[name];

/** Names of settings that one training of a direction model may have otherwise than it is delivered. */
export const DIRECTION_SETTINGS: readonly string[] = Object.keys(schemas);

/** Values of such settings by name, within their limits. */
export const directionSettingsSchema = z
  .partialRecord(z.enum(DIRECTION_SETTINGS), z.number())
  .superRefine((given, context) => {
    for (const [name, value] of Object.entries(given)) {
      const { error } = schemas[name]?.safeParse(value) ?? {};
      for (const { message } of error?.issues ?? []) context.addIssue({ code: 'custom', path: [name], message });
    }
    for (const name of SEARCHED_PARAMETERS) {
      const { low, high } = rangeIn(given, name);
      if (low !== undefined && high !== undefined && low > high)
        context.addIssue({
          code: 'custom',
          path: [`search.ranges.${name}.low`],
          message: `expected at most search.ranges.${name}.high, ${high}`,
        });
    }
  });
export type DirectionSettings = Readonly<z.infer<typeof directionSettingsSchema>>;

/** Ends of a range of the search; an absent one is the delivered one. */
export interface SearchRange {
  readonly low?: number;
  readonly high?: number;
}
export type DirectionRanges = Readonly<Partial<Record<SearchedParameter, SearchRange>>>;

/** The ranges that are given. */
export function rangesOf(given: DirectionSettings): DirectionRanges {
  return Object.fromEntries(SEARCHED_PARAMETERS.map((name) => [name, rangeIn(given, name)]));
}

function rangeIn(given: DirectionSettings, name: SearchedParameter): SearchRange {
  const low = given[`search.ranges.${name}.low`];
  const high = given[`search.ranges.${name}.high`];
  return { ...(low !== undefined && { low }), ...(high !== undefined && { high }) };
}

/** The parameters with the given ones in their place. */
export function paramsWith(params: LearnerParams, given: DirectionSettings): LearnerParams {
  const trees = Object.keys(TREE_PARAMETERS).map((name) => [name, given[`trees.${name}`]]);
  return { ...params, ...treeParametersOf(Object.fromEntries(trees) as Partial<TreePolicy>) };
}

/** The blocks with the given number of them, and the given share of the rows before the first one. */
export function walkForwardWith(plan: WalkForwardPlan, given: DirectionSettings): WalkForwardPlan {
  return { ...plan, blocks: given[BLOCKS] ?? plan.blocks, firstShare: given[FIRST_SHARE] ?? plan.firstShare };
}
