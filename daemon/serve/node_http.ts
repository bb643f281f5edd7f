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
  type Wire,
} from './audience.ts';
import { createBodies } from './intake.ts';
import { listeningError } from './listening.ts';
import { createRouter, isRefusal, isWebSocketUpgrade } from './router.ts';
import type { HttpResponse, RequestHead, Route } from './http_route.ts';
import type { Server, ServerOptions } from './server.ts';
import type { WebSocketRoute } from './websocket_route.ts';
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

/** The engine that works wherever Node works: node:http and ws. @throws MinutehandError PORT_TAKEN, ADDRESS_UNUSABLE */
export async function openNodeHttp(options: ServerOptions): Promise<Server> {
  const audience = createAudience(options);
  const router = createRouter(options, audience.sizeOf);
  const bodies = createBodies(options.maxBodyBytes);
  const sockets = new Set<WebSocket>();
  const heard = new WeakSet<WebSocket>();
  const upgraders = new Map(
    options.webSockets.map((route) => [route, createUpgrader(maxMessageBytes(route, options))]),
  );
  const server = createServer({
    keepAliveTimeout: KEEP_ALIVE_MS,
    requestTimeout: REQUEST_MS,
    requireHostHeader: REQUIRE_HOST_HEADER,
  });
  /** The newest response of each connection. */
  const begun = new WeakMap<Duplex, ServerResponse>();
  let closing: Promise<void> | null = null;

  server.on('request', (request, response) => {
    begun.set(request.socket, response);
    const head = headOf(request);
    const found = router.route(head);
    if (missesHost(request)) {
      respond(response, router.refuse(hostMissing()), true);
    } else if (isRefusal(found)) {
      respond(response, found);
    } else if (head.method === 'GET') {
      settle(response, found, head, EMPTY);
    } else {
      collect(request, response, found, head);
    }
  });

  function collect(request: IncomingMessage, response: ServerResponse, route: Route, head: RequestHead): void {
    const intake = bodies.open(Number.parseInt(head.header('content-length'), 10), (verdict) => {
      if (verdict.body) return settle(response, route, head, verdict.body);
      respond(response, router.refuse(verdict.error), !verdict.drained);
    });
    request.on('data', intake.take);
    request.on('end', intake.end);
    request.on('close', intake.abort);
    request.on('error', intake.abort);
  }

  function settle(response: ServerResponse, route: Route, head: RequestHead, body: Buffer): void {
    const answer = router.answer(route, { ...head, body });
    if (answer instanceof Promise) void answer.then((late) => respond(response, late));
    else respond(response, answer);
  }

  function respond(response: ServerResponse, answer: HttpResponse, lastOfConnection = false): void {
    if (response.destroyed) return;
    if (lastOfConnection || closing) response.shouldKeepAlive = false;
    response.writeHead(answer.status, {
      'content-type': answer.contentType,
      'content-length': Buffer.byteLength(answer.body),
      ...answer.headers,
    });
    response.end(answer.body);
  }

  server.on('clientError', (error, socket) => answerClientError(error, socket, begun.get(socket)));

  server.on('upgrade', (request: IncomingMessage, socket: Duplex, rest: Buffer) => {
    const head = headOf(request);
    if (!isWebSocketUpgrade(head)) return serveWithoutUpgrade(server, request, socket, rest);
    const found = missesHost(request) ? router.refuse(hostMissing()) : router.upgrade(head);
    if (isRefusal(found)) {
      socket.on('error', () => socket.destroy());
      const response = new ServerResponse(request);
      response.assignSocket(socket as Socket);
      response.on('finish', () => socket.end());
      respond(response, found, true);
      return;
    }
    const upgrader = upgraders.get(found)!;
    upgrader.handleUpgrade(request, socket, rest, (webSocket) => welcome(webSocket, socket, found, head));
  });

  function welcome(webSocket: WebSocket, socket: Duplex, route: WebSocketRoute, head: RequestHead): void {
    const wire: Wire = {
      write(texts) {
        // ws itself drops what is sent after either side has said goodbye.
        if (webSocket.readyState === WebSocket.OPEN) socket.write(framesOf(texts));
      },
      bufferedBytes: () => webSocket.bufferedAmount,
      finish: (code, reason) => webSocket.close(code, reason),
    };
    nameLength(webSocket, maxMessageBytes(route, options));
    sockets.add(webSocket);
    heard.add(webSocket);
    const client = audience.admit(route, head.query, head.remoteAddress, wire);
    // Only with the default binaryType 'nodebuffer' is the data one Buffer.
    webSocket.on('message', (data) => client.receive((data as Buffer).toString()));
    socket.on('data', () => heard.add(webSocket));
    webSocket.on('close', () => {
      sockets.delete(webSocket);
      client.retire();
    });
    // A client that breaks the protocol is closed by ws itself; 'close' follows.
    webSocket.on('error', () => {});
  }

  let framedTexts: readonly Buffer[] = [];
  let frames: Buffer = EMPTY;
  function framesOf(texts: readonly Buffer[]): Buffer {
    if (texts !== framedTexts) {
      framedTexts = texts;
      frames = encodeFrames(texts);
    }
    return frames;
  }

  const heartbeat = setInterval(
    () => {
      for (const webSocket of sockets) {
        if (heard.delete(webSocket)) webSocket.ping();
        else webSocket.terminate();
      }
    },
    (IDLE_S / 2) * 1000,
  );
  heartbeat.unref();

  async function shut(): Promise<void> {
    router.stop();
    clearInterval(heartbeat);
    const gone = new Promise<void>((resolve) => server.close(() => resolve()));
    audience.closeAll(1001, 'Shutting down');
    const deadline = setTimeout(() => {
      server.closeAllConnections();
      for (const webSocket of sockets) webSocket.terminate();
    }, CLOSE_GRACE_MS);
    await gone;
    clearTimeout(deadline);
  }

  await new Promise<void>((resolve, reject) => {
    server.once('error', (error) => {
      clearInterval(heartbeat);
      reject(listeningError(error, options.host, options.port));
    });
    server.listen(options.port, options.host, resolve);
  });
  server.on('error', options.onError);

  return {
    engine: 'ws',
    port: (server.address() as AddressInfo).port,
    get connections() {
      return audience.size;
    },
    publish: (topic, text) => audience.publishAll([{ topic, text }]),
    publishAll: audience.publishAll,
    close: () => (closing ??= shut()),
  };
}

/**
 * Text frames of a server (RFC 6455, 5.2: FIN, opcode 1, no mask), one after the other. They are the same for every client,
 * so they are made once and not by ws for each: ten messages to 1,000 clients then take a third of the time.
 */
function encodeFrames(texts: readonly Buffer[]): Buffer {
  const frames = Buffer.allocUnsafe(texts.reduce((bytes, text) => bytes + headerBytes(text.length) + text.length, 0));
  let at = 0;
  for (const text of texts) {
    const header = headerBytes(text.length);
    frames[at] = 0x81;
    frames[at + 1] = header === 2 ? text.length : header === 4 ? 126 : 127;
    if (header === 4) frames.writeUInt16BE(text.length, at + 2);
    if (header === 10) frames.writeBigUInt64BE(BigInt(text.length), at + 2);
    text.copy(frames, at + header);
    at += header + text.length;
  }
  return frames;
}

function headerBytes(length: number): 2 | 4 | 10 {
  return length < 126 ? 2 : length < 65_536 ? 4 : 10;
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
 * Node hands every request with an Upgrade header over as a bare socket, once somebody listens for upgrades. A server
 * may ignore the offer (RFC 9110, 7.8): the request is put back without it and read as any other.
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
