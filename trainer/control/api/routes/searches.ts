import type * as z from 'zod';
import { MinutehandError } from '../../../../shared/errors.ts';
import { listJournals, readSearchHistory } from '../../../learning/search/finished_journals.ts';
import type { Api, ApiContext } from '../context.ts';
import { searchRoutes, searchHistorySchema } from '../../schema/searches.ts';

/** `GET /api/searches`, `GET /api/searches/{search_id}`. */
export function addSearchRoutes(api: Api, { paths }: ApiContext): void {
  api.route({
    ...searchRoutes['GET /api/searches'],
    handler: async () => ({ searches: listJournals(paths.searches) }),
  });

  api.route({
    ...searchRoutes['GET /api/searches/{search_id}'],
    async handler({ params: { search_id } }, reply) {
      const history = await readSearchHistory(paths.searches, search_id);
      if (history === null) throw new MinutehandError('NOT_FOUND', { seen: search_id.slice(0, 80) });
      // Validating a hundred thousand trials would block other requests.
      reply.serializer((payload) => JSON.stringify(payload));
      return { ...history, space: { ...history.space } as z.infer<typeof searchHistorySchema>['space'] };
    },
  });
}
