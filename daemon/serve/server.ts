import type { MinutehandError } from '../../shared/errors.ts';
import type { ConnectionLimits } from '../../shared/http/connection_limits.ts';
import type { WebSocketLimits } from './limits.ts';
import type { RequestHead, Route } from './http_route.ts';
import type { Message, WebSocketRoute } from './websocket_route.ts';

export type Engine = 'uwebsockets' | 'ws';

export interface ServerOptions {
  readonly host: string;
  /** 0 = any free port; see `Server.port`. */
  readonly port: number;
  readonly engine: 'auto' | Engine;
  readonly routes: readonly Route[];
  readonly webSockets: readonly WebSocketRoute[];
  /** Of a request's body. All unfinished ones together hold 16 times as much at most; see intake.ts. */
  readonly maxBodyBytes: number;
  /** A WebSocket client with more than this still unread is dropped with 1013. */
  readonly maxBufferedBytes: number;
  /**
   * Of connections that are no WebSockets. The fast engine closes idle ones itself, after 10 s, and limits their number
   * by the descriptors of the process alone.
   */
  readonly connectionLimits?: ConnectionLimits;
  readonly webSocketLimits?: WebSocketLimits;
  /** Defects only: an error of a handler that is not a MinutehandError. */
  onError(error: unknown): void;
  /** Called first, for requests and upgrades alike. An error is the answer; null accepts the request. */
  authorize?(request: RequestHead): MinutehandError | null;
}

export interface Server {
  readonly engine: Engine;
  /** Why the engine `auto` is ws; null where it is not, or where the engine was named. */
  readonly engineNote: string | null;
  readonly port: number;
  /** Open WebSocket connections. */
  readonly connections: number;
  publish(topic: string, text: string): void;
  /**
   * Several messages with one write for each subscriber, in order: for ten messages a tenth of the system calls
   * of ten `publish`. The bytes are with the operating system when this returns.
   * @param everything a topic whose subscribers get every message. Who is on it and on a message's own gets that one
   * twice.
   */
  publishAll(messages: readonly Message[], everything?: string): void;
  /** Closes WebSockets with 1001, finishes requests in progress (up to 1 s) and frees the port. */
  close(): Promise<void>;
}
