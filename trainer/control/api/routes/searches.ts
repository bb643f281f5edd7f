import * as z from 'zod';
import { MinutehandError } from '../../../../shared/errors.ts';
import { listJournals, readSearchHistory } from '../../../learning/search/finished_journals.ts';
import type { Api, ApiContext } from '../context.ts';
import { REFUSALS } from '../../schema/refusal.ts';
import { searchesSchema, searchHistorySchema } from '../../schema/searches.ts';

const tags = ['training'];

/** `GET /api/searches`, `GET /api/searches/{search_id}`. */
export function addSearchRoutes(api: Api, { paths }: ApiContext): void {
  api.route({
    method: 'GET',
    url: '/api/searches',
    config: { role: 'viewer' },
    schema: { tags, summary: 'Parameter searches', response: { 200: searchesSchema, ...REFUSALS } },
    handler: async () => ({ searches: listJournals(paths.searches) }),
  });

  api.route({
    method: 'GET',
    url: '/api/searches/:search_id',
    config: { role: 'viewer' },
    schema: {
      tags,
      summary: 'All trials of a search',
      params: z.object({ search_id: z.string().max(80) }),
      response: { 200: searchHistorySchema, ...REFUSALS },
    },
    async handler({ params: { search_id } }, reply) {
      const history = await readSearchHistory(paths.searches, search_id);
      if (history === null) throw new MinutehandError('NOT_FOUND', { seen: search_id.slice(0, 80) });
      // Validating a hundred thousand trials would block other requests.
      reply.serializer((payload) => JSON.stringify(payload));
      return { ...history, space: { ...history.space } as z.infer<typeof searchHistorySchema>['space'] };
    },
  });
}
