import { MARKETS } from '../../../shared/signal/signal.ts';
import * as z from 'zod';
import { LEARNERS } from '../../learning/learners/registry.ts';
import { entrantNames } from '../../learning/league/entrants.ts';
import { GROUP_NAME } from '../../../shared/pair.ts';
import { runTriggerSchema } from '../../../shared/run_trigger/run_trigger.ts';
import { jobInstant, jobPath, jobWindow, MAX_SUBJECTS, MAX_WORKERS, subjectName } from '../job_fields.ts';

/** Entrants of a league: learners, single ones also by the baseline columns alone, or by models of groups. */
export const ENTRANTS: readonly string[] = entrantNames(
  LEARNERS.filter(({ supports }) => supports.tasks.includes('binary')).map(({ name }) => name),
);
/** Entrants where none are named. */
export const USUAL_ENTRANTS: readonly string[] = ['prior', 'logistic', 'gbdt', 'random_forest'];
/** Seeds that the folds can be repeated with. */
export const MAX_SEEDS = 20;

/** Of a league of any strategy. */
export const leagueSeeds = z
  .int()
  .min(1)
  .max(MAX_SEEDS)
  .optional()
  .describe('Seeds that the folds, or blocks, are repeated with, from `seed` on; absent: 1');
export const leagueCoins = z
  .int()
  .min(0)
  .nullable()
  .optional()
  .describe(
    'Seed of coins that draw the direction of every bar: all learn and are measured on that market, and no evaluation of the holdout is counted; absent or null: the recorded one',
  );

/** A league of learners of AI1, as data. Every field acts and says what null means. */
export const leagueJobSchema = z
  .strictObject({
    kind: z.literal('league'),
    market: z.enum(MARKETS).describe('Market of the bars'),
    window: jobWindow,
    seed: z.int().min(0).describe('Seed of row and column sampling'),
    source: z.strictObject({
      folder: jobPath.nullable().describe('Folder of SYMBOL.csv[.gz]; null: the bars of this installation'),
    }),
    parameters: z.strictObject({
      holdout_from: jobInstant.nullable().describe('Start of the holdout; null: train.holdout_fraction'),
      entrants: z
        .array(z.enum(ENTRANTS))
        .min(2)
        .max(ENTRANTS.length)
        .refine((names) => new Set(names).size === names.length, { error: 'each entrant once' })
        .describe(
          'Learners; `gbdt@baseline` has the columns of the pair’s own rule alone, `gbdt@groups` a model of its own for each group',
        ),
      groups: z
        .record(z.string().regex(GROUP_NAME), z.array(subjectName).max(MAX_SUBJECTS))
        .optional()
        .describe('Groups of the entrants `…@groups`; absent: train.groups'),
      seeds: leagueSeeds,
      coins: leagueCoins,
    }),
    resources: z.strictObject({
      workers: z.int().min(0).max(MAX_WORKERS).describe('Threads; they affect speed only'),
      cache: z.boolean().describe('Whether features and labels are reused'),
    }),
    trigger: runTriggerSchema,
  })
  .describe('A league of learners');

export type LeagueJob = z.infer<typeof leagueJobSchema>;
