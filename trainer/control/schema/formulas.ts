import * as z from 'zod';
import { MAX_LENGTH } from '../../../shared/core/formula/limits.ts';

import { routes } from './routes.ts';

const number = z.number().nullable();

const formulaQuery = z.object({
  subject: z.string().max(80).describe('Identifier of a configured pair or instrument'),
  formula: z
    .string()
    .max(4 * MAX_LENGTH)
    .describe('Text of a formula, such as zscore(log(a.close), 240)'),
  days: z.coerce
    .number()
    .int()
    .min(0)
    .max(31)
    .default(0)
    .describe('Newest days of bars that it is computed over; 0: it is checked only'),
});

const checkedSchema = z.object({
  formula: z.string().describe('Canonical text: equal formulas have equal texts'),
  unit: z.string(),
  is_column: z
    .boolean()
    .describe(
      'config/features.yaml takes it: in no unit that differs between subjects; of an instrument with `for: instruments`',
    ),
  look_back_bars: z.int(),
  window_numbers: z.int().describe('Numbers that its windows keep per subject'),
  sources: z.array(z.string()),
});

const triedSchema = z
  .object({
    computations: z.int().describe('Per bar'),
    microseconds_per_bar: z.number().describe('Of the evaluator, in blocks, on this machine'),
    from: z.string().nullable().describe('Open of the first bar; null without bars'),
    to: z.string().nullable(),
    distribution: z.object({
      bars: z.int(),
      values: z.int().describe('Bars with a value'),
      mean: number,
      std: number,
      quantiles: z
        .array(z.number())
        .nullable()
        .describe('Least value, 1, 5, 25, 50, 75, 95, 99 %, greatest value; null without values'),
    }),
    label: z
      .object({
        rows: z.int().describe('Candidates with a value'),
        before: z.string().describe('Start of the holdout, of which no bar is read'),
        auc: z.number(),
        standard_error: z.number(),
        correlation: z.number(),
      })
      .nullable()
      .describe(
        'What the formula alone tells of AI1’s label on up to 31 days of rows before the holdout; null: not of a pair, or too few rows',
      ),
    chart: z.object({
      time: z.array(z.number()).describe('Epoch seconds of the last bar of each column'),
      least: z.array(number).describe('Least value of each column'),
      greatest: z.array(number),
    }),
    histogram: z
      .object({ low: z.number().describe('The 1 % quantile'), high: z.number(), counts: z.array(z.int()) })
      .nullable()
      .describe('Values in equal parts of low to high; the outer parts take what is beyond'),
  })
  .meta({ id: 'TriedFormula', description: 'A formula over the newest bars of a subject' });

const formulaSchema = z
  .object({
    fault: z
      .object({
        code: z.string(),
        column: z.int().describe('Position in the formula; 1 is the first character'),
        text: z.string(),
      })
      .nullable(),
    checked: checkedSchema.nullable().describe('null with a fault'),
    tried: triedSchema.nullable().describe('null with a fault, and where no days are asked for'),
  })
  .meta({ id: 'FormulaTrial' });

/** Routes of `api/routes/formulas.ts`. */
export const formulaRoutes = routes({
  'GET /api/formulas': {
    role: 'viewer',
    errors: ['PAIR_UNKNOWN', 'DATA_MISSING', 'DATA_FORMAT'],
    tags: ['strategies'],
    summary: 'Check a formula, and try it on the newest bars of a subject',
    description:
      'A fault is an answer, with its position. A trial has values over time, their distribution, the cost per bar, and what the formula alone tells of AI1’s label on training rows; the holdout is not read for that.',
    querystring: formulaQuery,
    response: { 200: formulaSchema },
  },
});
