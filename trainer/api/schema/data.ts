import { z } from 'zod';

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
    spikes: count.describe('Closes more than 0.5 % away from the close before, inside a session'),
    break_jumps: count.describe('The same over a break'),
    suspects: count.nullable().describe('Bars that training leaves out; null without screening'),
    clock: z.object({
      week_opens_new_york: z.record(z.string(), count).describe('Openings of a week by hour in New York'),
      suspect: z.boolean().describe('The stamps are probably not UTC'),
    }),
    days: z
      .array(z.object({ day: z.string(), bars: count, missing: count, spikes: count, suspects: count }))
      .describe('Ascending UTC days that have a bar'),
    longest_gaps: z.array(z.object({ from: time, minutes: count })),
    greatest_spikes: z.array(z.object({ at: time, change: z.number().describe('0.01 = 1 %') })),
  })
  .meta({ id: 'SymbolCoverage' });

export const dataSchema = z.object({
  scanned_at: z.string().describe('After five minutes a request begins another scan, and gets this one'),
  duration_ms: z.number(),
  symbols: z.array(symbolCoverage).describe('Configured symbols with a bar, imported or journaled'),
});
