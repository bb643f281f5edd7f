import { createServer, ServerResponse, type IncomingMessage, type Server as HttpServer } from 'node:http';
import type { AddressInfo, Socket } from 'node:net';
import type { Duplex } from 'node:stream';
import { WebSocket, WebSocketServer, type ServerOptions as WebSocketServerOptions } from 'ws';
import {
  CLOSE_GRACE_MS,
  createAudience,
  IDLE_S,
  maxMessageBytes,
  TOO_LONG_CODE,
  tooLongReason,
  type Audience,
  type Wire,
} from './audience.ts';
import { encodeFrames } from './frames.ts';
import { createBodies, type Bodies } from './intake.ts';
import { listeningError } from '../../shared/http/listening_error.ts';
import { createRouter, isRefusal, isWebSocketUpgrade, type Router } from './router.ts';
import type { HttpResponse, RequestHead, Route } from './http_route.ts';
import type { Server, ServerOptions } from './server.ts';
import type { Message, WebSocketRoute } from './websocket_route.ts';
import { limitConnections, type ConnectionLimiter } from '../../shared/http/connection_limits.ts';
import {
  accessRequestOf,
  answerClientError,
  hostMissing,
  missesHost,
  REQUIRE_HOST_HEADER,
} from '../../shared/http/node_server.ts';

const EMPTY = Buffer.alloc(0);
/** As uWebSockets.js does it, which has no setting for this. */
const KEEP_ALIVE_MS = 10_000;
const REQUEST_MS = 30_000;

/**
 * The engine that works wherever Node works: node:http and ws.
 * @param note see `Server.engineNote`
 * @throws MinutehandError PORT_TAKEN, ADDRESS_UNUSABLE, FILES_EXHAUSTED
 */
export async function openNodeHttp(options: ServerOptions, note: string | null = null): Promise<Server> {
  const server = new NodeHttpServer(options, note);
  await server.listen();
  return server;
}

