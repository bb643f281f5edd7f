import * as z from 'zod';
import {
  backtestComparisonSchema,
  backtestRequest,
  backtestResultSchema,
  backtestSchema,
  backtestsSchema,
  limitQuery,
} from './records.ts';
import { TESTER_VIEWS } from '../../learning/backtest/tester_signals.ts';
import { BODY_ERRORS } from './route_errors.ts';
import { routes } from './routes.ts';

const id = z.coerce.number().int().min(1).max(Number.MAX_SAFE_INTEGER);

const params = z.object({ backtest_id: id });

/** Routes of `api/routes/backtests.ts`. */
export const backtestRoutes = routes({
  'GET /api/backtests': {
    role: 'viewer',
    tags: ['backtests'],
    summary: 'Requested backtests, and holdout backtests of the bundles',
    querystring: limitQuery,
    response: { 200: backtestsSchema },
  },
  'POST /api/backtests': {
    role: 'operator',
    errors: ['MODEL_MISSING', 'PAIR_UNKNOWN', 'BACKTESTS_TOO_MANY', ...BODY_ERRORS],
    tags: ['backtests'],
    summary: 'Queue a backtest on the bars of this installation',
    body: backtestRequest.nullish(),
    response: { 202: backtestSchema },
  },
  'POST /api/backtests/{backtest_id}/cancel': {
    role: 'operator',
    errors: ['BACKTEST_UNKNOWN', 'BACKTEST_ENDED'],
    tags: ['backtests'],
    summary: 'Cancel a queued or running backtest',
    params,
    response: { 202: backtestSchema },
  },
  'GET /api/backtests/compare': {
    role: 'viewer',
    errors: ['BACKTEST_UNKNOWN'],
    tags: ['backtests'],
    summary: 'Differences between two backtests',
    querystring: z.object({ before: id, after: id }),
    response: { 200: backtestComparisonSchema },
  },
  'GET /api/backtests/{backtest_id}': {
    role: 'viewer',
    errors: ['BACKTEST_UNKNOWN'],
    tags: ['backtests'],
    summary: 'A backtest with its result',
    params,
    response: { 200: backtestResultSchema },
  },
  'GET /api/backtests/{backtest_id}/files/{name}': {
    role: 'viewer',
    errors: ['BACKTEST_UNKNOWN'],
    tags: ['backtests'],
    summary: 'Trades, equity or report of a backtest; files of the last 50 are kept',
    params: params.extend({ name: z.enum(['trades.csv', 'equity.csv', 'report.html']) }),
    response: {
      200: {
        description: 'The file',
        content: { 'text/csv': { schema: z.any() }, 'text/html': { schema: z.any() } },
      },
    },
  },
  'GET /api/backtests/{backtest_id}/tester-signals': {
    role: 'viewer',
    tags: ['backtests'],
    summary: 'Trades of a backtest as a file that the expert advisor replays in MetaTrader’s strategy tester',
    params,
    querystring: z.object({
      view: z.enum(TESTER_VIEWS).default('edge_pairs').describe('all_pairs: as if every pair had an edge'),
      model: z.string().max(64).optional().describe('of a backtest of two bundles'),
    }),
    response: { 200: { description: 'The file', content: { 'text/csv': { schema: z.any() } } } },
  },
});
