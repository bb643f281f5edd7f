import * as z from 'zod';
import { TIMEFRAME_NAMES } from '../../../shared/pair.ts';

import { routes } from './routes.ts';

const prices = (description: string) => z.array(z.number()).describe(description);

const candlesQuery = z.object({
  symbol: z.string().max(40).describe('A configured symbol'),
  from: z.iso.datetime().describe('Open of the first minute, inclusive'),
  to: z.iso.datetime().describe('Exclusive; at most 31 days after from'),
  points: z.coerce.number().int().min(10).max(2000).default(240).describe('Greatest number of candles'),
});

const candlesSchema = z
  .object({
    symbol: z.string(),
    timeframe: z.enum(TIMEFRAME_NAMES).describe('The shortest in which the period has at most so many candles'),
    time: z.array(z.number()).describe('Close of each candle, epoch seconds, ascending'),
    open: prices('One of each candle, as in the other columns'),
    high: prices('Of its minutes'),
    low: prices('Of its minutes'),
    close: prices('Of its last minute'),
  })
  .meta({ id: 'Candles', description: 'Bars of a symbol, joined for a chart' });

/** Routes of `api/routes/candles.ts`. */
export const candleRoutes = routes({
  'GET /api/candles': {
    role: 'viewer',
    errors: ['PAIR_UNKNOWN', 'DATA_FORMAT'],
    tags: ['records'],
    summary: 'Bars of a symbol, journaled or imported, joined to candles for a chart',
    querystring: candlesQuery,
    response: { 200: candlesSchema },
  },
});
