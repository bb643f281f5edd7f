import { createRequire } from 'node:module';
import { type AddressInfo, createServer } from 'node:net';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { MinutehandError } from '../../shared/errors.ts';
import { packageRoot } from '../../shared/root.ts';
import { type Audience, CLOSE_GRACE_MS, createAudience, IDLE_S, maxMessageBytes, type Wire } from './audience.ts';
import type { RequestHead } from './http_route.ts';
import { listeningError } from '../../shared/http/listening_error.ts';
import { createRouter, isRefusal, isWebSocketUpgrade, type Router } from './router.ts';
import type { Server, ServerOptions } from './server.ts';
import type {
  App,
  Behavior,
  ListenSocket,
  NativeResponse,
  NativeWebSocket,
  Session,
  UpgradeContext,
  Uwebsockets,
} from './uwebsockets_native.ts';
import { headOf, NativeRequests, writeResponse } from './uwebsockets_requests.ts';
import type { Message } from './websocket_route.ts';
import { connectionLimits, tooManyConnections } from '../../shared/http/connection_limits.ts';

/** Refused connections at a time that are answered; further ones are closed without a word. */
const ANSWERED = 16;

/**
 * Connections of the fast engine that are no WebSockets. It does not tell whose connection has ended, and closes idle
 * ones itself: their total is limited, and a new one above it is refused with 503 CONNECTIONS_TOO_MANY and closed.
 */
class NativeConnections {
  #open = 0;

  constructor(app: App, router: Pick<Router, 'refuse'>) {
    const { total, burst } = connectionLimits();
    app.filter?.((response: NativeResponse, change) => {
      this.#open += change;
      if (change < 0 || this.#open <= burst * total) return;
      // One that is answered stays open until its client closes it, or for ten seconds.
      if (this.#open > burst * total + ANSWERED) response.close();
      else writeResponse(response, 'GET', router.refuse(tooManyConnections()), true);
    });
  }

  /** One becomes a WebSocket, whose end the engine does not count. */
  release(): void {
    this.#open--;
  }
}

/** Messages to WebSockets, and their end. */
class NativeWires {
  #finishing = 0;

  /** Sockets whose last bytes are in transit. */
  get finishing(): number {
    return this.#finishing;
  }

  wireOf(socket: NativeWebSocket, session: Session): Wire {
    return {
      bufferedBytes: () => bufferedBytes(socket, session),
      write(texts) {
        if (session.gone) return;
        socket.cork(() => {
          for (const text of texts) if (!session.gone) socket.send(text, false);
        });
      },
      finish: (code, reason) => this.#finish(socket, session, code, reason),
    };
  }

  #finish(socket: NativeWebSocket, session: Session, code: number, reason: string): void {
    if (session.gone) return;
    if (bufferedBytes(socket, session) === 0) return socket.end(code, reason);
    this.#finishing++;
    const cut = setTimeout(() => {
      if (!session.gone) socket.close();
    }, CLOSE_GRACE_MS);
    session.onDrain = () => {
      if (bufferedBytes(socket, session) > 0) return;
      session.onDrain = null;
      clearTimeout(cut);
      this.#finishing--;
      if (!session.gone) socket.end(code, reason);
    };
  }
}

function bufferedBytes(socket: NativeWebSocket, session: Session): number {
  return session.gone ? 0 : socket.getBufferedAmount();
}

/**
 * It cuts the connection of a message over its limit without a close frame. Messages up to this many times ours are
 * read, so that their senders get a code and a reason.
 */
const LENGTH_SLACK = 4;
const FREE_PORT_ATTEMPTS = 5;
/** Between the last byte to the clients and the hard end of all sockets, so that they can read it. */
const LAST_WORDS_MS = 20;

/** Builds of uWebSockets.js, which its project does not publish on npm: docs/adr/0050-one-build-of-the-engine.md. */
export const UWEBSOCKETS_PACKAGE = '@btc-vision/uwebsockets.js';

/**
 * Loads uWebSockets.js from where `npm run engine` puts it, or else from the packages of the installation, as in the
 * images. CommonJS on purpose: the ES module wrapper lacks functions that the native part has.
 * @throws MinutehandError ENGINE_MISSING that says why it was not loaded
 */
export function loadUwebsockets(require: (name: string) => unknown = requireEngine): Uwebsockets {
  try {
    return require(UWEBSOCKETS_PACKAGE) as Uwebsockets;
  } catch (cause) {
    throw new MinutehandError('ENGINE_MISSING', {
      seen: `Node ${process.version}: ${UWEBSOCKETS_PACKAGE} ${reasonOf(cause)}`,
      cause,
    });
  }
}

function requireEngine(name: string): unknown {
  return createRequire(join(packageRoot(), 'bin', 'engine', 'package.json'))(name);
}

/** In one line: the loader's own words are the last ones, after what its package supports. */
function reasonOf(cause: unknown): string {
  if ((cause as NodeJS.ErrnoException).code === 'MODULE_NOT_FOUND') return 'is not installed';
  const lines = (cause instanceof Error ? cause.message : String(cause)).split('\n').filter((line) => line !== '');
  return `does not load: ${lines.at(-1)}`;
}

/** The fast engine. @throws MinutehandError PORT_TAKEN, ADDRESS_UNUSABLE, FILES_EXHAUSTED */
export async function openUwebsockets(native: Uwebsockets, options: ServerOptions): Promise<Server> {
  const server = new NativeServer(native, options);
  await server.listen();
  return server;
}

class NativeServer implements Server {
  readonly engine = 'uwebsockets';
  readonly engineNote = null;
  port = 0;
  readonly #native: Uwebsockets;
  readonly #options: ServerOptions;
  readonly #app: App;
  readonly #audience: Audience;
  readonly #router: Router;
  readonly #requests: NativeRequests;
  readonly #connections: NativeConnections;
  readonly #wires = new NativeWires();
  #listener: ListenSocket | null = null;
  #closing: Promise<void> | null = null;

