import fastify, { type FastifyInstance, type FastifyReply } from 'fastify';
import { describeError, MinutehandError } from '../../shared/errors.ts';
import { answerClientError, REQUIRE_HOST_HEADER } from '../../shared/http/node_server.ts';

/** How long a client may take, in ms. */
export interface HttpLimits {
  /** For the head of a request. */
  readonly headersMs: number;
  /** For the whole request. */
  readonly requestMs: number;
  /** How often slow clients are looked for. */
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
    // What fastify refuses before any route: a path that is not a URL.
    frameworkErrors: (error, _request, reply) => {
      const refusal = new MinutehandError('REQUEST_INVALID', { seen: error.message.slice(0, 100) });
      // Typed for any route; this is none.
      void (reply as FastifyReply).status(refusal.status).send({ error: describeError(refusal) });
    },
    clientErrorHandler: (error, socket) => answerClientError(error, socket),
  });
  server.server.maxConnections = MAX_CONNECTIONS;
  return server;
}
