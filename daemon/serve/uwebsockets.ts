import { STATUS_CODES } from 'node:http';
import { createRequire } from 'node:module';
import { createServer, type AddressInfo } from 'node:net';
import { setTimeout as delay } from 'node:timers/promises';
import { CLOSE_GRACE_MS, createAudience, IDLE_S, maxMessageBytes, type Client, type Wire } from './audience.ts';
import { createBodies, type Intake } from './intake.ts';
import { listeningError } from './listening.ts';
import { createRouter, isRefusal, isWebSocketUpgrade } from './router.ts';
import type { HttpResponse, RequestHead, Route } from './http_route.ts';
import type { Server, ServerOptions } from './server.ts';
import type { WebSocketRoute } from './websocket_route.ts';
import { MinutehandError } from '../../shared/errors.ts';

const EMPTY = Buffer.alloc(0);
/**
 * Messages go out in pieces of this size. The 2023 build writes a wrong rest when the operating system takes only a
 * part of a message over 16 kB: the reader then sees garbage (measured: every size from 16.5 kB on; never in pieces).
 */
const FRAGMENT_BYTES = 8192;
/**
 * It cuts the connection of a message over its limit without a close frame. Messages up to this many times ours are read, so that
 * their senders get a code and a reason.
 */
const LENGTH_SLACK = 4;
const FREE_PORT_ATTEMPTS = 5;
/** Between the last byte to the clients and the hard end of all sockets, so that they can read it. */
const LAST_WORDS_MS = 20;

/** The part of uWebSockets.js that is used. The package is optional, so its own types may not be there. */
export interface Uwebsockets {
  App(): App;
  readonly LIBUS_LISTEN_EXCLUSIVE_PORT: number;
  /** The name in the official release, then the one in the build on the npm registry. */
  us_listen_socket_close?(socket: ListenSocket): void;
  closeSocket?(socket: ListenSocket): void;
}

type ListenSocket = { readonly __native: 'us_listen_socket' };
type UpgradeContext = { readonly __native: 'us_socket_context' };

interface App {
  any(pattern: string, handler: (response: NativeResponse, request: NativeRequest) => void): App;
  ws(pattern: string, behavior: Behavior): App;
  listen(host: string, port: number, options: number, done: (socket: ListenSocket | false) => void): App;
  /** Ends the listening socket and all connections at once. */
  close(): App;
}

interface Behavior {
  readonly maxPayloadLength: number;
  /** 0 = no limit. */
  readonly maxBackpressure: number;
  readonly idleTimeout: number;
  readonly sendPingsAutomatically: boolean;
  readonly compression: 0;
  upgrade(response: NativeResponse, request: NativeRequest, context: UpgradeContext): void;
  open(socket: NativeWebSocket): void;
  message(socket: NativeWebSocket, message: ArrayBuffer): void;
  drain(socket: NativeWebSocket): void;
  close(socket: NativeWebSocket): void;
}

interface NativeRequest {
  getCaseSensitiveMethod(): string;
  getUrl(): string;
  getQuery(): string | undefined;
  forEachHeader(each: (name: string, value: string) => void): void;
}

interface NativeResponse {
  onAborted(handler: () => void): void;
  onData(handler: (chunk: ArrayBuffer, isLast: boolean) => void): void;
  cork(write: () => void): void;
  writeStatus(status: string): void;
  writeHeader(name: string, value: string): void;
  end(body: string | Buffer, closeConnection: boolean): void;
  endWithoutBody(contentLength: number, closeConnection: boolean): void;
  getRemoteAddress(): ArrayBuffer;
  upgrade(data: { session: Session }, key: string, protocol: string, extensions: string, context: UpgradeContext): void;
}

interface NativeWebSocket {
  /** A copy of what the upgrade was given, in some releases: hence one property that refers to the session. */
  getUserData(): { readonly session: Session };
  getBufferedAmount(): number;
  send(text: Buffer, isBinary: boolean): number;
  sendFirstFragment(text: Buffer, isBinary: boolean): number;
  sendFragment(text: Buffer): number;
  sendLastFragment(text: Buffer): number;
  cork(write: () => void): void;
  end(code: number, reason: string): void;
  close(): void;
}

/** What belongs to one WebSocket from its upgrade on. */
interface Session {
  readonly route: WebSocketRoute;
  readonly head: RequestHead;
  client: Client | null;
  /** After this any call of the native socket throws. */
  gone: boolean;
  onDrain: (() => void) | null;
}

/**
 * Loads the optional package. CommonJS on purpose: its ES module wrapper lacks functions that its native part has.
 * @throws MinutehandError ENGINE_MISSING with the loader's own words
 */
export function loadUwebsockets(require: (name: string) => unknown = createRequire(import.meta.url)): Uwebsockets {
  try {
    return require('uWebSockets.js') as Uwebsockets;
  } catch (cause) {
    const words = cause instanceof Error ? cause.message.split('\n')[0] : String(cause);
    throw new MinutehandError('ENGINE_MISSING', { seen: `Node ${process.version}: ${words}`, cause });
  }
}