  constructor(native: Uwebsockets, options: ServerOptions) {
    this.#native = native;
    this.#options = options;
    this.#app = native.App();
    this.#audience = createAudience(options);
    this.#router = createRouter(options, (route, address) => this.#audience.sizeOf(route, address));
    this.#connections = new NativeConnections(this.#app, this.#router);
    this.#requests = new NativeRequests(this.#router, options.maxBodyBytes, () => this.#closing !== null);
    this.#app.any('/*', (response, request) => this.#requests.serve(response, headOf(response, request)));
    for (const route of options.webSockets) this.#app.ws(route.path, this.#behaviorOf(maxMessageBytes(route, options)));
    // Every other address, for its refusal.
    this.#app.ws('/*', this.#behaviorOf(0));
  }

  get connections(): number {
    return this.#audience.size;
  }

  async listen(): Promise<void> {
    const { listener, port } = await listen(this.#native, this.#app, this.#options);
    this.#listener = listener;
    this.port = port;
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

  #behaviorOf(maxBytes: number): Behavior {
    return {
      maxPayloadLength: LENGTH_SLACK * maxBytes,
      maxBackpressure: 0,
      idleTimeout: IDLE_S,
      sendPingsAutomatically: true,
      compression: 0,
      upgrade: (response, request, context) => this.#upgrade(response, headOf(response, request), context),
      open: (socket) => this.#welcome(socket),
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
    };
  }

  #upgrade(response: NativeResponse, head: RequestHead, context: UpgradeContext): void {
    if (!isWebSocketUpgrade(head)) return this.#requests.serve(response, head);
    const found = this.#router.upgrade(head);
    if (isRefusal(found)) return writeResponse(response, head.method, found, true);
    const session: Session = { route: found, head, client: null, gone: false, onDrain: null };
    const protocol = head.header('sec-websocket-protocol');
    this.#connections.release();
    response.upgrade({ session }, head.header('sec-websocket-key'), protocol, '', context);
  }

  #welcome(socket: NativeWebSocket): void {
    const { session } = socket.getUserData();
    const { route, head } = session;
    const client = this.#audience.admit(route, head.query, head.remoteAddress, this.#wires.wireOf(socket, session));
    if (session.gone) client.retire();
    session.client = client;
  }

  async #shut(): Promise<void> {
    this.#router.stop();
    this.#native.us_listen_socket_close(this.#listener!);
    this.#audience.closeAll(1001, 'Shutting down');
    const deadlineMs = performance.now() + CLOSE_GRACE_MS + LAST_WORDS_MS;
    do await delay(LAST_WORDS_MS);
    while (this.#requests.inProgress + this.#wires.finishing > 0 && performance.now() < deadlineMs);
    this.#app.close();
  }
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
    // uWebSockets.js reports only that it failed; node:net reports why.
    await tryListening(host, port);
    throw listeningError(null, host, port);
  }
}

/** @returns the port, free again. @throws MinutehandError PORT_TAKEN, ADDRESS_UNUSABLE, FILES_EXHAUSTED */
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
