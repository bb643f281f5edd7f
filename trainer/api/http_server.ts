import fastify, { type FastifyInstance, type FastifyReply } from 'fastify';
import { describeError, MinutehandError } from '../../shared/errors.ts';
import { checkRequestValues } from './request_values.ts';
import { answerClientError, REQUIRE_HOST_HEADER } from '../../shared/http/node_server.ts';

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
const MAX_CONNECTIONS = 1000;

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
    // Refused by fastify before routing: a path that is not a URL.
    frameworkErrors: (error, _request, reply) => {
      const refusal = new MinutehandError('REQUEST_INVALID', { seen: error.message.slice(0, 100) });
      // The reply is typed for a route, and here there is none.
      void (reply as FastifyReply).status(refusal.status).send({ error: describeError(refusal) });
    },
    clientErrorHandler: (error, socket) => answerClientError(error, socket),
  });
  server.addHook('preValidation', async ({ body, query, params }) => {
    checkRequestValues(params, 'path');
    checkRequestValues(query, 'query');
    checkRequestValues(body, 'body');
  });
  server.server.maxConnections = MAX_CONNECTIONS;
  return server;
}
