import { MARKETS } from '../../../shared/signal/signal.ts';
import * as z from 'zod';
import { COST_MODELS } from '../../../shared/policy/costs.ts';
import { runTriggerSchema } from '../../../shared/run_trigger/run_trigger.ts';
import { jobInstant } from '../job_fields.ts';

const threshold = z.number().min(0).max(1).nullable();

/**
 * A backtest of one bundle of pairs, or of two on the same bars, as data. Every field acts and says what null means.
 */
export const backtestJobSchema = z
  .strictObject({
    kind: z.literal('backtest'),
    market: z.enum(MARKETS).describe('Market of the bars'),
    models: z
      .array(z.string().min(1))
      .min(1)
      .max(2)
      .describe('Bundles, or folders of bundles (then the active one, else the newest): champion, and challenger'),
    period: z.strictObject({
      from: jobInstant.nullable().describe('First bar to decide on; null: the first one'),
      to: jobInstant.nullable().describe('End, exclusive; null: up to the newest bar'),
    }),
    pairs: z.array(z.string().min(1)).min(1).nullable().describe('Pairs; null: all configured ones that have bars'),
    source: z.strictObject({
      folder: z.string().min(1).nullable().describe('Folder of SYMBOL.csv[.gz]; null: the bars of this installation'),
    }),
    parameters: z.strictObject({
      theta1: threshold.describe('return_prob must be above it; null: the bundle’s'),
      theta2: threshold.describe('risk_score must be below it; null: the bundle’s'),
      costs: z.enum(COST_MODELS).describe('Spreads by minute of the week, or one per symbol'),
      cost_table: z.boolean().describe('Whether both cost models are compared, with and without no_entry_windows'),
    }),
    output: z.strictObject({
      folder: z.string().min(1).nullable().describe('Folder for trades.csv, equity.csv and report.html; null: none'),
    }),
    resources: z.strictObject({
      workers: z.int().min(1).describe('Threads; they affect speed only'),
    }),
    trigger: runTriggerSchema,
  })
  .describe('A backtest of bundles of pairs');

export type BacktestJob = z.infer<typeof backtestJobSchema>;
