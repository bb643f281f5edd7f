import type { MinutehandError } from '../../shared/errors.ts';
import type { WebSocketRoute } from '../serve/websocket_route.ts';
import type { Publisher } from './publish.ts';
import {
  TRANSPORTS,
  type DegradingName,
  type Link,
  type OpenTransport,
  type RemoteName,
  type TransportName,
  type TransportOptions,
} from './transports.ts';
import type { TopicServer } from './websocket.ts';

export interface PublishersOptions extends Omit<TransportOptions, 'onFailure' | 'onRecovered'> {
  /** Called once until it works again. */
  onFailure(what: DegradingName): (error: MinutehandError) => void;
  onRecovered(what: DegradingName): void;
}

/** Every transport that the settings enable. */
export class Publishers {
  readonly all: readonly Publisher<TransportName>[];
  /** Non-blocking publishers, in publication order. */
  readonly sockets: readonly Publisher<TransportName>[];
  /** Publishers that block this thread, in publication order. */
  readonly files: readonly Publisher<TransportName>[];
  /** Of the remote transports that are used. */
  readonly links: Readonly<Partial<Record<RemoteName, Link>>>;
  readonly webSockets: readonly WebSocketRoute[];
  readonly #open: readonly OpenTransport<TransportName>[];

  constructor(options: PublishersOptions) {
    const open = TRANSPORTS.map(({ name, degradation, open }): OpenTransport<TransportName> | null =>
      open({
        ...options,
        onFailure:
          degradation === null
            ? (error) => options.log.error({ err: error }, `${name} publish failed`)
            : options.onFailure(name),
        onRecovered: () => {
          if (degradation !== null) options.onRecovered(name);
        },
      }),
    ).filter((transport) => transport !== null);
    this.#open = open;
    this.all = open.map(({ publisher }) => publisher);
    this.sockets = open.filter(({ isBlocking }) => !isBlocking).map(({ publisher }) => publisher);
    this.files = open.filter(({ isBlocking }) => isBlocking).map(({ publisher }) => publisher);
    this.links = Object.fromEntries(open.flatMap(({ publisher, link }) => (link ? [[publisher.name, link]] : [])));
    this.webSockets = open.flatMap(({ webSockets = [] }) => webSockets);
  }

  /** Names the server that the transports of this process send by. */
  attach(server: TopicServer): void {
    for (const transport of this.#open) transport.attach?.(server);
  }

  /** See `Publisher`. */
  withdraw(inMs: number): void {
    for (const publisher of this.all) publisher.withdraw?.(inMs);
  }

  async close(): Promise<void> {
    await Promise.all(this.all.map((publisher) => publisher.close()));
  }
}
