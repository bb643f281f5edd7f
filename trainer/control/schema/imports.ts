import { MARKETS } from '../../../shared/signal/signal.ts';
import * as z from 'zod';
import { VERDICTS } from '../../../shared/bar_file/verdict/finding.ts';
import { IMPORT_KINDS } from '../../store/schema/bars.ts';

import { routes } from './routes.ts';

export const MARKETS_OF_BARS = MARKETS;
const count = z.int();
const time = z.number().describe('Epoch ms');

const finding = z.object({
  code: z.enum(VERDICTS),
  by: z.string().describe('The test that found it'),
  values: z.record(z.string(), z.union([z.string(), z.number()])),
});
const verdict = z.object({ verdict: z.enum(VERDICTS), findings: z.array(finding) });

const importRun = z
  .object({
    import_number: count,
    market: z.enum(MARKETS_OF_BARS),
    kind: z.enum(IMPORT_KINDS),
    source: z
      .string()
      .describe('A path; of a deletion the symbol and the period; of a decision the symbol, what of it, and why'),
    done_by: z.string(),
    began_ms: time,
    finished_ms: time.nullable().describe('null while it runs, and when it was killed'),
    added: count,
    removed: count.describe('Bars that it replaced or deleted'),
    rejected: count,
    verdicts: z.record(z.string(), verdict).describe('By symbol'),
    clocks: z.array(z.string()).describe('On which its files were read, such as UTC and +02:00/US'),
    accepted: z.array(z.string()).describe('Verdicts that a person accepted'),
    undone_ms: time.nullable(),
    undone_by: z.string().nullable(),
  })
  .meta({ id: 'ImportRun' });

const importsQuery = z.object({
  limit: z.coerce.number().int().min(1).max(1000).default(100),
  market: z
    .enum([...MARKETS_OF_BARS, 'all'])
    .optional()
    .describe('Default: the configured one'),
});

export const dryRunQuery = z.object({
  dry_run: z.enum(['true', 'false']).default('false').describe('true: only what would change'),
});

export const importsSchema = z.object({ imports: z.array(importRun).describe('The newest first') });

export const touchedBars = z.array(z.object({ symbol: z.string(), bars: count, first: z.number(), last: z.number() }));

const undoSchema = z
  .object({
    import_number: count,
    dry_run: z.boolean(),
    removed: touchedBars.describe('Bars that go, by symbol; first and last in epoch seconds'),
    restored: touchedBars.describe('Bars that come back'),
    series: z.array(z.object({ symbol: z.string(), name: z.string(), values: count })),
    later_files: z
      .array(z.string())
      .describe('Imported later, of these symbols: bars that they had as well go with this import; import them again'),
    models: z.array(z.string()).describe('Versions that were trained on these bars'),
  })
  .meta({ id: 'ImportUndo' });

const number = z.object({ import_number: z.coerce.number().int().min(1).max(Number.MAX_SAFE_INTEGER) });

/** Routes of `api/routes/imports.ts`. */
export const importRoutes = routes({
  'GET /api/imports': {
    role: 'viewer',
    tags: ['records'],
    summary: 'Imports and deletions of bars, by number, with the verdict on each symbol',
    querystring: importsQuery,
    response: { 200: importsSchema },
  },
  'POST /api/imports/{import_number}/undo': {
    role: 'approver',
    tags: ['records'],
    summary: 'Take an import or a deletion back, whole or not at all',
    params: number,
    querystring: dryRunQuery,
    response: { 200: undoSchema },
  },
});
