import { MARKETS } from '../../../shared/signal/signal.ts';
import * as z from 'zod';
import { GENERATORS, LONGEST_WINDOW, WINDOW_BARS } from '../../learning/automl/candidates.ts';
import { runTriggerSchema } from '../../../shared/run_trigger/run_trigger.ts';
import { jobInstant, jobWindow } from '../job_fields.ts';

/** Candidates of one search at most. */
export const MOST_CANDIDATES = 20_000;

/** What a search of formulas does. Every field acts and says what null means. */
export const formulaSearchSchema = z.strictObject({
  generators: z.array(z.enum(GENERATORS)).min(1).describe('Kinds of candidates'),
  window_bars: z
    .array(z.int().min(2).max(LONGEST_WINDOW))
    .min(1)
    .describe('Windows of the statistics of `windows`, bars'),
  candidates: z.int().min(1).max(MOST_CANDIDATES).describe('Candidates at most; more are thinned by the seed'),
  most: z.int().min(1).max(100).describe('Chosen ones at most'),
  most_of: z.partialRecord(z.enum(GENERATORS), z.int().min(1).max(100)).describe('Chosen ones of a generator at most'),
  level: z.number().gt(0).lt(1).describe('Expected share of false ones among those whose effect counts as real'),
  parts: z.int().min(2).max(50).describe('Parts of the time: one explains something in all of them but one'),
  memory_gb: z.number().gt(0).nullable().describe('For values of candidates; null: 60 of them at a time'),
  limit_minutes: z
    .number()
    .gt(0)
    .nullable()
    .optional()
    .describe('Time after which no further candidates are tested, so that results depend on the machine; null: none'),
  shuffle_labels: z.boolean().describe('Whether labels are exchanged among rows: nothing should be chosen then'),
});

export type FormulaSearch = z.infer<typeof formulaSearchSchema>;

/** Default options of a search, for the command line and the API. */
export const FORMULA_SEARCH_DEFAULTS: FormulaSearch = {
  generators: [...GENERATORS],
  window_bars: [...WINDOW_BARS],
  candidates: 600,
  most: 8,
  most_of: {},
  level: 0.05,
  parts: 5,
  memory_gb: null,
  shuffle_labels: false,
};

/** A search of formulas that help AI1, as data. Every field acts and says what null means. */
export const automlJobSchema = z
  .strictObject({
    kind: z.literal('automl'),
    market: z.enum(MARKETS).describe('Market of the bars'),
    window: jobWindow,
    seed: z.int().min(0).describe('Seed of candidates, models and tests'),
    source: z.strictObject({
      folder: z.string().min(1).nullable().describe('Folder of SYMBOL.csv[.gz]; null: the bars of this installation'),
    }),
    parameters: z.strictObject({
      holdout_from: jobInstant.nullable().describe('Start of the holdout, which is not looked at; null: its fraction'),
      search: formulaSearchSchema,
    }),
    output: z.strictObject({
      write: z
        .boolean()
        .describe('Whether formulas that help by more than two standard errors are added to features.yaml'),
    }),
    resources: z.strictObject({
      workers: z.int().min(0).describe('Threads; they affect speed only'),
      cache: z.boolean().optional().describe('Whether scores of tested candidates are reused; absent: they are'),
    }),
    trigger: runTriggerSchema,
  })
  .refine(({ output, parameters }) => !(output.write && parameters.search.shuffle_labels), {
    error: 'what is found on exchanged labels is not written',
    path: ['output', 'write'],
  })
  .describe('A search of formulas');

export type AutomlJob = z.infer<typeof automlJobSchema>;
