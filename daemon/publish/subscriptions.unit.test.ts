import { beforeEach, describe, expect, it } from 'vitest';
import { NO_SYMBOL_NAMES } from '../../shared/symbol/symbol.ts';
import type { Connection } from '../serve/websocket_route.ts';
import { Subscriptions } from './subscriptions.ts';
import { createWebSocketPublisher } from './websocket.ts';

const PAIR_IDS = ['A_B', 'C_D', 'E_F'];

/** The topics of one client, and what was sent to it. */
class Client implements Connection {
  readonly remoteAddress = '127.0.0.1';
  readonly bufferedBytes = 0;
  readonly query: URLSearchParams;
  readonly id: number;
  readonly topics = new Set<string>();
  readonly calls: string[] = [];
  readonly sent: string[] = [];

  constructor(id: number, query = '') {
    this.id = id;
    this.query = new URLSearchParams(query);
  }

  send(text: string): boolean {
    this.sent.push(text);
    return true;
  }

  subscribe(topic: string): void {
    this.calls.push(`+${topic}`);
    this.topics.add(topic);
  }

  unsubscribe(topic: string): void {
    this.calls.push(`-${topic}`);
    this.topics.delete(topic);
  }

  close(): void {
    throw new Error('a subscription closes nothing');
  }

  /** Code and seen value of the last error that was sent. */
  error(): [code: string, message: string] {
    const { error } = JSON.parse(this.sent.at(-1)!) as { error: { code: string; message: string } };
    return [error.code, error.message];
  }
}

const lastTexts = new Map<string, string>();
let subscriptions: Subscriptions;
beforeEach(() => {
  lastTexts.clear();
  subscriptions = new Subscriptions({
    pairIds: PAIR_IDS,
    topicOf: (pairId) => `of ${pairId}`,
    allTopic: 'all',
    lastText: (pairId) => lastTexts.get(pairId),
  });
});

function opened(query = '', id = 1): Client {
  const client = new Client(id, query);
  subscriptions.onOpen(client);
  return client;
}

describe('a subscription', () => {
  it.each(['', 'pairs=', 'other=A_B'])('is of all pairs where the query "%s" names none', (query) => {
    lastTexts.set('A_B', 'last');
    const client = opened(query);
    expect([...client.topics]).toEqual(['all']);
    expect(client.sent).toEqual(['last']);
  });

  it('leaves all of nothing when none of its pairs exists', () => {
    const client = opened();
    subscriptions.onMessage(client, '{"subscribe":["NO_SUCH"]}');
    expect(client.error()[0]).toBe('PAIR_UNKNOWN');
    subscriptions.onMessage(client, '{"unsubscribe":["NO_SUCH"]}');
    expect(client.calls).toEqual(['+all']);
  });

  it('never touches a topic of a pair that does not exist, or that the client has not', () => {
    const client = opened('pairs=A_B,NO_SUCH');
    expect(client.calls).toEqual(['+of A_B']);
    expect([client.sent.length, client.error()[1]]).toEqual([1, expect.stringContaining('Seen: NO_SUCH.')]);
    subscriptions.onMessage(client, '{"unsubscribe":["C_D","A_B","NO_SUCH"]}');
    expect(client.calls).toEqual(['+of A_B', '-of A_B']);
    const all = opened('', 2);
    subscriptions.onMessage(all, '{"unsubscribe":["C_D","NO_SUCH"]}');
    expect(all.calls).toEqual(['+all', '-all', '+of A_B', '+of E_F']);
  });

  it('of the first list replaces all, with nothing left of it', () => {
    const client = opened();
    subscriptions.onMessage(client, '{"subscribe":["C_D"]}');
    expect([...client.topics]).toEqual(['of C_D']);
    subscriptions.onMessage(client, '{"unsubscribe":["C_D"],"subscribe":["A_B"]}');
    expect([...client.topics]).toEqual(['of A_B']);
    subscriptions.onMessage(client, '{"unsubscribe":["E_F"]}');
    expect(client.calls).toEqual(['+all', '-all', '+of C_D', '-of C_D', '+of A_B']);
    expect(client.sent).toEqual([]);
  });

  it('takes symbols in any spelling, also those of the configuration, and names the nearest pairs of an unknown one', () => {
    const spelled = new Subscriptions({
      pairIds: ['EURUSD_GBPUSD', 'BTCUSDT_ETHUSDT', 'XAUUSD'],
      names: { ...NO_SYMBOL_NAMES, aliases: { GOLD: 'XAUUSD' }, suffixes: ['.m'] },
      topicOf: (pairId) => pairId,
      allTopic: 'all',
      lastText: () => undefined,
    });
    const client = new Client(1, 'pairs=eurusd_gbpusd,btc-usdt_eth/usdt');
    spelled.onOpen(client);
    spelled.onMessage(client, '{"subscribe":["gold"],"unsubscribe":["EURUSD.m_GBPUSD.m"]}');
    expect(client.calls).toEqual(['+EURUSD_GBPUSD', '+BTCUSDT_ETHUSDT', '-EURUSD_GBPUSD', '+XAUUSD']);
    spelled.onMessage(client, '{"subscribe":["EURUSD_GBUSD"]}');
    expect(client.error()).toEqual([
      'PAIR_UNKNOWN',
      expect.stringMatching(/Seen: EURUSD_GBUSD\. Expected: perhaps EURUSD_GBPUSD\./),
    ]);
  });

  it('is forgotten with its connection', () => {
    subscriptions.onClose(opened('pairs=A_B'));
    // The same number again, of a client that the server has not opened here.
    const next = new Client(1);
    subscriptions.onMessage(next, '{"unsubscribe":["A_B"]}');
    expect(next.calls).toEqual(['-all', '+of C_D', '+of E_F']);
  });

  it('names at most five unknown pairs, each by its first 40 characters', () => {
    const names = Array.from({ length: 7 }, (_, i) => `${i}`.repeat(50));
    const [code, message] = opened(`pairs=${names.join(',')}`).error();
    expect(code).toBe('PAIR_UNKNOWN');
    const shown = names.slice(0, 5).map((name) => name.slice(0, 40));
    expect(message).toContain(shown.join(', '));
    expect(message).not.toContain('5'.repeat(40));
    expect(message).not.toContain('4'.repeat(41));
  });

  it.each([
    'x'.repeat(200),
    '"subscribe"',
    'null',
    '7',
    '[["A_B"]]',
    '{}',
    '{"subscribe":["A_B"],"ping":["A_B"]}',
    '{"subscribe":["A_B"],"unsubscribe":[]}',
    '{"subscribe":["A_B",1]}',
    '{"subscribe":{"length":1}}',
  ])('does not come from %s, of which 80 characters are named', (text) => {
    const client = opened();
    subscriptions.onMessage(client, text);
    expect(client.calls).toEqual(['+all']);
    const [code, message] = client.error();
    expect(code).toBe('SUBSCRIPTION_MALFORMED');
    expect(message).toContain(text.slice(0, 80));
    expect(message).not.toContain('x'.repeat(81));
  });
});

