import { MinutehandError } from '../../shared/errors.ts';
import type { SymbolNames } from '../../shared/symbol/symbol.ts';
import type { Server } from '../serve/server.ts';
import type { WebSocketRoute } from '../serve/websocket_route.ts';
import type { Publication, Publisher } from './publish.ts';
import { Subscriptions } from './subscriptions.ts';

/** The server interface that publishing needs. */
export type TopicServer = Pick<Server, 'publishAll'>;

export interface WebSocketPublisherOptions {
  /** Ids of all configured pairs, to which clients may subscribe. */
  readonly pairIds: readonly string[];
  /** How symbols of subscriptions are spelled; absent = as the program spells them, in any letter case. */
  readonly names?: SymbolNames;
  /** Whether last signals may be sent to new clients. */
  isHolder?(): boolean;
  /** Called with PUBLISH_WEBSOCKET at the first batch the server does not take after a good one. */
  onFailure(error: MinutehandError): void;
}

export interface WebSocketPublisher extends Publisher<'websocket'> {
  /** The route `/signals`, to be given to the server when it is opened. */
  subscriptionRoute(): WebSocketRoute;
  /** Names the server the signals leave by. Until then they are only kept for those who subscribe. */
  attach(server: TopicServer): void;
}

/** Readers begin with this many signals while the others are decided; each piece is one more write to each of them. */
const FIRST_PIECE = 2;
const FEW_READERS = 4;
/** Every signal. */
const ALL_SIGNALS_TOPIC = 'signals';
/** The signals of one pair. */
const signalTopic = (pairId: string): string => `signals:${pairId}`;

/**
 * Fans signals out to WebSocket clients, one message per signal, and sends each client on subscription the last signal
 * of every requested pair. How clients subscribe: see `Subscriptions`.
 */
export function createWebSocketPublisher(options: WebSocketPublisherOptions): WebSocketPublisher {
  return new TopicPublisher(options);
}

class TopicPublisher implements WebSocketPublisher {
  readonly name = 'websocket';
  failures = 0;
  readonly #onFailure: WebSocketPublisherOptions['onFailure'];
  readonly #topicByPair: ReadonlyMap<string, string>;
  readonly #lastTextByPair = new Map<string, string>();
  readonly #subscriptions: Subscriptions;
  #server: TopicServer | null = null;
  #isFailing = false;

  constructor({ pairIds, names, isHolder = () => true, onFailure }: WebSocketPublisherOptions) {
    this.#onFailure = onFailure;
    this.#topicByPair = new Map(pairIds.map((pairId) => [pairId, signalTopic(pairId)]));
    this.#subscriptions = new Subscriptions({
      pairIds,
      ...(names !== undefined && { names }),
      topicOf: signalTopic,
      allTopic: ALL_SIGNALS_TOPIC,
      lastText: (pairId) => (isHolder() ? this.#lastTextByPair.get(pairId) : undefined),
    });
  }

  get firstPiece(): number {
    return this.#subscriptions.clients <= FEW_READERS ? FIRST_PIECE : Infinity;
  }

  subscriptionRoute(): WebSocketRoute {
    return this.#subscriptions;
  }

  attach(server: TopicServer): void {
    this.#server = server;
  }

  publish(batch: readonly Publication[]): void {
    for (const { pairId, text } of batch) this.#lastTextByPair.set(pairId, text);
    if (this.#server === null || batch.length === 0) return;
    try {
      this.#server.publishAll(
        batch.map(({ pairId, text, bytes }) => ({
          topic: this.#topicByPair.get(pairId) ?? signalTopic(pairId),
          text,
          bytes,
        })),
        ALL_SIGNALS_TOPIC,
      );
      this.#isFailing = false;
    } catch (error) {
      this.failures++;
      if (this.#isFailing) return;
      this.#isFailing = true;
      const seen = error instanceof Error ? error.message : String(error);
      this.#onFailure(new MinutehandError('PUBLISH_WEBSOCKET', { seen, cause: error }));
    }
  }

  close(): Promise<void> {
    // The connections are the server's to end.
    this.#server = null;
    return Promise.resolve();
  }
}
