import { MARKETS } from '../../../shared/signal/signal.ts';
import * as z from 'zod';
import { costBps } from '../../../shared/policy/cost_units.ts';
import { COST_MODELS } from '../../../shared/policy/costs.ts';
import { jobInstant } from '../job_fields.ts';

const bps = costBps.nullable();

/**
 * What a rule is run on: one pair or instrument, its bars, prices and costs. Every field acts and says what null means.
 */
export const ruleMarketShape = {
  market: z.enum(MARKETS).describe('Market of the bars'),
  subject: z.string().min(1).describe('Instrument, such as BTCUSDT@1h, or pair, such as XAUUSD_XAGUSD@1h'),
  window: z
    .strictObject({
      from: jobInstant.nullable().describe('First bar to decide on; null: the first one'),
      to: jobInstant.nullable().describe('End, exclusive; null: up to the newest bar'),
    })
    .describe('Bars to decide on; bars before them warm the formulas'),
  source: z.strictObject({
    folder: z.string().min(1).nullable().describe('Folder of SYMBOL.csv[.gz]; null: the bars of this installation'),
    series: z
      .string()
      .min(1)
      .nullable()
      .describe('Of an instrument: folder of auxiliary series; null: those of the bars'),
  }),
  direction: z
    .string()
    .min(1)
    .nullable()
    .describe('Of an instrument: folder of the direction model whose probabilities formulas read; null: none'),
  costs: z.strictObject({
    model: z.enum(COST_MODELS).describe('Spreads by minute of the week, or one per symbol'),
    fee_bps: bps.describe('Of an instrument, per fill; null: the configured costs, else 5'),
    slippage_bps: bps.describe('Of an instrument, per fill; null: the configured costs, else 1'),
  }),
};

const ruleMarketSchema = z.strictObject(ruleMarketShape);

export type RuleMarket = Readonly<z.infer<typeof ruleMarketSchema>>;

/** How a rule is judged on its market. */
export const judgementShape = {
  holdout_from: jobInstant.nullable().describe('Start of the holdout; null: the last holdout_fraction of the time'),
  seed: z.string().describe('Of the search and the bootstrap'),
  resamples: z.int().min(100).describe('Of the bootstrap'),
};

export type Judgement = Readonly<z.infer<z.ZodObject<typeof judgementShape>>>;
