import type { FastifyReply } from 'fastify';
import { packageRoot } from '../../../../shared/root.ts';
import type { Api } from '../context.ts';
import { openDocs, type DocsAnswer } from '../doc_site/site.ts';

const NOT_BUILT =
  '<!doctype html><title>minutehand</title><p>The documentation is not built: run <code>npm run docs</code>.</p>';

/** `GET /docs`: the documentation of this version. It contains no data. @param root of the package */
export function addDocsRoutes(api: Api, root = packageRoot()): void {
  const config = { role: 'public' } as const;
  const schema = { hide: true };
  const send = (reply: FastifyReply, { type, policy, body }: DocsAnswer) =>
    reply.header('content-security-policy', policy).header('cache-control', 'no-cache').type(type).send(body);
  for (const url of ['/docs', '/docs/*'])
    api.route({
      method: 'GET',
      url,
      config,
      schema,
      async handler(request, reply) {
        const site = openDocs(root);
        if (site === null) return reply.code(404).type('text/html').send(NOT_BUILT);
        const address = (request.params as { readonly '*'?: string })['*'] ?? '';
        const answer = address === '' ? site.index() : site.page(address);
        return answer === null ? reply.callNotFound() : send(reply, answer);
      },
    });
}
