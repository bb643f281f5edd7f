import type { IncomingMessage, ServerResponse } from 'node:http';
import fastify, { type FastifyInstance, type FastifyReply } from 'fastify';
import { describeError, MinutehandError } from '../../../shared/errors.ts';
import { checkRequestValues, statedLimits } from './request_values.ts';
import { limitConnections } from '../../../shared/http/connection_limits.ts';
import { answerClientError, REQUIRE_HOST_HEADER } from '../../../shared/http/node_server.ts';

/** Time limits for clients, in ms. */
export interface HttpLimits {
  /** Maximum time for the head of a request. */
  readonly headersMs: number;
  /** Maximum time for the body of a request; for a file, between two parts of it. */
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
    // The body has its own limit: a file takes as long as its line does.
    requestTimeout: 0,
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
  // A client that expects to be asked for its body is asked when the request is admitted, or answered without it.
  server.server.on('checkContinue', (request: IncomingMessage, response: ServerResponse) => {
    response.shouldKeepAlive = false;
    server.server.emit('request', request, response);
  });
  server.addHook('preParsing', async ({ routeOptions }, reply) => {
    if (routeOptions.config.maxFileBytes === undefined) continueRequest(reply);
  });
  server.server.on('request', (request, response) => limitBody(request, response, requestMs));
  limitConnections(server.server);
  return server;
}

/** Asks for the body where the client waits for that. */
export function continueRequest({ request, raw }: FastifyReply): void {
  if (request.headers.expect !== undefined) raw.writeContinue();
}

/** Until the body of a request has to have arrived. */
const deadlines = new WeakMap<IncomingMessage, NodeJS.Timeout>();

/** A request whose body does not arrive in time is answered with REQUEST_TIMEOUT, and its connection closed. */
function limitBody(request: IncomingMessage, response: ServerResponse, limitMs: number): void {
  const { 'content-length': length = '0', 'transfer-encoding': coding } = request.headers;
  if (length === '0' && coding === undefined) return;
  const deadline = setTimeout(() => {
    if (request.complete) return;
    const late = new Error(`the body did not arrive within ${limitMs} ms`);
    answerClientError(Object.assign(late, { code: 'ERR_HTTP_REQUEST_TIMEOUT' }), request.socket, response);
    // A client that is silent does not close its end, either.
    request.socket.destroySoon();
  }, limitMs);
  const end = (): void => clearTimeout(deadline);
  deadlines.set(request, deadline.unref());
  request.once('end', end).once('close', end);
}

/** A part of a file has arrived: the limit is for the next one. */
export function keepReceiving(request: IncomingMessage): void {
  deadlines.get(request)?.refresh();
}

/** Aborted, with REQUEST_ABANDONED, when the client closes the connection before its answer is complete. */
export function clientLeft(response: ServerResponse): AbortSignal {
  const left = new AbortController();
  const check = (): void => {
    if (!response.writableFinished) left.abort(new MinutehandError('REQUEST_ABANDONED'));
  };
  if (response.closed) check();
  else response.once('close', check);
  return left.signal;
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