class NodeHttpServer implements Server {
  readonly engine = 'ws';
  readonly engineNote: string | null;
  port = 0;
  readonly #options: ServerOptions;
  readonly #audience: Audience;
  readonly #router: Router;
  readonly #requests: NodeRequests;
  readonly #sockets = new WebSockets();
  readonly #upgraders: ReadonlyMap<WebSocketRoute, WebSocketServer>;
  readonly #limiter: ConnectionLimiter;
  readonly #server = createServer({
    keepAliveTimeout: KEEP_ALIVE_MS,
    requestTimeout: REQUEST_MS,
    requireHostHeader: REQUIRE_HOST_HEADER,
  });
  #closing: Promise<void> | null = null;

  constructor(options: ServerOptions, engineNote: string | null) {
    this.engineNote = engineNote;
    this.#options = options;
    this.#audience = createAudience(options);
    this.#router = createRouter(options, (route, address) => this.#audience.sizeOf(route, address));
    this.#requests = new NodeRequests(this.#router, options.maxBodyBytes, () => this.#closing !== null);
    this.#upgraders = new Map(
      options.webSockets.map((route) => [route, createUpgrader(maxMessageBytes(route, options))]),
    );
    this.#limiter = limitConnections(this.#server, options.connectionLimits);
    this.#server.on('request', (request, response) => this.#requests.serve(request, response));
    this.#server.on('clientError', (error, socket) =>
      answerClientError(error, socket, this.#requests.newestResponse(socket)),
    );
    this.#server.on('upgrade', (request: IncomingMessage, socket: Duplex, rest: Buffer) =>
      this.#upgrade(request, socket, rest),
    );
  }

  get connections(): number {
    return this.#audience.size;
  }

  async listen(): Promise<void> {
    const { host, port, onError } = this.#options;
    await new Promise<void>((resolve, reject) => {
      this.#server.once('error', (error) => {
        this.#sockets.stop();
        reject(listeningError(error, host, port));
      });
      this.#server.listen(port, host, resolve);
    });
    this.#server.on('error', onError);
    this.port = (this.#server.address() as AddressInfo).port;
  }

  publish(topic: string, text: string): void {
    this.#audience.publishAll([{ topic, text }]);
  }

  publishAll(messages: readonly Message[], everything?: string): void {
    this.#audience.publishAll(messages, everything);
  }

  close(): Promise<void> {
    return (this.#closing ??= this.#shut());
  }

  #upgrade(request: IncomingMessage, socket: Duplex, rest: Buffer): void {
    const head = headOf(request);
    if (!isWebSocketUpgrade(head)) return serveWithoutUpgrade(this.#server, request, socket, rest);
    const found = missesHost(request) ? this.#router.refuse(hostMissing()) : this.#router.upgrade(head);
    if (isRefusal(found)) return this.#requests.refuseUpgrade(request, socket, found);
    // The limits of its route apply.
    this.#limiter.release(socket as Socket);
    this.#upgraders
      .get(found)!
      .handleUpgrade(request, socket, rest, (webSocket) => this.#welcome(webSocket, socket, found, head));
  }

  #welcome(webSocket: WebSocket, socket: Duplex, route: WebSocketRoute, head: RequestHead): void {
    nameLength(webSocket, maxMessageBytes(route, this.#options));
    this.#sockets.add(webSocket, socket);
    const client = this.#audience.admit(route, head.query, head.remoteAddress, this.#sockets.wireOf(webSocket, socket));
    // Only with the default binaryType 'nodebuffer' is the data one Buffer.
    webSocket.on('message', (data) => client.receive((data as Buffer).toString()));
    webSocket.on('close', () => {
      this.#sockets.delete(webSocket);
      client.retire();
    });
    // A client that breaks the protocol is closed by ws itself; 'close' follows.
    webSocket.on('error', () => {});
  }

  async #shut(): Promise<void> {
    this.#router.stop();
    this.#sockets.stop();
    const gone = new Promise<void>((resolve) => this.#server.close(() => resolve()));
    this.#audience.closeAll(1001, 'Shutting down');
    const deadline = setTimeout(() => {
      this.#server.closeAllConnections();
      this.#sockets.terminate();
    }, CLOSE_GRACE_MS);
    await gone;
    clearTimeout(deadline);
  }
}

/** Requests and their responses. */
class NodeRequests {
  readonly #router: Router;
  readonly #bodies: Bodies;
  readonly #isClosing: () => boolean;
  /** The newest response of each connection. */
  readonly #begun = new WeakMap<Duplex, ServerResponse>();

  constructor(router: Router, maxBodyBytes: number, isClosing: () => boolean) {
    this.#router = router;
    this.#bodies = createBodies(maxBodyBytes);
    this.#isClosing = isClosing;
  }

  newestResponse(socket: Duplex): ServerResponse | undefined {
    return this.#begun.get(socket);
  }

  serve(request: IncomingMessage, response: ServerResponse): void {
    this.#begun.set(request.socket, response);
    const head = headOf(request);
    const found = this.#router.route(head);
    if (missesHost(request)) {
      this.#respond(response, this.#router.refuse(hostMissing()), true);
    } else if (isRefusal(found)) {
      this.#respond(response, found);
    } else if (found.method === 'GET') {
      this.#settle(response, found, head, EMPTY);
    } else {
      this.#collect(request, response, found, head);
    }
  }

  refuseUpgrade(request: IncomingMessage, socket: Duplex, refusal: HttpResponse): void {
    socket.on('error', () => socket.destroy());
    const response = new ServerResponse(request);
    response.assignSocket(socket as Socket);
    response.on('finish', () => socket.end());
    this.#respond(response, refusal, true);
  }

  #collect(request: IncomingMessage, response: ServerResponse, route: Route, head: RequestHead): void {
    const intake = this.#bodies.open(Number.parseInt(head.header('content-length'), 10), (verdict) => {
      if (verdict.body) return this.#settle(response, route, head, verdict.body);
      this.#respond(response, this.#router.refuse(verdict.error), !verdict.drained);
    });
    request.on('data', (chunk: Buffer) => intake.take(chunk));
    request.on('end', () => intake.end());
    request.on('close', () => intake.abort());
    request.on('error', () => intake.abort());
  }

  #settle(response: ServerResponse, route: Route, head: RequestHead, body: Buffer): void {
    const answer = this.#router.answer(route, { ...head, body });
    if (answer instanceof Promise) void answer.then((late) => this.#respond(response, late));
    else this.#respond(response, answer);
  }

  #respond(response: ServerResponse, answer: HttpResponse, lastOfConnection = false): void {
    if (response.destroyed) return;
    if (lastOfConnection || this.#isClosing()) response.shouldKeepAlive = false;
    response.writeHead(answer.status, {
      'content-type': answer.contentType,
      'content-length': Buffer.byteLength(answer.body),
      ...answer.headers,
    });
    response.end(answer.body);
  }
}

