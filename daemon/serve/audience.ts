import { MinutehandError } from '../../shared/errors.ts';
import type { ServerOptions } from './server.ts';
import { Topics, type Subscriber } from './topics.ts';
import { sendError, type Connection, type Message, type WebSocketRoute } from './websocket_route.ts';

/** Connections that must end have this long to read what is buffered for them. */
export const CLOSE_GRACE_MS = 1000;
/**
 * A silent WebSocket client is pinged, and taken for dead when nothing came from it for this long. Proxies cut what is
 * silent for 60 s: ws pings every 30 s, uWebSockets.js after 44 s.
 */
export const IDLE_S = 60;
/** Message too big (RFC 6455, 7.4.1). */
export const TOO_LONG_CODE = 1009;
/** The most that a close frame can carry as its reason (RFC 6455, 5.5: 125 bytes, two of them the code). */
const CLOSE_REASON_BYTES_MAX = 123;

/** Operations of an engine on one WebSocket. Not called any more after `finish`. */
export interface Wire {
  /**
   * Text messages in UTF-8, handed to the operating system at once and, as far as possible, in one write. Clients that
   * receive the same messages of a batch get the very same array, which must not be changed: data derived from it can
   * be cached for the next client.
   */
  write(texts: readonly Buffer[]): void;
  bufferedBytes(): number;
  /** Sends what is buffered, then the close frame; cuts the connection when that takes longer than CLOSE_GRACE_MS. */
  finish(code: number, reason: string): void;
}

/** A connection from the view of its engine. */
export interface Client {
  receive(text: string): void;
  /** Ends the connection: its message was longer than its route takes. */
  refuseLength(): void;
  /** The socket is gone, or going. Idempotent. */
  retire(): void;
}

/** All WebSocket clients of a server with their topics. */
export interface Audience {
  readonly size: number;
  /** Open connections of one route, of all addresses or of one. */
  sizeOf(route: WebSocketRoute, remoteAddress?: string): number;
  admit(route: WebSocketRoute, query: URLSearchParams, remoteAddress: string, wire: Wire): Client;
  publishAll(messages: readonly Message[], everything?: string): void;
  closeAll(code: number, reason: string): void;
}

/**
 * Topics are kept here and not by uWebSockets.js: its publish waits for the end of the loop turn, and silently skips
 * messages of slow readers. One corked write for each client costs the same (measured: ten messages to 50 clients 0.33
 * ms both ways, 3.1 ms without the cork). A text is encoded once for all readers.
 */
export function createAudience(options: ServerOptions): Audience {
  return new TopicAudience(options);
}

class TopicAudience implements Audience {
  readonly #options: ServerOptions;
  readonly #topics = new Topics();
  readonly #admitted = new Map<Connection, WebSocketRoute>();
  #lastId = 0;

  constructor(options: ServerOptions) {
    this.#options = options;
  }

  get size(): number {
    return this.#admitted.size;
  }

  sizeOf(route: WebSocketRoute, remoteAddress?: string): number {
    let size = 0;
    for (const [{ remoteAddress: own }, its] of this.#admitted)
      if (its === route && (remoteAddress === undefined || own === remoteAddress)) size++;
    return size;
  }

  admit(route: WebSocketRoute, query: URLSearchParams, remoteAddress: string, wire: Wire): Client {
    const member = new Member({
      id: ++this.#lastId,
      route,
      query,
      remoteAddress,
      wire,
      options: this.#options,
      topics: this.#topics,
      onRetired: () => this.#admitted.delete(member),
    });
    this.#admitted.set(member, route);
    member.begin();
    return member;
  }

  /** Bound: passed on without its audience. */
  readonly publishAll: Audience['publishAll'] = (messages, everything) => this.#topics.publishAll(messages, everything);

  closeAll(code: number, reason: string): void {
    for (const connection of [...this.#admitted.keys()]) connection.close(code, reason);
  }
}

interface Membership {
  readonly id: number;
  readonly route: WebSocketRoute;
  readonly query: URLSearchParams;
  readonly remoteAddress: string;
  readonly wire: Wire;
  readonly options: ServerOptions;
  readonly topics: Topics;
  onRetired(): void;
}

/** One WebSocket, as its route and its engine see it. */
class Member implements Connection, Client, Subscriber {
  readonly #membership: Membership;
  readonly #ownTopics = new Set<string>();
  #isOpen = true;

  constructor(membership: Membership) {
    this.#membership = membership;
  }

  get id(): number {
    return this.#membership.id;
  }

  get query(): URLSearchParams {
    return this.#membership.query;
  }

  get remoteAddress(): string {
    return this.#membership.remoteAddress;
  }

  get bufferedBytes(): number {
    return this.#isOpen ? this.#membership.wire.bufferedBytes() : 0;
  }

  begin(): void {
    this.#run(() => this.#membership.route.onOpen(this));
  }

  send(text: string): boolean {
    return this.write([Buffer.from(text)]);
  }

  write(texts: readonly Buffer[]): boolean {
    if (!this.#isOpen) return false;
    const { wire, options } = this.#membership;
    wire.write(texts);
    // A failed write may have closed the socket, and with it this client, in the meantime.
    if (this.#isOpen && wire.bufferedBytes() > options.maxBufferedBytes)
      this.close(1013, 'Too slow: messages wait unread');
    return this.#isOpen;
  }

  subscribe(topic: string): void {
    if (!this.#isOpen) return;
    this.#ownTopics.add(topic);
    this.#membership.topics.join(topic, this);
  }

  unsubscribe(topic: string): void {
    this.#ownTopics.delete(topic);
    this.#membership.topics.leave(topic, this);
  }

  receive(text: string): void {
    if (this.#isOpen) this.#run(() => this.#membership.route.onMessage(this, text));
  }

  refuseLength(): void {
    const { route, options } = this.#membership;
    this.close(TOO_LONG_CODE, tooLongReason(maxMessageBytes(route, options)));
  }

  close(code: number, reason: string): void {
    if (!this.#isOpen) return;
    this.retire();
    this.#membership.wire.finish(code, cutReason(reason));
  }

  retire(): void {
    if (!this.#isOpen) return;
    this.#isOpen = false;
    const { topics, route, onRetired } = this.#membership;
    for (const topic of this.#ownTopics) topics.leave(topic, this);
    onRetired();
    this.#run(() => route.onClose(this));
  }

  /** A handler's error is sent to the client, if it is still connected; the connection continues. */
  #run(handler: () => void): void {
    try {
      handler();
    } catch (error) {
      if (!(error instanceof MinutehandError)) this.#membership.options.onError(error);
      sendError(this, error);
    }
  }
}

/** Of a message from a client of this route. */
export function maxMessageBytes(route: WebSocketRoute, options: ServerOptions): number {
  return route.maxMessageBytes ?? options.maxBodyBytes;
}

/** The reason of a close with TOO_LONG_CODE. */
export function tooLongReason(maxBytes: number): string {
  return `BODY_TOO_LARGE: a message has at most ${maxBytes} bytes`;
}

function cutReason(reason: string): string {
  const encoded = Buffer.from(reason);
  if (encoded.length <= CLOSE_REASON_BYTES_MAX) return reason;
  return encoded
    .subarray(0, CLOSE_REASON_BYTES_MAX)
    .toString()
    .replace(/\uFFFD$/, '');
}
