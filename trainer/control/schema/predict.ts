import * as z from 'zod';

import { BODY_ERRORS, BUNDLE_ERRORS } from './route_errors.ts';
import { routes } from './routes.ts';

const predictQuery = z.object({
  subject: z.string().min(1).max(80).describe('A pair or an instrument, such as XAUUSD_XAGUSD'),
});

const score = (description: string) => z.number().nullable().describe(description);
const scores = {
  model_version: z.string().describe('Bundle that scored it'),
  feature_schema: z.string().describe('Hash of names, formulas and windows of the features'),
  return_prob: score('AI1: probability of reversion before the stop'),
  risk_score: score('AI2: risk rank, 0 to 1'),
  position_scale: score('AI3: size, 0 to 1'),
};

const latestScoresSchema = z
  .object({
    subject: z.string(),
    timestamp: z.string().describe('Close of the bar, ISO 8601 in UTC'),
    age_seconds: z.number().describe('Since its publication'),
    source: z.enum(['daemon', 'history']).describe('history: the daemon is not connected'),
    ...scores,
    z_score: score('Distance of the spread from its mean, standard deviations'),
    theta1: score('Entry requires return_prob above this'),
    theta2: score('Entry requires a risk rank below this'),
    ml_up_prob: score('Probability of up, of an instrument'),
    ml_down_prob: score('Probability of down'),
    ml_range_prob: score('Probability of range'),
    expected_net_bps: score('Expected result of an entry after costs, basis points'),
  })
  .meta({ id: 'LatestScores' });

const value = z.number().nullable().describe('null: missing');

export const predictRequest = z
  .strictObject({
    feature_schema: z.string().max(64).describe('Feature schema of the row'),
    features: z
      .union([z.array(value).max(1000), z.record(z.string().max(80), value)])
      .describe('In the order of the schema, or by name'),
    subject: z.string().min(1).max(80).optional().describe('The pair; required where a group has its own models'),
  })
  .meta({ id: 'PredictRequest' });

export const rowScoresSchema = z
  .object({ ...scores, risk_prob: score('AI2: probability before ranking'), engines: z.record(z.string(), z.string()) })
  .meta({ id: 'RowScores' });

/** Routes of `api/routes/predict.ts`. */
export const predictRoutes = routes({
  'GET /api/ml/predict': {
    role: 'viewer',
    errors: ['SCORES_UNKNOWN'],
    tags: ['models'],
    summary: 'Latest published scores of a subject',
    querystring: predictQuery,
    response: { 200: latestScoresSchema },
  },
  'POST /api/ml/predict': {
    role: 'viewer',
    errors: ['FEATURES_REFUSED', ...BUNDLE_ERRORS, ...BODY_ERRORS],
    tags: ['models'],
    summary: 'Scores of a feature row by the active bundle',
    body: predictRequest,
    response: { 200: rowScoresSchema },
  },
});
