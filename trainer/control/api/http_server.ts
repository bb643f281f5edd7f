import fastify, { type FastifyInstance, type FastifyReply } from 'fastify';
import { describeError, MinutehandError } from '../../../shared/errors.ts';
import { checkRequestValues, statedLimits } from './request_values.ts';
import { limitConnections } from '../../../shared/http/connection_limits.ts';
import { answerClientError, REQUIRE_HOST_HEADER } from '../../../shared/http/node_server.ts';

/** Time limits for clients, in ms. */
export interface HttpLimits {
  /** Maximum time for the head of a request. */
  readonly headersMs: number;
  /** Maximum time for the whole request. */
  readonly requestMs: number;
  /** Interval of the check for slow clients. */
  readonly checkMs: number;
}

export const HTTP_LIMITS: HttpLimits = { headersMs: 10_000, requestMs: 30_000, checkMs: 2000 };

/** The trainer's HTTP server, without routes. */
export function createHttpServer({ headersMs, requestMs, checkMs }: HttpLimits = HTTP_LIMITS): FastifyInstance {
  const server = fastify({
    logger: false,
    forceCloseConnections: true,
    requestTimeout: requestMs,
    http: {
      requireHostHeader: REQUIRE_HOST_HEADER,
      headersTimeout: headersMs,
      connectionsCheckingInterval: checkMs,
    },
    rewriteUrl: ({ url = '/' }) => pageAddress(url),
    // Refused by fastify before routing: a path that is not a URL.
    frameworkErrors: (error, _request, reply) => {
      const refusal = new MinutehandError('REQUEST_INVALID', { seen: error.message.slice(0, 100) });
      // The reply is typed for a route, and here there is none.
      void (reply as FastifyReply).status(refusal.status).send({ error: describeError(refusal) });
    },
    clientErrorHandler: (error, socket) => answerClientError(error, socket),
  });
  server.addHook('preValidation', async (request) => {
    // Sending nothing is sending no fields: schemas decide whether any is required.
    if (request.body === undefined && request.routeOptions.schema?.body !== undefined) request.body = {};
    const { body, query, params } = request;
    checkRequestValues(params, 'path');
    checkRequestValues(query, 'query');
    checkRequestValues(body, 'body', statedLimits(request.routeOptions.schema?.body, 'body'));
  });
  limitConnections(server.server);
  return server;
}

const PAGE_PATH = '/app/';

/**
 * The address of a page of the dashboard that is not encoded properly becomes that of the dashboard, whose page then
 * says what it does not know: a person reads it. Programs are refused.
 */
function pageAddress(url: string): string {
  if (!url.startsWith(PAGE_PATH)) return url;
  const [path = ''] = url.split('?');
  try {
    decodeURIComponent(path);
    return url;
  } catch {
    return PAGE_PATH;
  }
}

/** Parses JSON alone, since forms of other sites cannot send it. An empty body of any content type is none. */
export function acceptJsonOnly(server: FastifyInstance, bodyLimit: number): void {
  const parseJson = server.getDefaultJsonParser('error', 'error');
  server.removeAllContentTypeParsers();
  server.addContentTypeParser<string>('application/json', { parseAs: 'string', bodyLimit }, (request, body, done) => {
    if (body === '') done(null, undefined);
    else void parseJson(request, body, done);
  });
  server.addContentTypeParser('*', ({ headers }, _stream, done) => {
    if (headers['content-length'] === '0') return done(null, undefined);
    const seen = `content-type: ${headers['content-type'] ?? 'none'}`.slice(0, 100);
    done(new MinutehandError('REQUEST_INVALID', { seen, expected: 'content-type: application/json' }));
  });
}
