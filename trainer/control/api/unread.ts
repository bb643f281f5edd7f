import type { FastifyRequest } from 'fastify';
import * as z from 'zod';
import { MinutehandError } from '../../../shared/errors.ts';
import { checkQuery } from '../../../shared/http/known_query.ts';

/**
 * What a route does not read would be ignored, and its sender would believe that it acts: parameters of the address
 * that its schema does not have, and a body where it has none. Schemas of bodies refuse fields by themselves.
 * @throws MinutehandError QUERY_UNKNOWN; REQUEST_INVALID
 */
export function refuseUnread({ query, body, routeOptions: { url, schema } }: FastifyRequest): void {
  if (url?.startsWith('/api/') !== true) return;
  const { querystring, body: bodySchema } = (schema ?? {}) as {
    readonly querystring?: z.ZodType;
    readonly body?: z.ZodType;
  };
  if (querystring === undefined || querystring instanceof z.ZodObject) {
    const names = Object.keys(querystring?.shape ?? {});
    const known = Object.fromEntries(names.map((name) => [name, null]));
    checkQuery(Object.entries(query as Record<string, string>), known);
  }
  if (bodySchema === undefined && typeof body === 'object' && body !== null && Object.keys(body).length > 0)
    throw new MinutehandError('REQUEST_INVALID', {
      seen: `a body with ${Object.keys(body).slice(0, 3).join(', ').slice(0, 80)}`,
      expected: 'no body: this route reads none',
    });
}
