import { openNodeHttp } from './node_http.ts';
import { loadUwebsockets, openUwebsockets, type Uwebsockets } from './uwebsockets.ts';
import type { MinutehandError } from '../../shared/errors.ts';

/** A request before its body: what is needed to decide whether to take it at all. */
export interface RequestHead {
  /** In capitals: `GET`. */
  readonly method: string;
  /** Without the query, as it was sent. */
  readonly path: string;
  readonly query: URLSearchParams;
  /** The value of a header in any case of letters, `''` when absent; several lines of one name are joined by `, `. */
  header(name: string): string;
  /** `127.0.0.1` or `2001:db8::1`; an IPv4 address is never shown in its IPv6 form. */
  readonly remoteAddress: string;
}

export interface HttpRequest extends RequestHead {
  /** A copy that the handler may keep. Empty for GET. */
  readonly body: Buffer;
}

export interface HttpResponse {
  readonly status: number;
  readonly contentType: string;
  readonly body: string | Buffer;
  readonly headers?: Readonly<Record<string, string>>;
}

export interface Route {
  readonly method: 'GET' | 'POST';
  /** Compared letter by letter; no patterns. */
  readonly path: string;
  /** A thrown MinutehandError becomes its status and JSON; anything else 500 INTERNAL and `onError`. */
  handle(request: HttpRequest): HttpResponse | Promise<HttpResponse>;
}

/** One WebSocket client. The same object in onOpen, onMessage and onClose; after onClose every call is a no-op. */
export interface Connection {
  /** 1, 2, 3 … within one server. */
  readonly id: number;
  /** Of the upgrade request. */
  readonly query: URLSearchParams;
  readonly remoteAddress: string;
  /** @returns false when the client is gone, or was dropped over this very message. */
  send(text: string): boolean;
  subscribe(topic: string): void;
  unsubscribe(topic: string): void;
  /** The handler's onClose runs before this returns; the client gets what is still buffered, then the code. */
  close(code: number, reason: string): void;
  /** What the operating system has not taken yet. */
  readonly bufferedBytes: number;
}

export interface WebSocketRoute {
  readonly path: string;
  /** Of one message from a client; a longer one ends its connection with 1009. ServerOptions.maxBodyBytes when absent. */
  readonly maxMessageBytes?: number;
  /** More are refused with CONNECTIONS_TOO_MANY: each may hold an unfinished message. No limit when absent. */
  readonly maxConnections?: number;
  onOpen(connection: Connection): void;
  /** Text as it is; binary messages decoded as UTF-8. What this throws goes to the client as `{error}`. */
  onMessage(connection: Connection, text: string): void;
  /** Exactly once for each onOpen, whoever ended it. */
  onClose(connection: Connection): void;
}

export interface Message {
  readonly topic: string;
  readonly text: string;
}

export type Engine = 'uwebsockets' | 'ws';

export interface ServerOptions {
  readonly host: string;
  /** 0 = a free one; `Server.port` says which. */
  readonly port: number;
  readonly engine: 'auto' | Engine;
  readonly routes: readonly Route[];
  readonly webSockets: readonly WebSocketRoute[];
  /** Of a request's body. All unfinished ones together hold 16 times as much at most; see intake.ts. */
  readonly maxBodyBytes: number;
  /** A WebSocket client with more than this still unread is dropped with 1013. */
  readonly maxBufferedBytes: number;
  /** Defects only: whatever a handler threw that is not a MinutehandError. */
  onError(error: unknown): void;
  /** Asked first, for requests and upgrades alike. An error is the answer; null lets it pass. */
  authorize?(request: RequestHead): MinutehandError | null;
}

export interface Server {
  readonly engine: Engine;
  readonly port: number;
  /** Open WebSocket connections. */
  readonly connections: number;
  publish(topic: string, text: string): void;
  /**
   * Several messages with one write for each subscriber, in order: for ten messages a tenth of the system calls
   * of ten `publish`. The bytes are with the operating system when this returns.
   * @param everything a topic whose subscribers get every message. Who is on it and on a message's own gets that one twice.
   */
  publishAll(messages: readonly Message[], everything?: string): void;
  /** Ends WebSockets with 1001, lets requests in progress finish (up to 1 s) and frees the port. */
  close(): Promise<void>;
}

/**
 * The engine to use: `auto` prefers uWebSockets.js and falls back to ws.
 * @throws MinutehandError ENGINE_MISSING when uWebSockets.js was asked for by name and cannot be loaded.
 */
export function chooseEngine(engine: ServerOptions['engine'], load: () => Uwebsockets): Uwebsockets | 'ws' {
  if (engine === 'ws') return 'ws';
  try {
    return load();
  } catch (error) {
    if (engine === 'auto') return 'ws';
    throw error;
  }
}

/** Loads the engine, so that a server opens without waiting for it. @throws MinutehandError ENGINE_MISSING */
export function warmEngine(engine: ServerOptions['engine']): void {
  chooseEngine(engine, loadUwebsockets);
}

/**
 * Opens one HTTP and WebSocket server.
 * @throws MinutehandError PORT_TAKEN, ADDRESS_UNUSABLE, ENGINE_MISSING
 */
export function openServer(options: ServerOptions): Promise<Server> {
  const engine = chooseEngine(options.engine, loadUwebsockets);
  return engine === 'ws' ? openNodeHttp(options) : openUwebsockets(engine, options);
}
