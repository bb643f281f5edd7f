import type { Api } from '../context.ts';
import { apiPage, type OpenApiDocument } from '../doc_site/api_page.ts';
import { PAGE_POLICY } from './reports.ts';

/** `GET /api/openapi.json`, `GET /api/docs`. */
export function addDescriptionRoutes(api: Api): void {
  const config = { role: 'viewer' } as const;
  const schema = { hide: true };
  api.route({
    method: 'GET',
    url: '/api/openapi.json',
    config,
    schema,
    handler: async () => api.swagger(),
  });
  api.route({
    method: 'GET',
    url: '/api/docs',
    config,
    schema,
    async handler(_request, reply) {
      void reply.header('content-security-policy', PAGE_POLICY).type('text/html; charset=utf-8');
      return reply.send(apiPage(api.swagger() as unknown as OpenApiDocument));
    },
  });
}