it('a client gets no last signals from a daemon without the lease', () => {
  let isHolder = true;
  const onFailure = (): void => undefined;
  const publisher = createWebSocketPublisher({ pairIds: PAIR_IDS, isHolder: () => isHolder, onFailure });
  publisher.publish([{ pairId: 'A_B', text: 'of A_B' }]);
  const clients = [true, false].map((holds, id) => {
    isHolder = holds;
    const client = new Client(id);
    publisher.subscriptionRoute().onOpen?.(client);
    return client;
  });
  expect(clients.map(({ sent }) => sent)).toEqual([['of A_B'], []]);
});

it('signals leave by the topic of their pair, and a server that throws is reported once until it takes a batch', () => {
  const errors: string[] = [];
  const publisher = createWebSocketPublisher({
    pairIds: PAIR_IDS,
    onFailure: ({ code, seen }) => errors.push(`${code} ${seen}`),
  });
  const sent: unknown[] = [];
  let isBroken = false;
  const signal = { pairId: 'A_B', text: 'of A_B', bytes: Buffer.from('of A_B') };
  publisher.publish([signal]);
  publisher.attach({
    publishAll(messages, topic) {
      if (isBroken) throw new Error('closed');
      sent.push([messages, topic]);
    },
  });
  publisher.publish([]);
  publisher.publish([signal]);
  const client = new Client(1);
  publisher.subscriptionRoute().onOpen?.(client);
  expect(client.sent).toEqual(['of A_B']);
  const { text, bytes } = signal;
  expect(sent).toEqual([[[{ topic: 'signals:A_B', text, bytes }], 'signals']]);
  for (const broken of [true, true, false, true]) {
    isBroken = broken;
    publisher.publish([signal]);
  }
  const seen = 'PUBLISH_WEBSOCKET closed';
  expect([errors, publisher.failures, sent.length]).toEqual([[seen, seen], 3, 2]);
  expect(publisher.name).toBe('websocket');
  void publisher.close();
  isBroken = false;
  publisher.publish([signal]);
  expect(sent).toHaveLength(2);
});

it('a batch has a small first piece while few clients listen', () => {
  const publisher = createWebSocketPublisher({ pairIds: PAIR_IDS, onFailure: () => undefined });
  const route = publisher.subscriptionRoute();
  const clients = Array.from({ length: 5 }, (_, id) => new Client(id, id % 2 === 0 ? '' : 'pairs=A_B'));
  const sizes = clients.map((client) => {
    route.onOpen(client);
    return publisher.firstPiece;
  });
  expect(sizes).toEqual([2, 2, 2, 2, Infinity]);
  route.onClose(clients[1]!);
  expect(publisher.firstPiece).toBe(2);
});
