import { MinutehandError } from '../../shared/errors.ts';
import { configuredSubject, pairUnknown } from '../../shared/policy/known_subject.ts';
import { NO_SYMBOL_NAMES, type SymbolNames } from '../../shared/symbol/symbol.ts';
import { sendError, type Connection, type WebSocketRoute } from '../serve/websocket_route.ts';

/** A list of some thousand pairs. */
const SUBSCRIPTION_BYTES_MAX = 65_536;
/** Of unknown pairs, an answer shows so many, and so much of each. */
const SHOWN_PAIRS = 5;
const SHOWN_CHARACTERS = 40;

export interface SubscriptionsOptions {
  /** Pairs that a client may subscribe to. */
  readonly pairIds: readonly string[];
  /** How symbols are spelled. */
  readonly names?: SymbolNames;
  topicOf(pairId: string): string;
  /** The topic of all pairs. */
  readonly allTopic: string;
  /** The last signal of a pair, if any, which a client receives on subscription. */
  lastText(pairId: string): string | undefined;
}

/**
 * The route `/signals`: which client gets the signals of which pairs.
 *
 * `/signals` gives all pairs, `/signals?pairs=XAUUSD_XAGUSD,EURUSD_USDCHF` these. Later a client may send
 * `{"subscribe": [...]}` or `{"unsubscribe": [...]}`: the first `subscribe` of a client that named no pairs when it
 * came replaces "all" with its list; `unsubscribe` takes pairs away, from "all" too. Symbols may be in any spelling. An
 * unknown pair is answered with `{"error": {code, message, next}}` (PAIR_UNKNOWN), the known ones of the same list
 * count; other messages with SUBSCRIPTION_MALFORMED.
 */
export class Subscriptions implements WebSocketRoute {
  readonly path = '/signals';
  readonly query = { pairs: null };
  readonly maxMessageBytes = SUBSCRIPTION_BYTES_MAX;
  readonly #options: SubscriptionsOptions;
  readonly #knownPairs: ReadonlySet<string>;
  /**
   * null: all pairs, by the one topic. A client is never on that and on topics of pairs, or it would receive signals
   * twice.
   */
  readonly #pairsByConnection = new Map<number, Set<string> | null>();

  constructor(options: SubscriptionsOptions) {
    this.#options = options;
    this.#knownPairs = new Set(options.pairIds);
  }

  get clients(): number {
    return this.#pairsByConnection.size;
  }

  onOpen(connection: Connection): void {
    const { allTopic, pairIds } = this.#options;
    const requested = connection.query.get('pairs');
    if (requested === null || requested === '') {
      this.#pairsByConnection.set(connection.id, null);
      connection.subscribe(allTopic);
      this.#sendLast(connection, pairIds);
    } else {
      this.#pairsByConnection.set(connection.id, new Set());
      this.#subscribe(connection, requested.split(','));
    }
  }

  onMessage(connection: Connection, text: string): void {
    const request = parseRequest(text);
    if (request === null) {
      sendError(connection, new MinutehandError('SUBSCRIPTION_MALFORMED', { seen: text.slice(0, 80) }));
      return;
    }
    if (request.unsubscribe) this.#unsubscribe(connection, request.unsubscribe);
    if (request.subscribe) this.#subscribe(connection, request.subscribe);
  }

  onClose(connection: Connection): void {
    this.#pairsByConnection.delete(connection.id);
  }

  #subscribe(connection: Connection, requested: readonly string[]): void {
    const known = this.#keepKnown(connection, requested);
    if (known.length === 0) return;
    const pairs = this.#pairsByConnection.get(connection.id) ?? this.#leaveAll(connection, []);
    for (const pairId of known) {
      pairs.add(pairId);
      connection.subscribe(this.#options.topicOf(pairId));
    }
    this.#sendLast(connection, new Set(known));
  }

  #unsubscribe(connection: Connection, requested: readonly string[]): void {
    const { topicOf } = this.#options;
    const known = this.#keepKnown(connection, requested);
    if (known.length === 0) return;
    let pairs = this.#pairsByConnection.get(connection.id);
    if (!pairs) {
      pairs = this.#leaveAll(connection, this.#knownPairs);
      for (const pairId of pairs) if (!known.includes(pairId)) connection.subscribe(topicOf(pairId));
    } else {
      for (const pairId of known) if (pairs.has(pairId)) connection.unsubscribe(topicOf(pairId));
    }
    for (const pairId of known) pairs.delete(pairId);
  }

  /** From now on the client has its own list of pairs. */
  #leaveAll(connection: Connection, pairIds: Iterable<string>): Set<string> {
    connection.unsubscribe(this.#options.allTopic);
    const pairs = new Set(pairIds);
    this.#pairsByConnection.set(connection.id, pairs);
    return pairs;
  }

  #sendLast(connection: Connection, pairIds: Iterable<string>): void {
    for (const pairId of pairIds) {
      const text = this.#options.lastText(pairId);
      if (text !== undefined) connection.send(text);
    }
  }

  #keepKnown(connection: Connection, requested: readonly string[]): string[] {
    const { names = NO_SYMBOL_NAMES, pairIds } = this.#options;
    const known: string[] = [];
    const unknown: string[] = [];
    for (const text of requested) {
      const pairId = this.#knownPairs.has(text) ? text : configuredSubject(text, pairIds, names);
      if (pairId !== null) known.push(pairId);
      else unknown.push(text.slice(0, SHOWN_CHARACTERS));
    }
    if (unknown.length > 0) sendError(connection, pairUnknown(unknown.slice(0, SHOWN_PAIRS), pairIds));
    return known;
  }
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
