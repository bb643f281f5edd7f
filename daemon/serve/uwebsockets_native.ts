import type { Client } from './audience.ts';
import type { RequestHead } from './http_route.ts';
import type { WebSocketRoute } from './websocket_route.ts';

/** The part of uWebSockets.js that is used. The package is optional, so its own types may not be there. */
export interface Uwebsockets {
  App(): App;
  readonly LIBUS_LISTEN_EXCLUSIVE_PORT: number;
  us_listen_socket_close(socket: ListenSocket): void;
}

export type ListenSocket = { readonly __native: 'us_listen_socket' };
export type UpgradeContext = { readonly __native: 'us_socket_context' };

export interface App {
  any(pattern: string, handler: (response: NativeResponse, request: NativeRequest) => void): App;
  ws(pattern: string, behavior: Behavior): App;
  /** Told of each connection that begins (1) or ends (−1). The build of 2023 has none. */
  filter?(told: (response: NativeResponse, change: number) => void): App;
  listen(host: string, port: number, options: number, done: (socket: ListenSocket | false) => void): App;
  /** Ends the listening socket and all connections at once. */
  close(): App;
}

export interface Behavior {
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

export interface NativeRequest {
  getCaseSensitiveMethod(): string;
  getUrl(): string;
  getQuery(): string | undefined;
  forEach(each: (name: string, value: string) => void): void;
}

export interface NativeResponse {
  onAborted(handler: () => void): void;
  onData(handler: (chunk: ArrayBuffer, isLast: boolean) => void): void;
  cork(write: () => void): void;
  writeStatus(status: string): void;
  writeHeader(name: string, value: string): void;
  end(body: string | Buffer, closeConnection: boolean): void;
  endWithoutBody(contentLength: number, closeConnection: boolean): void;
  getRemoteAddress(): ArrayBuffer;
  /** Cuts the connection. */
  close(): void;
  upgrade(data: { session: Session }, key: string, protocol: string, extensions: string, context: UpgradeContext): void;
}

export interface NativeWebSocket {
  /** A copy of what the upgrade was given: hence one property that refers to the session. */
  getUserData(): { readonly session: Session };
  getBufferedAmount(): number;
  send(text: Buffer, isBinary: boolean): number;
  cork(write: () => void): void;
  end(code: number, reason: string): void;
  close(): void;
}

/** Data of one WebSocket from its upgrade on. */
export interface Session {
  readonly route: WebSocketRoute;
  readonly head: RequestHead;
  client: Client | null;
  /** After this any call of the native socket throws. */
  gone: boolean;
  onDrain: (() => void) | null;
}
