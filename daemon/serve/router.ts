import { validateHeaderName, validateHeaderValue } from 'node:http';
import { describeError, MinutehandError } from '../../shared/errors.ts';
import { checkQuery, type KnownQuery } from '../../shared/http/known_query.ts';
import type { Audience } from './audience.ts';
import type { HttpRequest, HttpResponse, RequestHead, Route } from './http_route.ts';
import { webSocketLimits, type WebSocketLimits } from './limits.ts';
import type { ServerOptions } from './server.ts';
import type { WebSocketRoute } from './websocket_route.ts';

export interface Router {
  /** The handler of a request that is no WebSocket, or the refusal that needs no body. */
  route(head: RequestHead): Route | HttpResponse;
  /** The handler of a WebSocket, or the refusal of the upgrade. */
  upgrade(head: RequestHead): WebSocketRoute | HttpResponse;
  /** Runs the handler. Never throws and never rejects; stays synchronous when the handler is. */
  answer(route: Route, request: HttpRequest): HttpResponse | Promise<HttpResponse>;
  /** The answer to an error: of a handler, or of the server itself. */
  refuse(error: unknown): HttpResponse;
  /** From now on everything is refused with STOPPING. */
  stop(): void;
}

/** Returns whether it is one of the refusals above and not a route. */
export function isRefusal(found: Route | WebSocketRoute | HttpResponse): found is HttpResponse {
  return 'status' in found;
}

/**
 * Both engines decide here, so that they cannot differ in what they answer.
 * @param sizeOf how many WebSockets of a route are open, of all addresses or of one
 */
export function createRouter(options: ServerOptions, sizeOf: Audience['sizeOf']): Router {
  return new RouteTable(options, sizeOf);
}

class RouteTable implements Router {
  readonly #options: ServerOptions;
  readonly #sizeOf: Audience['sizeOf'];
  readonly #limits: WebSocketLimits;
  /** By path, then by method. */
  readonly #routes = new Map<string, Map<string, Route>>();
  readonly #webSockets: ReadonlyMap<string, WebSocketRoute>;
  #isStopping = false;

  constructor(options: ServerOptions, sizeOf: Audience['sizeOf']) {
    this.#options = options;
    this.#limits = options.webSocketLimits ?? webSocketLimits();
    this.#sizeOf = sizeOf;
    for (const route of options.routes) {
      const methods = this.#routes.get(route.path) ?? new Map<string, Route>();
      this.#routes.set(route.path, methods.set(route.method, route));
    }
    this.#webSockets = new Map(options.webSockets.map((route) => [route.path, route]));
  }

