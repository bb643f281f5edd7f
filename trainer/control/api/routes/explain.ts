import type { OpenTime } from '../../../../shared/bar.ts';
import type { Api, ApiContext } from '../context.ts';
import { clientLeft } from '../http_server.ts';
import { explainRoutes } from '../../schema/explain.ts';

/** `GET /api/explain`. */
export function addExplainRoutes(api: Api, { reads }: ApiContext): void {
  api.route({
    ...explainRoutes['GET /api/explain'],
    async handler({ query: { subject, time } }, reply) {
      const asked = { subject, time: (Date.parse(time) / 1000) as OpenTime };
      const why = await reads.ask('explain', asked, clientLeft(reply.raw));
      return { ...why, signal: { ...why.signal } };
    },
  });
}