/** The fast engine. @throws MinutehandError PORT_TAKEN, ADDRESS_UNUSABLE */
export async function openUwebsockets(native: Uwebsockets, options: ServerOptions): Promise<Server> {
  const audience = createAudience(options);
  const router = createRouter(options, audience.sizeOf);
  const bodies = createBodies(options.maxBodyBytes);
  const app = native.App();
  let requestsInProgress = 0;
  let socketsFinishing = 0;
  let closing: Promise<void> | null = null;

  /** All that is read from `request` is read before this returns: it lives on the native stack. */
  function serve(response: NativeResponse, head: RequestHead): void {
    const found = router.route(head);
    let open = true;
    requestsInProgress++;
    const leave = (): boolean => {
      if (!open) return false;
      open = false;
      requestsInProgress--;
      return true;
    };
    const respond = (answer: HttpResponse, lastOfConnection = false): void => {
      if (leave()) writeResponse(response, head.method, answer, lastOfConnection || closing !== null);
    };
    const settle = (route: Route, body: Buffer): void => {
      const answer = router.answer(route, { ...head, body });
      if (answer instanceof Promise) void answer.then((late) => respond(late));
      else respond(answer);
    };
    let intake: Intake | null = null;
    response.onAborted(() => {
      leave();
      intake?.abort();
    });
    const malformed = framingProblem(head);
    if (malformed !== null)
      return respond(router.refuse(new MinutehandError('HTTP_MALFORMED', { seen: malformed })), true);
    if (isRefusal(found)) return respond(found);
    if (head.method === 'GET') return settle(found, EMPTY);
    intake = bodies.open(Number.parseInt(head.header('content-length'), 10), (verdict) => {
      if (verdict.body) settle(found, verdict.body);
      else respond(router.refuse(verdict.error), !verdict.drained);
    });
    if (!open) return;
    response.onData((chunk, isLast) => {
      intake?.take(new Uint8Array(chunk));
      if (isLast) intake?.end();
    });
  }

  app.any('/*', (response, request) => serve(response, headOf(response, request)));

  const behaviorOf = (maxBytes: number): Behavior => ({
    maxPayloadLength: LENGTH_SLACK * maxBytes,
    maxBackpressure: 0,
    idleTimeout: IDLE_S,
    sendPingsAutomatically: true,
    compression: 0,
    upgrade(response, request, context) {
      const head = headOf(response, request);
      if (!isWebSocketUpgrade(head)) return serve(response, head);
      const found = router.upgrade(head);
      if (isRefusal(found)) return writeResponse(response, head.method, found, true);
      const session: Session = { route: found, head, client: null, gone: false, onDrain: null };
      const protocol = head.header('sec-websocket-protocol');
      response.upgrade({ session }, head.header('sec-websocket-key'), protocol, '', context);
    },
    open(socket) {
      const { session } = socket.getUserData();
      const { route, head } = session;
      const client = audience.admit(route, head.query, head.remoteAddress, wireOf(socket, session));
      if (session.gone) client.retire();
      session.client = client;
    },
    message(socket, message) {
      const { client } = socket.getUserData().session;
      if (message.byteLength > maxBytes) client?.refuseLength();
      else client?.receive(Buffer.from(message).toString());
    },
    drain(socket) {
      socket.getUserData().session.onDrain?.();
    },
    close(socket) {
      const { session } = socket.getUserData();
      session.gone = true;
      session.onDrain?.();
      session.client?.retire();
    },
  });

  for (const route of options.webSockets) app.ws(route.path, behaviorOf(maxMessageBytes(route, options)));
  // Every other address, for its refusal.
  app.ws('/*', behaviorOf(0));

  function wireOf(socket: NativeWebSocket, session: Session): Wire {
    const bufferedBytes = (): number => (session.gone ? 0 : socket.getBufferedAmount());
    return {
      bufferedBytes,
      write(texts) {
        if (session.gone) return;
        socket.cork(() => {
          for (const text of texts) if (!session.gone) sendInPieces(socket, text);
        });
      },
      finish(code, reason) {
        if (session.gone) return;
        if (bufferedBytes() === 0) return socket.end(code, reason);
        socketsFinishing++;
        const cut = setTimeout(() => {
          if (!session.gone) socket.close();
        }, CLOSE_GRACE_MS);
        session.onDrain = () => {
          if (bufferedBytes() > 0) return;
          session.onDrain = null;
          clearTimeout(cut);
          socketsFinishing--;
          if (!session.gone) socket.end(code, reason);
        };
      },
    };
  }

  async function shut(listener: ListenSocket): Promise<void> {
    router.stop();
    (native.us_listen_socket_close ?? native.closeSocket)!(listener);
    audience.closeAll(1001, 'Shutting down');
    const deadlineMs = performance.now() + CLOSE_GRACE_MS + LAST_WORDS_MS;
    do await delay(LAST_WORDS_MS);
    while (requestsInProgress + socketsFinishing > 0 && performance.now() < deadlineMs);
    app.close();
  }

  const { listener, port } = await listen(native, app, options);

  return {
    engine: 'uwebsockets',
    port,
    get connections() {
      return audience.size;
    },
    publish: (topic, text) => audience.publishAll([{ topic, text }]),
    publishAll: audience.publishAll,
    close: () => (closing ??= shut(listener)),
  };
}

