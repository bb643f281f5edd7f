import { MinutehandError, describeError } from '../../shared/errors.ts';
import type { Server } from '../serve/server.ts';
import type { Connection, WebSocketRoute } from '../serve/websocket_route.ts';
import type { Publication, Publisher } from './publish.ts';

/** What publishing needs of a server. */
export type TopicServer = Pick<Server, 'publishAll'>;

export interface WebSocketPublisherOptions {
  /** The ids of all configured pairs: what a client may subscribe to. */
  readonly pairIds: readonly string[];
  /** Called with PUBLISH_WEBSOCKET at the first batch the server does not take after a good one. */
  onFailure(error: MinutehandError): void;
}

export interface WebSocketPublisher extends Publisher {
  readonly name: 'websocket';
  /** The route `/signals`, to be given to the server when it is opened. */
  subscriptionRoute(): WebSocketRoute;
  /** Names the server the signals leave by. Until then they are only kept for those who subscribe. */
  attach(server: TopicServer): void;
}

/** A list of some thousand pairs. */
const SUBSCRIPTION_BYTES_MAX = 65_536;
/** Every signal. */
const ALL_SIGNALS_TOPIC = 'signals';
/** The signals of one pair. */
const signalTopic = (pairId: string): string => `signals:${pairId}`;

/**
 * Fans signals out to WebSocket clients, one message per signal, and hands each client on subscription the last signal
 * of every pair it asked for.
 *
 * `/signals` gives all pairs, `/signals?pairs=XAUUSD_XAGUSD,EURUSD_USDCHF` these. Later a client may send
 * `{"subscribe": [...]}` or `{"unsubscribe": [...]}`: the first `subscribe` of a client that named no pairs when it came
 * replaces "all" with its list; `unsubscribe` takes pairs away, from "all" too. An unknown pair is answered with
 * `{"error": {code, message, next}}` (PAIR_UNKNOWN), the known ones of the same list count; other messages with
 * SUBSCRIPTION_MALFORMED.
 */
export function createWebSocketPublisher(options: WebSocketPublisherOptions): WebSocketPublisher {
  const knownPairs = new Set(options.pairIds);
  const topicByPair = new Map(options.pairIds.map((pairId) => [pairId, signalTopic(pairId)]));
  const lastTextByPair = new Map<string, string>();
  /** null: all pairs, by the one topic. A client is never on that and on topics of pairs, or it would hear twice. */
  const pairsByConnection = new Map<number, Set<string> | null>();
  let server: TopicServer | null = null;
  let failures = 0;
  let failing = false;

  function sendError(connection: Connection, error: MinutehandError): void {
    connection.send(JSON.stringify({ error: describeError(error) }));
  }

  function sendLast(connection: Connection, pairIds: Iterable<string>): void {
    for (const pairId of pairIds) {
      const text = lastTextByPair.get(pairId);
      if (text !== undefined) connection.send(text);
    }
  }

  function keepKnown(connection: Connection, asked: readonly string[]): string[] {
    const unknown = asked.filter((pairId) => !knownPairs.has(pairId));
    if (unknown.length > 0) {
      const seen = unknown.map((pairId) => JSON.stringify(pairId.slice(0, 40))).slice(0, 5);
      sendError(connection, new MinutehandError('PAIR_UNKNOWN', { seen: seen.join(', ') }));
    }
    return asked.filter((pairId) => knownPairs.has(pairId));
  }

  function subscribe(connection: Connection, asked: readonly string[]): void {
    const known = keepKnown(connection, asked);
    if (known.length === 0) return;
    let pairs = pairsByConnection.get(connection.id);
    if (!pairs) {
      connection.unsubscribe(ALL_SIGNALS_TOPIC);
      pairs = new Set();
      pairsByConnection.set(connection.id, pairs);
    }
    for (const pairId of known) {
      pairs.add(pairId);
      connection.subscribe(signalTopic(pairId));
    }
    sendLast(connection, new Set(known));
  }

  function unsubscribe(connection: Connection, asked: readonly string[]): void {
    const known = keepKnown(connection, asked);
    if (known.length === 0) return;
    let pairs = pairsByConnection.get(connection.id);
    if (!pairs) {
      connection.unsubscribe(ALL_SIGNALS_TOPIC);
      pairs = new Set(knownPairs);
      pairsByConnection.set(connection.id, pairs);
      for (const pairId of pairs) if (!known.includes(pairId)) connection.subscribe(signalTopic(pairId));
    } else {
      for (const pairId of known) if (pairs.has(pairId)) connection.unsubscribe(signalTopic(pairId));
    }
    for (const pairId of known) pairs.delete(pairId);
  }

  const route: WebSocketRoute = {
    path: '/signals',
    maxMessageBytes: SUBSCRIPTION_BYTES_MAX,
    onOpen(connection) {
      const asked = connection.query.get('pairs');
      if (asked === null || asked === '') {
        pairsByConnection.set(connection.id, null);
        connection.subscribe(ALL_SIGNALS_TOPIC);
        sendLast(connection, lastTextByPair.keys());
      } else {
        pairsByConnection.set(connection.id, new Set());
        subscribe(connection, asked.split(','));
      }
    },
    onMessage(connection, text) {
      const request = parseRequest(text);
      if (request === null) {
        sendError(connection, new MinutehandError('SUBSCRIPTION_MALFORMED', { seen: text.slice(0, 80) }));
        return;
      }
      if (request.unsubscribe) unsubscribe(connection, request.unsubscribe);
      if (request.subscribe) subscribe(connection, request.subscribe);
    },
    onClose(connection) {
      pairsByConnection.delete(connection.id);
    },
  };

  return {
    name: 'websocket',
    get failures() {
      return failures;
    },
    subscriptionRoute: () => route,
    attach(topicServer) {
      server = topicServer;
    },
    publish(batch: readonly Publication[]): void {
      for (const { pairId, text } of batch) lastTextByPair.set(pairId, text);
      if (server === null || batch.length === 0) return;
      try {
        server.publishAll(
          batch.map(({ pairId, text }) => ({ topic: topicByPair.get(pairId) ?? signalTopic(pairId), text })),
          ALL_SIGNALS_TOPIC,
        );
        failing = false;
      } catch (error) {
        failures++;
        if (!failing) {
          failing = true;
          const seen = error instanceof Error ? error.message : String(error);
          options.onFailure(new MinutehandError('PUBLISH_WEBSOCKET', { seen, cause: error }));
        }
      }
    },
    close(): Promise<void> {
      // The connections are the server's to end.
      server = null;
      return Promise.resolve();
    },
  };
}

interface SubscriptionRequest {
  readonly subscribe?: readonly string[];
  readonly unsubscribe?: readonly string[];
}

function parseRequest(text: string): SubscriptionRequest | null {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    return null;
  }
  if (typeof value !== 'object' || value === null || Array.isArray(value)) return null;
  const keys = Object.keys(value);
  const lists = Object.values(value) as unknown[];
  const isRequest =
    keys.length > 0 && keys.every((key) => key === 'subscribe' || key === 'unsubscribe') && lists.every(isPairList);
  return isRequest ? (value as SubscriptionRequest) : null;
}

function isPairList(value: unknown): value is readonly string[] {
  return Array.isArray(value) && value.length > 0 && value.every((item) => typeof item === 'string');
}
