import { MARKETS } from '../../../shared/signal/signal.ts';
import * as z from 'zod';
import { REFUSING } from '../../../shared/bar_file/verdict/finding.ts';
import { PRICE_KINDS } from '../../../shared/core/cost/fill_cost.ts';
import { runTriggerSchema } from '../../../shared/run_trigger/run_trigger.ts';

/** An import of bars or series, as data. Every field acts and says what null means. */
export const importJobSchema = z
  .strictObject({
    kind: z.literal('import'),
    market: z.enum(MARKETS).describe('Market of the bars: simulated ones are kept separate'),
    source: z.strictObject({ path: z.string().min(1).describe('A file, or a folder of files') }),
    parameters: z.strictObject({
      is_replacing: z.boolean().describe('Whether bars of other numbers take the place of stored ones'),
      timezone: z.string().min(1).describe('Clock of the source: auto, UTC, -05:00, -05:00/US, America/New_York'),
      epoch_timezone: z.string().min(1).nullable().describe('Clock of stamps that claim to be UTC; null: UTC'),
      trust_clock: z.boolean().describe('Whether the time zone is not checked'),
      strip: z.array(z.string().min(1)).describe('Prefixes and suffixes to take off the names'),
      symbol: z.string().min(1).nullable().describe('null: by name and content'),
      series: z
        .array(z.string().min(1))
        .min(1)
        .nullable()
        .describe('Columns of a file without bars, or the name of its only one; null: by its columns'),
      decimal: z.enum(['point', 'comma']).nullable().describe('null: as the prices show'),
      date_order: z.enum(['dmy', 'mdy', 'ymd']).nullable().describe('null: as the dates show'),
      stamp: z.enum(['open', 'close']).nullable().describe('What a stamp is of; null: the open'),
      spread: z.enum(['points', 'price']).nullable().describe('Unit of spreads; null: that of the format'),
      digits: z.int().min(0).nullable().describe('Digits of the prices; null: as they show'),
      trust_prices: z.boolean().describe('Whether prices are not compared with known ones'),
      price: z.enum(PRICE_KINDS).nullable().describe('Price type; null: as it was stated before'),
      flow: z.boolean().describe('Whether taker volume and number of trades are kept as series'),
      drop_flat_weekends: z.boolean().describe('Whether flat bars of closed weekends are left out'),
      accept: z.array(z.enum([...REFUSING])).describe('Verdicts that do not keep bars out'),
      max_rejected_percent: z.number().min(0).max(100).describe('Of the rows of a symbol'),
    }),
    output: z.strictObject({
      folder: z.string().min(1).nullable().describe('Folder of bars to merge into; null: the store'),
      is_dry_run: z.boolean().describe('Whether nothing is written'),
    }),
    trigger: runTriggerSchema,
  })
  .refine(({ parameters, output }) => !parameters.is_replacing || output.folder === null, {
    error: 'only bars of the store are replaced',
    path: ['output', 'folder'],
  })
  .describe('An import of bars or series');

export type ImportJob = z.infer<typeof importJobSchema>;