/**
 * A free port is chosen here, not by uWebSockets.js: for port 0 it leaves out SO_REUSEADDR, and then connections that
 * have just ended (TIME_WAIT) keep the port from its next owner for a minute.
 */
async function listen(
  native: Uwebsockets,
  app: App,
  { host, port: wanted }: ServerOptions,
): Promise<{ listener: ListenSocket; port: number }> {
  let attemptsLeft = wanted === 0 ? FREE_PORT_ATTEMPTS : 1;
  for (;;) {
    const port = wanted === 0 ? await tryListening(host, 0) : wanted;
    const listener = await new Promise<ListenSocket | false>((resolve) => {
      // Without this option the kernel shares a taken port out between both programs.
      app.listen(host, port, native.LIBUS_LISTEN_EXCLUSIVE_PORT, resolve);
    });
    if (listener !== false) return { listener, port };
    if (--attemptsLeft > 0) continue;
    // uWebSockets.js says only that it failed; node:net says why.
    await tryListening(host, port);
    throw listeningError(null, host, port);
  }
}

/** @returns the port, free again. @throws MinutehandError PORT_TAKEN, ADDRESS_UNUSABLE */
async function tryListening(host: string, port: number): Promise<number> {
  const probe = createServer();
  await new Promise<void>((resolve, reject) => {
    probe.once('error', (cause) => reject(listeningError(cause, host, port)));
    probe.listen(port, host, resolve);
  });
  const found = (probe.address() as AddressInfo).port;
  await new Promise((resolve) => probe.close(resolve));
  return found;
}

/** Limits of its parser. Requests that the parser refuses get a fixed text that cannot be configured. */
function framingProblem({ header }: RequestHead): string | null {
  const length = header('content-length');
  if (length !== '' && !/^\d+$/.test(length)) return `Content-Length: ${length.slice(0, 40)}`;
  const encoding = header('transfer-encoding');
  return encoding === '' || /^chunked$/i.test(encoding) ? null : `Transfer-Encoding: ${encoding.slice(0, 40)}`;
}

function headOf(response: NativeResponse, request: NativeRequest): RequestHead {
  const headers = new Map<string, string>();
  request.forEachHeader((name, value) => {
    const earlier = headers.get(name);
    headers.set(name, earlier === undefined ? value : `${earlier}, ${value}`);
  });
  return {
    method: request.getCaseSensitiveMethod(),
    path: request.getUrl(),
    query: new URLSearchParams(request.getQuery() ?? ''),
    header: (name) => headers.get(name.toLowerCase()) ?? '',
    remoteAddress: addressText(new Uint8Array(response.getRemoteAddress())),
  };
}

/** @param bytes 4 of an IPv4 address or 16 of an IPv6 one, in network order */
export function addressText(bytes: Uint8Array): string {
  if (bytes.length === 4) return bytes.join('.');
  if (bytes.length !== 16) return '';
  const words = Array.from({ length: 8 }, (_, i) => (bytes[2 * i]! << 8) | bytes[2 * i + 1]!);
  const isMappedIpv4 = words.slice(0, 5).every((word) => word === 0) && words[5] === 0xffff;
  if (isMappedIpv4) return bytes.subarray(12).join('.');
  const full = words.map((word) => word.toString(16)).join(':');
  // The URL parser writes an address in its shortest form (RFC 5952).
  return new URL(`http://[${full}]`).hostname.slice(1, -1);
}

function writeResponse(
  response: NativeResponse,
  method: string,
  answer: HttpResponse,
  lastOfConnection: boolean,
): void {
  response.cork(() => {
    response.writeStatus(`${answer.status} ${STATUS_CODES[answer.status] ?? ''}`);
    response.writeHeader('content-type', answer.contentType);
    for (const [name, value] of Object.entries(answer.headers ?? {})) response.writeHeader(name, value);
    // endWithoutBody leaves the connection in a state that cannot take another request.
    if (method === 'HEAD') response.endWithoutBody(Buffer.byteLength(answer.body), true);
    else response.end(answer.body, lastOfConnection);
  });
}

function sendInPieces(socket: NativeWebSocket, text: Buffer): void {
  if (text.length <= FRAGMENT_BYTES) {
    socket.send(text, false);
    return;
  }
  socket.sendFirstFragment(text.subarray(0, FRAGMENT_BYTES), false);
  let start = FRAGMENT_BYTES;
  for (; start + FRAGMENT_BYTES < text.length; start += FRAGMENT_BYTES) {
    socket.sendFragment(text.subarray(start, start + FRAGMENT_BYTES));
  }
  socket.sendLastFragment(text.subarray(start));
}
