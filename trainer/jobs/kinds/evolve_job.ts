import * as z from 'zod';
import { SPACE_SCHEMA } from '../../learning/evolve/search_space.ts';
import { runTriggerSchema } from '../../../shared/run_trigger/run_trigger.ts';
import { judgementShape, ruleMarketShape } from './rule_market.ts';

/** A search of rules by genetic programming, as data. Every field acts and says what null means. */
export const evolveJobSchema = z
  .strictObject({
    kind: z.literal('evolve'),
    ...ruleMarketShape,
    ...judgementShape,
    space: SPACE_SCHEMA.describe('Features, thresholds, stops, targets and ages of the rules'),
    output: z.strictObject({
      folder: z
        .string()
        .min(1)
        .nullable()
        .describe('Folder for report.json, rule.yaml and state.json; null: generations are kept in the installation'),
      candidate: z.boolean().describe('Whether the proposed rule is kept with its verdicts'),
    }),
    cache: z
      .boolean()
      .optional()
      .describe('Whether generations that are kept of the same search are continued; absent: they are'),
    trigger: runTriggerSchema,
  })
  .describe('A search of rules');

export type EvolveJob = z.infer<typeof evolveJobSchema>;