/** Open WebSockets: their wires, and the pings that detect dead ones. */
class WebSockets {
  readonly #open = new Set<WebSocket>();
  readonly #received = new WeakSet<WebSocket>();
  readonly #heartbeat = setInterval(() => this.#ping(), (IDLE_S / 2) * 1000).unref();
  #framedTexts: readonly Buffer[] = [];
  #frames: Buffer = EMPTY;

  add(webSocket: WebSocket, socket: Duplex): void {
    this.#open.add(webSocket);
    this.#received.add(webSocket);
    socket.on('data', () => this.#received.add(webSocket));
  }

  delete(webSocket: WebSocket): void {
    this.#open.delete(webSocket);
  }

  wireOf(webSocket: WebSocket, socket: Duplex): Wire {
    return {
      write: (texts) => {
        // ws itself drops messages sent after either side has started to close.
        if (webSocket.readyState === WebSocket.OPEN) socket.write(this.#framesOf(texts));
      },
      bufferedBytes: () => webSocket.bufferedAmount,
      finish: (code, reason) => webSocket.close(code, reason),
    };
  }

  /** Ends the pings. */
  stop(): void {
    clearInterval(this.#heartbeat);
  }

  terminate(): void {
    for (const webSocket of this.#open) webSocket.terminate();
  }

  #ping(): void {
    for (const webSocket of this.#open) {
      if (this.#received.delete(webSocket)) webSocket.ping();
      else webSocket.terminate();
    }
  }

  /** Clients that get the same messages are given the same array: its frames are kept for the next. */
  #framesOf(texts: readonly Buffer[]): Buffer {
    if (texts !== this.#framedTexts) {
      this.#framedTexts = texts;
      this.#frames = encodeFrames(texts);
    }
    return this.#frames;
  }
}

function createUpgrader(maxPayload: number): WebSocketServer {
  const options: WebSocketServerOptions & { closeTimeout: number } = {
    noServer: true,
    clientTracking: false,
    perMessageDeflate: false,
    maxPayload,
    closeTimeout: CLOSE_GRACE_MS,
  };
  return new WebSocketServer(options);
}

/** ws itself closes the connection of a message that is too long, with the code and without a reason. */
function nameLength(webSocket: WebSocket, maxBytes: number): void {
  const close = webSocket.close.bind(webSocket);
  webSocket.close = (code, reason) =>
    close(code, reason ?? (code === TOO_LONG_CODE ? tooLongReason(maxBytes) : undefined));
}

function headOf(request: IncomingMessage): RequestHead {
  const { method, path, header, remoteAddress } = accessRequestOf(request);
  const url = request.url ?? '/';
  const mark = url.indexOf('?');
  const query = new URLSearchParams(mark < 0 ? '' : url.slice(mark + 1));
  return { method, path, query, header, remoteAddress };
}

/**
 * Node passes every request with an Upgrade header on as a bare socket, once there is an upgrade listener. A server may
 * ignore the offer (RFC 9110, 7.8): the request is put back without it and read as any other.
 */
function serveWithoutUpgrade(server: HttpServer, request: IncomingMessage, socket: Duplex, rest: Buffer): void {
  const lines = [`${request.method} ${request.url} HTTP/${request.httpVersion}`];
  for (let i = 0; i < request.rawHeaders.length; i += 2) {
    const name = request.rawHeaders[i]!;
    if (!/^(upgrade|connection|http2-settings)$/i.test(name)) lines.push(`${name}: ${request.rawHeaders[i + 1]!}`);
  }
  socket.unshift(Buffer.concat([Buffer.from(`${lines.join('\r\n')}\r\n\r\n`, 'latin1'), rest]));
  server.emit('connection', socket);
}
