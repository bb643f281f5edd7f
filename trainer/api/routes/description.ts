import type { Api } from '../context.ts';

/** `GET /api/openapi.json`. */
export function addDescriptionRoutes(api: Api): void {
  api.route({
    method: 'GET',
    url: '/api/openapi.json',
    config: { role: 'viewer' },
    schema: { hide: true },
    handler: async () => api.swagger(),
  });
}
