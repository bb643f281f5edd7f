import { describeError } from '../../shared/errors.ts';
import type { KnownQuery } from '../../shared/http/known_query.ts';

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
  /** Bytes that the operating system has not taken yet. */
  readonly bufferedBytes: number;
}

/** Sends `{error}`, as every WebSocket answers a refused message. */
export function sendError(connection: Pick<Connection, 'send'>, error: unknown): void {
  connection.send(JSON.stringify({ error: describeError(error) }));
}

export interface WebSocketRoute {
  readonly path: string;
  /** Parameters of its query; others are refused. Not checked when absent. */
  readonly query?: KnownQuery;
  /**
   * Of one message from a client; a longer one ends its connection with 1009. ServerOptions.maxBodyBytes when absent.
   */
  readonly maxMessageBytes?: number;
  /** More are refused with CONNECTIONS_TOO_MANY: each may hold an unfinished message. Absent: those of the server. */
  readonly maxConnections?: number;
  /** The same of one address. */
  readonly maxConnectionsPerAddress?: number;
  onOpen(connection: Connection): void;
  /** Text as it is; binary messages decoded as UTF-8. An error is sent to the client as `{error}`. */
  onMessage(connection: Connection, text: string): void;
  /** Exactly once for each onOpen, whichever side closed it. */
  onClose(connection: Connection): void;
}

export interface Message {
  readonly topic: string;
  readonly text: string;
  /** The same in UTF-8, where it is there already. */
  readonly bytes?: Buffer | undefined;
}
