import * as z from 'zod';
import { STRATEGY_SCHEMA } from '../../../shared/policy/strategy_file.ts';
import { runTriggerSchema } from '../../../shared/run_trigger/run_trigger.ts';
import { judgementShape, ruleMarketShape } from './rule_market.ts';

/** A judgement of one rule, as data. Every field acts and says what null means. */
export const judgeJobSchema = z
  .strictObject({
    kind: z.literal('judge'),
    ...ruleMarketShape,
    ...judgementShape,
    strategy: STRATEGY_SCHEMA.describe('The rule, as its file has it'),
    output: z.strictObject({
      candidate: z.boolean().describe('Whether the rule is kept with its verdicts'),
    }),
    trigger: runTriggerSchema,
  })
  .describe('A judgement of a rule');

export type JudgeJob = z.infer<typeof judgeJobSchema>;
