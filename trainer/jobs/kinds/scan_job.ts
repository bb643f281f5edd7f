import { MARKETS } from '../../../shared/signal/signal.ts';
import * as z from 'zod';
import { TIMEFRAME_NAMES } from '../../../shared/pair.ts';
import { COST_MODELS } from '../../../shared/policy/costs.ts';
import { runTriggerSchema } from '../../../shared/run_trigger/run_trigger.ts';
import { jobInstant, jobPath, MAX_SUBJECTS, MAX_WORKERS, subjectName } from '../job_fields.ts';

/** Trials of a scan at most: pairs times timeframes times windows. Each keeps its daily results in memory. */
export const MAX_TRIALS = 100_000;
/** Bars of a window: ten weeks of minutes at most. */
const window = z.int().min(10).max(100_000);

/** A scan of pairs, timeframes and windows, as data. Every field acts and says what null means. */
export const scanJobSchema = z
  .strictObject({
    kind: z.literal('scan'),
    market: z.enum(MARKETS).describe('Market of the bars'),
    period: z.strictObject({
      from: jobInstant.nullable().describe('First bar; null: the first one'),
      to: jobInstant.nullable().describe('End, exclusive; null: up to the newest bar'),
    }),
    symbols: z
      .array(subjectName)
      .min(2)
      .max(MAX_SUBJECTS)
      .nullable()
      .describe('Every two of them are a pair; null: all that have bars and costs'),
    source: z.strictObject({
      folder: jobPath.nullable().describe('Folder of SYMBOL.csv[.gz]; null: the bars of this installation'),
    }),
    seed: z.int().min(0).describe('Of the bootstrap'),
    parameters: z.strictObject({
      timeframes: z.array(z.enum(TIMEFRAME_NAMES)).min(1).max(TIMEFRAME_NAMES.length).describe('Timeframes to try'),
      windows: z
        .array(z.strictObject({ beta_window: window, z_window: window }))
        .min(1)
        .max(100)
        .nullable()
        .describe('Windows to try, in bars; null: the configured ones'),
      holdout_from: jobInstant.nullable().describe('Start of the holdout; null: train.holdout_fraction'),
      costs: z.enum(COST_MODELS).describe('Spreads by minute of the week, or one per symbol'),
      level: z.number().gt(0).lt(1).describe('Accepted chance of a single false finding among all trials'),
      resamples: z.int().min(100).max(100_000).describe('Of the bootstrap'),
    }),
    output: z.strictObject({
      folder: jobPath.nullable().describe('Folder for trials.csv and report.html; null: none'),
    }),
    resources: z.strictObject({ workers: z.int().min(0).max(MAX_WORKERS).describe('Threads; they affect speed only') }),
    trigger: runTriggerSchema,
  })
  .describe('A scan of pairs, timeframes and windows');

export type ScanJob = z.infer<typeof scanJobSchema>;
