import * as z from 'zod';

export const performanceQuery = z.object({
  from: z.iso
    .datetime()
    .optional()
    .describe('Positions closed from here on, by the clock of the market, as their bars; default: all'),
  to: z.iso.datetime().optional().describe('Positions closed before'),
  format: z.enum(['json', 'csv']).default('json').describe('csv: days, subjects, hours and reasons as one table'),
});
