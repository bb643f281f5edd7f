import { MARKETS } from '../../../shared/signal/signal.ts';
import * as z from 'zod';
import { runTriggerSchema } from '../../../shared/run_trigger/run_trigger.ts';
import { jobPath } from '../job_fields.ts';

/** A certificate of a day, as data. Every field acts and says what null means. */
export const parityJobSchema = z
  .strictObject({
    kind: z.literal('parity'),
    market: z.enum(MARKETS).describe('Market of the journal'),
    parameters: z.strictObject({
      shard: z.string().min(1).max(100).describe('Of config/minutehand.yaml'),
      day: z.iso
        .date()
        .nullable()
        .describe('UTC day of the bars; null: yesterday, on a simulated market the day before that of its last signal'),
    }),
    output: z.strictObject({
      folder: jobPath.nullable().describe('Folder of the certificate; null: parity of this home'),
    }),
    trigger: runTriggerSchema,
  })
  .describe('A comparison of a day’s signals with a replay and a backtest');

export type ParityJob = z.infer<typeof parityJobSchema>;
