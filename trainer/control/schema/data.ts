import * as z from 'zod';
import { VERDICTS } from '../../../shared/bar_file/verdict/finding.ts';
import { MARKETS_OF_BARS } from './imports.ts';

import { routes } from './routes.ts';

const count = z.int();
const time = z.string().describe('Open of a bar, ISO 8601 in UTC');

const symbolCoverage = z
  .object({
    symbol: z.string(),
    bars: count,
    first: time.nullable(),
    last: time.nullable(),
    missing_minutes: count.describe('Minutes without a bar inside a session'),
    holes: count.describe('Runs of such minutes'),
    longest_hole_minutes: count,
    breaks: count.describe('Weekends, pauses, holidays: bars 60 minutes or more apart'),
    flat_bars: count.describe('open = high = low = close'),
    spikes: count.describe('Closes more than 0.5 % from the previous close, inside a session'),
    break_jumps: count.describe('The same across a break'),
    suspects: count.nullable().describe('Suspect bars, excluded from training; null without screening'),
    recent_bars: count.describe('Bars that lead up to now without a gap of more than five days: what makes ready'),
    clock: z.object({
      week_opens_new_york: z.record(z.string(), count).describe('Week openings by hour in New York'),
      suspect: z.boolean().describe('Timestamps are probably not UTC'),
    }),
    verdict: z
      .object({
        code: z.enum(VERDICTS),
        text: z.string().describe('Evidence of every finding'),
        refuses: z.boolean().describe('An import of these bars would keep them out'),
      })
      .describe('What imported and received bars together show about their clock, columns, scale and source'),
    days: z
      .array(z.object({ day: z.string(), bars: count, missing: count, spikes: count, suspects: count }))
      .describe('UTC days with bars, ascending'),
    longest_gaps: z.array(z.object({ from: time, minutes: count })),
    greatest_spikes: z.array(z.object({ at: time, change: z.number().describe('0.01 = 1 %') })),
  })
  .meta({ id: 'SymbolCoverage' });

const dataQuery = z.object({
  market: z
    .enum(MARKETS_OF_BARS)
    .optional()
    .describe(
      'Whose bars: the configured market by default; bars of a live one can be imported beside a simulated one',
    ),
});

export const dataSchema = z.object({
  scanned_at: z
    .string()
    .describe(
      'A request after five minutes starts a new scan and returns this one; after an import it waits for the new one',
    ),
  duration_ms: z.number(),
  symbols: z.array(symbolCoverage).describe('Configured and imported symbols with a bar'),
});

export const dataProgressSchema = z.object({
  scan: z
    .object({ done: count.describe('Symbols that are read'), total: count })
    .nullable()
    .describe('Null while nothing is scanned'),
});

/** Routes of `api/routes/data.ts`. */
export const dataRoutes = routes({
  'GET /api/data': {
    role: 'viewer',
    tags: ['records'],
    summary: 'Bars by symbol and day: coverage, gaps, spikes, clock',
    querystring: dataQuery,
    response: { 200: dataSchema },
  },
  'GET /api/data/progress': {
    role: 'viewer',
    tags: ['records'],
    summary: 'How far the scan is that /api/data waits for',
    querystring: dataQuery,
    response: { 200: dataProgressSchema },
  },
});
