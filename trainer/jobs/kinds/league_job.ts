import * as z from 'zod';
import { LEARNERS } from '../../learning/learners/registry.ts';
import { jobInstant, jobTrigger, jobWindow } from '../job_fields.ts';

/** Learners that a league can have. */
export const ENTRANTS: readonly string[] = LEARNERS.filter(({ supports }) => supports.tasks.includes('binary')).map(
  ({ name }) => name,
);

/** A league of learners of AI1, as data. Every field acts; none has a default. */
export const leagueJobSchema = z
  .strictObject({
    kind: z.literal('league'),
    market: z.enum(['live', 'simulated']).describe('Market of the bars'),
    window: jobWindow,
    seed: z.int().min(0).describe('Seed of row and column sampling'),
    source: z.strictObject({
      folder: z.string().min(1).nullable().describe('Folder of SYMBOL.csv[.gz]; null: the bars of this installation'),
    }),
    parameters: z.strictObject({
      holdout_from: jobInstant.nullable().describe('Start of the holdout; null: train.holdout_fraction'),
      entrants: z
        .array(z.enum(ENTRANTS))
        .min(2)
        .refine((names) => new Set(names).size === names.length, { error: 'each entrant once' })
        .describe('Learners'),
    }),
    resources: z.strictObject({
      workers: z.int().min(0).describe('Threads; they affect speed only'),
      cache: z.boolean().describe('Whether features and labels are reused'),
    }),
    trigger: jobTrigger,
  })
  .describe('A league of learners');

export type LeagueJob = z.infer<typeof leagueJobSchema>;
