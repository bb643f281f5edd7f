import * as z from 'zod';
import { VERDICTS } from '../../../shared/bar_file/verdict/finding.ts';
import { PRICE_KINDS } from '../../../shared/core/cost/fill_cost.ts';
import { dryRunQuery } from './imports.ts';
import { BODY_ERRORS } from './route_errors.ts';
import { routes } from './routes.ts';

/** Of the text of a file, in characters: 100,000 bars and more. */
export const MAX_PREVIEWED_TEXT = 8_000_000;

/** Years of one-minute bars of a symbol as text. */
export const MAX_FILE_BYTES = 512_000_000;

const name = z
  .string()
  .min(1)
  .max(200)
  .describe('Name of the file, without a folder, such as EURUSD_M1.csv: symbol and timeframe may be inferred from it');

/** How a file is read, where it does not show it. */
const reading = {
  as_symbol: z.string().min(1).max(100).optional().describe('Symbol, where name and content do not tell it'),
  timezone: z
    .string()
    .min(1)
    .max(100)
    .optional()
    .describe('Clock of the stamps, such as +02:00/US (default: inferred)'),
  epoch_timezone: z
    .string()
    .min(1)
    .max(100)
    .optional()
    .describe('Clock of stamps that claim to be UTC, such as epoch seconds of a broker (default: UTC)'),
  decimal: z.enum(['point', 'comma']).optional().describe('Mark before decimals (default: as the prices show)'),
  date_order: z.enum(['dmy', 'mdy', 'ymd']).optional().describe('Of day, month and year (default: as the dates show)'),
  stamp: z.enum(['open', 'close']).optional().describe('What the stamp of a bar is of (default: its open)'),
  spread: z.enum(['points', 'price']).optional().describe('Unit of spreads (default: that of the format)'),
};

const previewBody = z
  .object({
    name,
    text: z.string().min(1).max(MAX_PREVIEWED_TEXT).describe('The file, or its first part'),
    ...reading,
  })
  .meta({ id: 'ImportPreviewRequest' });

const fileImportQuery = z.object({
  name,
  ...reading,
  price: z.enum(PRICE_KINDS).optional().describe('What the prices are; at bids, a buy pays the whole spread'),
  replace: z
    .enum(['true', 'false'])
    .default('false')
    .describe('true: bars of other numbers take the place of stored ones; undoing brings those back'),
  ...dryRunQuery.shape,
});

const count = z.int();

const previewedSymbol = z.object({
  symbol: z.string(),
  symbol_by: z.string().describe('What tells the symbol: name, content, prices, option'),
  timeframe: z.string(),
  timeframe_by: z
    .string()
    .nullable()
    .describe('What tells the timeframe; null: nothing does, so that it is one minute'),
  layout: z.string(),
  clock: z.string().nullable().describe('Clock on which the stamps were read'),
  clock_is_checked: z.boolean().describe('Whether the openings of the weeks confirm it'),
  price_range: z.tuple([z.number(), z.number()]).nullable().describe('Lowest low and highest high'),
  read_by: z.array(z.string()).describe('How stamps, numbers and spreads were read, each with what shows it'),
  near_symbols: z
    .array(z.string())
    .describe('Known symbols that are one letter away from this new one, which may be misspelt'),
  verdict: z.enum(VERDICTS),
  findings: z.array(z.object({ code: z.enum(VERDICTS), text: z.string() })),
  would_be_taken: z.boolean(),
  read: count.describe('Rows'),
  added: count,
  duplicates: count,
  conflicts: count.describe('Stored bars with other numbers, which an import keeps'),
  replaced: count.describe('Of them, those that a replacement takes the place of'),
  rejected: count,
  first_rejected: z.array(z.object({ line: count, code: z.string(), seen: z.string() })).describe('The first 5'),
});

const previewed = {
  refused: z
    .object({ code: z.string(), message: z.string(), next: z.string() })
    .nullable()
    .describe('Why nothing of it can be read'),
  symbols: z.array(previewedSymbol),
  series: z.array(z.object({ symbol: z.string(), name: z.string(), read: count, added: count, rejected: count })),
};

export const previewSchema = z.object(previewed).meta({ id: 'ImportPreview' });

const fileImportSchema = z
  .object({
    ...previewed,
    import_number: count.nullable().describe('By which it is undone; null: nothing was stored'),
    dry_run: z.boolean(),
    models: z.array(z.string()).describe('Versions that were trained on bars that are replaced'),
  })
  .meta({ id: 'FileImport' });

/** Of the body of a route that takes a file. */
export const FILE_TYPE = 'application/octet-stream';

/** Routes of `api/routes/file_import.ts`. */
export const fileImportRoutes = routes({
  'POST /api/imports': {
    role: 'approver',
    errors: ['JOBS_TOO_MANY', 'FILE_TOO_LARGE', 'NAME_UNSAFE', 'PREVIEW_TIMEOUT', 'IMPORT_TIMEOUT', ...BODY_ERRORS],
    tags: ['records'],
    summary: 'Import a file of bars, or replace stored bars by it',
    description:
      'The body is the file: CSV, also compressed, or Parquet, as `minutehand bars import` reads it. With `dry_run` nothing is stored. A file that cannot be read is an answer, too: `refused`.',
    consumes: [FILE_TYPE],
    querystring: fileImportQuery,
    body: z.unknown().describe('The file'),
    response: { 200: fileImportSchema },
  },
});

/** Routes of `api/routes/import_preview.ts`. */
export const importPreviewRoutes = routes({
  'POST /api/imports/preview': {
    role: 'operator',
    errors: ['JOBS_TOO_MANY', 'NAME_UNSAFE', 'PREVIEW_TIMEOUT', ...BODY_ERRORS],
    tags: ['records'],
    summary: 'What an import of a file would do',
    description:
      'Symbol, timeframe, clock and units as `minutehand bars import` infers them, each with what tells it; the verdict on the bars; and how many would be added. Nothing is stored. A file that cannot be read is an answer, too: `refused`.',
    body: previewBody,
    response: { 200: previewSchema },
  },
});
