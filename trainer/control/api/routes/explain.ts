import type { OpenTime } from '../../../../shared/bar.ts';
import { createExplainer } from '../../../../shared/explain/explain_minute.ts';
import type { Api, ApiContext } from '../context.ts';
import { explainQuery, explanationSchema } from '../../schema/explain.ts';
import { REFUSALS } from '../../schema/refusal.ts';

/** `GET /api/explain`. */
export function addExplainRoutes(api: Api, { settings, paths }: ApiContext): void {
  const explainer = createExplainer(settings, paths);
  api.route({
    method: 'GET',
    url: '/api/explain',
    config: { role: 'viewer' },
    schema: {
      tags: ['signals'],
      summary: 'Explanation of the answer to a minute',
      querystring: explainQuery,
      response: { 200: explanationSchema, ...REFUSALS },
    },
    async handler({ query: { subject, time } }) {
      const why = await explainer.explain(subject, (Date.parse(time) / 1000) as OpenTime);
      return { ...why, signal: { ...why.signal } };
    },
  });
}