  route(head: RequestHead): Route | HttpResponse {
    if (isWebSocketUpgrade(head)) {
      const found = this.upgrade(head);
      return isRefusal(found) ? found : this.#refuseWithoutWebSocket();
    }
    const refusal = this.#refuseAtTheDoor(head);
    if (refusal) return refusal;
    const methods = this.#routes.get(head.path);
    // HEAD is GET without the body, which the engines leave out.
    const found = methods?.get(head.method === 'HEAD' ? 'GET' : head.method);
    if (found) return this.#refuseQuery(head, found.query) ?? found;
    if (methods) {
      const allow = [...methods.keys()].flatMap((method) => (method === 'GET' ? ['GET', 'HEAD'] : [method])).join(', ');
      return this.#refuse(new MinutehandError('METHOD_NOT_ALLOWED', { seen: head.method, expected: allow }), { allow });
    }
    if (this.#webSockets.has(head.path)) return this.#refuseWithoutWebSocket();
    return this.refuse(new MinutehandError('NOT_FOUND', { seen: head.path }));
  }

  upgrade(head: RequestHead): WebSocketRoute | HttpResponse {
    const refusal = this.#refuseAtTheDoor(head);
    if (refusal) return refusal;
    const found = this.#webSockets.get(head.path);
    if (!found) return this.refuse(new MinutehandError('NOT_FOUND', { seen: head.path }));
    if (!isSoundUpgrade(head)) return this.#refuseWithoutWebSocket();
    return this.#refuseCrowd(found, head.remoteAddress) ?? this.#refuseQuery(head, found.query) ?? found;
  }

  #refuseCrowd(route: WebSocketRoute, address: string): HttpResponse | null {
    const { maxConnections = this.#limits.total, maxConnectionsPerAddress = this.#limits.perAddress } = route;
    const isCrowd = this.#sizeOf(route) >= maxConnections;
    if (!isCrowd && this.#sizeOf(route, address) < maxConnectionsPerAddress) return null;
    const expected = isCrowd ? `at most ${maxConnections}` : `at most ${maxConnectionsPerAddress} of one address`;
    return this.refuse(new MinutehandError('CONNECTIONS_TOO_MANY', { expected }));
  }

  answer(found: Route, request: HttpRequest): HttpResponse | Promise<HttpResponse> {
    try {
      const response = found.handle(request);
      if (!(response instanceof Promise)) return checkedResponse(response);
      return response.then(checkedResponse).catch((error: unknown) => this.refuse(error));
    } catch (error) {
      return this.refuse(error);
    }
  }

  refuse(error: unknown): HttpResponse {
    return this.#refuse(error, {});
  }

  stop(): void {
    this.#isStopping = true;
  }

  #refuse(error: unknown, headers: Readonly<Record<string, string>>): HttpResponse {
    if (!(error instanceof MinutehandError)) this.#options.onError(error);
    return {
      status: error instanceof MinutehandError ? error.status : 500,
      contentType: 'application/json',
      body: JSON.stringify({ error: describeError(error) }),
      headers,
    };
  }

  /** A refusal that comes before any route is looked up, so that strangers learn nothing about routes. */
  #refuseAtTheDoor(head: RequestHead): HttpResponse | null {
    if (this.#isStopping) return this.refuse(new MinutehandError('STOPPING'));
    try {
      const error = this.#options.authorize?.(head) ?? null;
      return error === null ? null : this.refuse(error);
    } catch (error) {
      return this.refuse(error);
    }
  }

  #refuseQuery({ query }: RequestHead, known: KnownQuery | undefined): HttpResponse | null {
    if (known === undefined || query.size === 0) return null;
    try {
      checkQuery(query, known);
      return null;
    } catch (error) {
      return this.refuse(error);
    }
  }

  #refuseWithoutWebSocket(): HttpResponse {
    return this.#refuse(new MinutehandError('UPGRADE_REQUIRED'), {
      upgrade: 'websocket',
      'sec-websocket-version': '13',
    });
  }
}

function isSoundUpgrade(head: RequestHead): boolean {
  return (
    head.method === 'GET' &&
    isWebSocketUpgrade(head) &&
    /\bupgrade\b/i.test(head.header('connection')) &&
    head.header('sec-websocket-version') === '13' &&
    /^[+/0-9A-Za-z]{22}==$/.test(head.header('sec-websocket-key'))
  );
}

/** Other upgrades (Java's HTTP client offers h2c with every request) are offers to ignore, not to refuse. */
export function isWebSocketUpgrade(head: RequestHead): boolean {
  return head.header('upgrade').toLowerCase() === 'websocket';
}

/** A defect of a handler becomes a 500 here: uWebSockets.js would put a line break in a header on the wire as it is. */
function checkedResponse(response: HttpResponse): HttpResponse {
  validateHeaderValue('content-type', response.contentType);
  for (const [name, value] of Object.entries(response.headers ?? {})) {
    validateHeaderName(name);
    validateHeaderValue(name, value);
  }
  if (!Number.isInteger(response.status) || response.status < 200 || response.status > 599) {
    throw new RangeError(`a handler answered with status ${response.status}`);
  }
  return response;
}
