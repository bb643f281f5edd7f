import { existsSync } from 'node:fs';
import { join } from 'node:path';
import fastifyStatic from '@fastify/static';
import { packageRoot } from '../../../../shared/root.ts';
import type { Api } from '../context.ts';

const INDEX = 'index.html';
const NOT_BUILT =
  '<!doctype html><title>minutehand</title><p>The dashboard is not built: run <code>npm run build</code>.</p>';

/**
 * The files of `dashboard/dist`, which contain no data. Any path without a file extension is a page of the dashboard.
 */
export async function addDashboard(api: Api, root = join(packageRoot(), 'dashboard', 'dist')): Promise<void> {
  const isBuilt = existsSync(join(root, INDEX));
  const config = { role: 'public' } as const;
  const schema = { hide: true };
  if (isBuilt) {
    await api.register(fastifyStatic, {
      root,
      serve: false,
      cacheControl: false,
      dotfiles: 'ignore',
    });
  }
  api.route({
    method: 'GET',
    url: '/assets/*',
    config,
    schema,
    async handler(request, reply) {
      if (!isBuilt) return reply.callNotFound();
      // File names contain hashes of their content.
      void reply.header('cache-control', 'public, max-age=31536000, immutable');
      return reply.sendFile(`assets/${(request.params as { '*': string })['*']}`);
    },
  });
  for (const url of ['/', '/favicon.svg', ...PAGES.map((page) => `/${page}`), ...PAGES.map((page) => `/${page}/*`)])
    api.route({
      method: 'GET',
      url,
      config,
      schema,
      async handler(request, reply) {
        if (!isBuilt) return reply.type('text/html').send(NOT_BUILT);
        void reply.header('cache-control', 'no-cache');
        return reply.sendFile(request.routeOptions.url === '/favicon.svg' ? 'favicon.svg' : INDEX);
      },
    });
}

/** First path segments of the dashboard. `/runs`, `/models` and `/monitor` are endpoints of the trainer. */
const PAGES: readonly string[] = ['app'];
