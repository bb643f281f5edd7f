import * as z from 'zod';
import { MARKETS_OF_BARS, touchedBars } from './imports.ts';
import { dryRunQuery } from './imports.ts';
import { routes } from './routes.ts';

const symbol = z.string().min(1).max(100).describe('Symbol, also by a name of the broker’s');
const period = {
  from: z.iso.datetime().optional().describe('Open of the first bar (default: from the first one on)'),
  to: z.iso.datetime().optional().describe('End, exclusive (default: up to the last one)'),
};

const deletionBody = z
  .object({
    symbol,
    ...period,
    market: z.enum(MARKETS_OF_BARS).optional().describe('Default: the configured one'),
  })
  .meta({ id: 'BarDeletion' });

const leaveOutBody = z
  .object({
    symbol,
    ...period,
    reason: z.string().trim().min(1).max(500).describe('Kept in the list of imports and the audit'),
  })
  .meta({ id: 'BarLeaveOut' });

const barChangeSchema = z
  .object({
    import_number: z.int().nullable().describe('By which it is undone; null: a dry run'),
    dry_run: z.boolean(),
    removed: touchedBars.describe('Bars that no longer count; first and last in epoch seconds'),
    models: z.array(z.string()).describe('Versions that were trained on these bars'),
  })
  .meta({ id: 'BarChange' });

/** Routes of `api/routes/bar_changes.ts`. */
export const barChangeRoutes = routes({
  'POST /api/bars/delete': {
    role: 'approver',
    tags: ['records'],
    summary: 'Delete stored bars of a symbol',
    querystring: dryRunQuery,
    body: deletionBody,
    response: { 200: barChangeSchema },
  },
  'POST /api/bars/leave-out': {
    role: 'approver',
    tags: ['records'],
    summary: 'Leave bars that live daemons received out of all that learns',
    querystring: dryRunQuery,
    body: leaveOutBody,
    response: { 200: barChangeSchema },
  },
});
