import type { OpenTime } from '../../../../shared/bar.ts';
import { createExplainer } from '../../../../shared/explain/explain_minute.ts';
import type { Api, ApiContext } from '../context.ts';
import { explainRoutes } from '../../schema/explain.ts';

/** `GET /api/explain`. */
export function addExplainRoutes(api: Api, { settings, paths }: ApiContext): void {
  const explainer = createExplainer(settings, paths);
  api.route({
    ...explainRoutes['GET /api/explain'],
    async handler({ query: { subject, time } }) {
      const why = await explainer.explain(subject, (Date.parse(time) / 1000) as OpenTime);
      return { ...why, signal: { ...why.signal } };
    },
  });
}
