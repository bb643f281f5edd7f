import { fork, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, describe, expect, it } from 'vitest';
import { WebSocket } from 'ws';
import type { MinutehandError } from '../../shared/errors.ts';
import { packageRoot } from '../../shared/root.ts';
import { ENGINES } from '../serve/engines.fixture.ts';
import { openServer } from '../serve/serve.ts';
import { createWebSocketPublisher } from './websocket.ts';

const toClose: (() => Promise<unknown> | void)[] = [];
afterEach(async () => {
  for (const close of toClose.splice(0).reverse()) await close();
});

/** One process with many clients that subscribe to the same pairs, and report what each of them has received. */
interface Crowd {
  /** Until each client has received this many messages, beginning with the last signals. */
  received(count: number): Promise<void>;
  /** The distinct lists of `<pair_id> <seq>` that clients have received, with their numbers of clients. */
  lists(): Promise<Record<string, number>>;
}

const CROWD_PROGRAM = `
  import { createRequire } from 'node:module';
  const [root, url, count] = process.argv.slice(2);
  const { WebSocket } = createRequire(root + '/package.json')('ws');
  const lists = Array.from({ length: Number(count) }, () => []);
  let wanted = Infinity;
  let behind = 0;
  const check = () => {
    if (wanted === Infinity || behind > 0) return;
    wanted = Infinity;
    process.send('received');
  };
  let open = 0;
  for (const list of lists) {
    const socket = new WebSocket(url);
    socket.on('open', () => ++open === lists.length && process.send('open'));
    socket.on('message', (data) => {
      const { pair_id, seq } = JSON.parse(data.toString());
      list.push(pair_id + ' ' + seq);
      if (list.length === wanted) behind--;
      check();
    });
  }
  process.on('message', (message) => {
    if (message === 'lists') {
      const counts = {};
      for (const list of lists) counts[list] = (counts[list] ?? 0) + 1;
      return process.send(counts);
    }
    wanted = message;
    behind = lists.filter((list) => list.length < wanted).length;
    check();
  });`;

async function gather(url: string, count: number): Promise<Crowd> {
  const folder = mkdtempSync(join(tmpdir(), 'minutehand-crowd-'));
  const path = join(folder, 'crowd.mjs');
  writeFileSync(path, CROWD_PROGRAM);
  const child: ChildProcess = fork(path, [packageRoot(), url, String(count)]);
  toClose.push(() => {
    child.kill();
    rmSync(folder, { recursive: true });
  });
  await once(child, 'message');
  const ask = async (message: string | number): Promise<unknown> => {
    child.send(message);
    return ((await once(child, 'message')) as [unknown])[0];
  };
  return {
    received: async (messages) => void (await ask(messages)),
    lists: async () => (await ask('lists')) as Record<string, number>,
  };
}

const PAIR_IDS = ['A_B', 'C_D', 'E_F'];
const signal = (pairId: string, seq: number) => ({ pairId, text: JSON.stringify({ pair_id: pairId, seq }) });

function publisherWithErrors() {
  const errors: MinutehandError[] = [];
  const publisher = createWebSocketPublisher({ pairIds: PAIR_IDS, onFailure: (error) => errors.push(error) });
  return { publisher, errors };
}

/** Wine refuses some of a thousand that connect at once. */
const CROWD = process.platform === 'win32' ? 100 : 1000;

describe.each(ENGINES)('the WebSocket publisher on %s', (engine) => {
  async function open() {
    const { publisher, errors } = publisherWithErrors();
    const defects: unknown[] = [];
    const server = await openServer({
      host: '127.0.0.1',
      port: 0,
      engine,
      routes: [],
      webSockets: [publisher.subscriptionRoute()],
      maxBodyBytes: 10_000,
      maxBufferedBytes: 1_000_000,
      onError: (error) => defects.push(error),
    });
    toClose.push(() => server.close());
    publisher.attach(server);
    return { publisher, server, errors, defects };
  }

  async function connect(port: number, query = '') {
    const received: string[] = [];
    const socket = new WebSocket(`ws://127.0.0.1:${port}/signals${query}`);
    socket.on('message', (data) => received.push((data as Buffer).toString()));
    toClose.push(() => socket.terminate());
    await once(socket, 'open');
    return { socket, received, send: (message: unknown) => socket.send(JSON.stringify(message)) };
  }

  type Client = Awaited<ReturnType<typeof connect>>;

  /** An answer to a message of which it is known that it is answered comes after everything sent before it. */
  async function settled(client: Client): Promise<void> {
    const count = client.received.length;
    client.socket.send('?');
    await expect
      .poll(() => client.received.slice(count).some((text) => text.includes('SUBSCRIPTION_MALFORMED')))
      .toBe(true);
    client.received.splice(
      client.received.findIndex((text, at) => at >= count && text.includes('SUBSCRIPTION_MALFORMED')),
      1,
    );
  }

  const seqs = (client: Client) =>
    client.received.map((text) => {
      const { pair_id: pairId, seq } = JSON.parse(text) as { pair_id: string; seq: number };
      return `${pairId} ${seq}`;
    });

  it('sends every signal to a client that named no pairs, one message each, in order and unchanged', async () => {
    const { publisher, server } = await open();
    const client = await connect(server.port);
    await settled(client);
    publisher.publish([signal('A_B', 1), signal('C_D', 1)]);
    publisher.publish([signal('A_B', 2)]);
    await settled(client);
    expect(client.received).toEqual([signal('A_B', 1).text, signal('C_D', 1).text, signal('A_B', 2).text]);
  });

  it('sends the last signals on connection, of all pairs or of those in the query', async () => {
    const { publisher, server } = await open();
    publisher.publish([signal('A_B', 1), signal('C_D', 1), signal('E_F', 1)]);
    publisher.publish([signal('A_B', 2)]);
    const all = await connect(server.port);
    const some = await connect(server.port, '?pairs=A_B,E_F');
    await settled(all);
    await settled(some);
    expect(seqs(all)).toEqual(['A_B 2', 'C_D 1', 'E_F 1']);
    expect(seqs(some)).toEqual(['A_B 2', 'E_F 1']);
    publisher.publish([signal('A_B', 3), signal('C_D', 3)]);
    await settled(some);
    expect(seqs(some)).toEqual(['A_B 2', 'E_F 1', 'A_B 3']);
  });

  it('narrows "all" to the first subscription, adds later ones, and removes pairs', async () => {
    const { publisher, server } = await open();
    const client = await connect(server.port);
    client.send({ subscribe: ['A_B'] });
    await settled(client);
    publisher.publish(PAIR_IDS.map((pairId) => signal(pairId, 1)));
    await settled(client);
    expect(seqs(client)).toEqual(['A_B 1']);

    client.send({ subscribe: ['C_D'] });
    await settled(client);
    expect(seqs(client)).toEqual(['A_B 1', 'C_D 1']);
    publisher.publish(PAIR_IDS.map((pairId) => signal(pairId, 2)));
    client.send({ unsubscribe: ['A_B', 'E_F'] });
    await settled(client);
    publisher.publish(PAIR_IDS.map((pairId) => signal(pairId, 3)));
    await settled(client);
    expect(seqs(client)).toEqual(['A_B 1', 'C_D 1', 'A_B 2', 'C_D 2', 'C_D 3']);
  });

  it('removes a pair from "all" and never sends a signal twice', async () => {
    const { publisher, server } = await open();
    const client = await connect(server.port);
    client.send({ unsubscribe: ['C_D'] });
    await settled(client);
    publisher.publish(PAIR_IDS.map((pairId) => signal(pairId, 1)));
    client.send({ subscribe: ['C_D', 'C_D'] });
    await settled(client);
    publisher.publish(PAIR_IDS.map((pairId) => signal(pairId, 2)));
    await settled(client);
    expect(seqs(client)).toEqual(['A_B 1', 'E_F 1', 'C_D 1', 'A_B 2', 'C_D 2', 'E_F 2']);
  });

  it('answers an unknown pair with an error and keeps the known ones of the list', async () => {
    const { publisher, server, defects } = await open();
    const client = await connect(server.port, '?pairs=A_B,NO_SUCH');
    await settled(client);
    const answer = JSON.parse(client.received[0]!) as { error: { code: string; message: string } };
    expect(answer.error.code).toBe('PAIR_UNKNOWN');
    expect(answer.error.message).toContain('NO_SUCH');
    publisher.publish(PAIR_IDS.map((pairId) => signal(pairId, 1)));
    await settled(client);
    expect(client.received.slice(1)).toEqual([signal('A_B', 1).text]);
    expect(defects).toEqual([]);
  });

  it('answers every message that is not a subscription with an error and stays connected', async () => {
    const { publisher, server, defects } = await open();
    const client = await connect(server.port, '?pairs=A_B');
    const malformed = [
      '',
      'null',
      '[]',
      '{}',
      '{"subscribe":"A_B"}',
      '{"subscribe":[]}',
      '{"subscribe":[1]}',
      '{"ping":[]}',
    ];
    for (const text of malformed) client.socket.send(text);
    await expect.poll(() => client.received.length).toBe(malformed.length);
    expect(client.received.every((text) => text.startsWith('{"error":{"code":"SUBSCRIPTION_MALFORMED"'))).toBe(true);
    publisher.publish([signal('A_B', 1)]);
    await expect.poll(() => client.received.at(-1)).toBe(signal('A_B', 1).text);
    expect(defects).toEqual([]);
  });

  it(`serves ${CROWD} clients alike, unaffected by another one that is stalled and dropped`, async () => {
    const { publisher, server, errors, defects } = await open();
    publisher.publish([signal('A_B', 0), signal('C_D', 0)]);
    const crowd = await gather(`ws://127.0.0.1:${server.port}/signals?pairs=A_B,C_D`, CROWD);
    await crowd.received(2);
    const stalled = await connect(server.port, '?pairs=E_F');
    const ended = once(stalled.socket, 'close') as Promise<[code: number]>;
    expect(server.connections).toBe(CROWD + 1);

    const filler = 'x'.repeat(400_000);
    const measure = async (seq: number): Promise<number> => {
      const startMs = performance.now();
      publisher.publish([
        signal('A_B', seq),
        signal('C_D', seq),
        { pairId: 'E_F', text: JSON.stringify({ pair_id: 'E_F', seq, filler }) },
      ]);
      await crowd.received(2 * (seq + 1));
      return performance.now() - startMs;
    };
    const median = (values: number[]): number => values.sort((a, b) => a - b)[values.length >> 1]!;
    const calmMs: number[] = [];
    const stormyMs: number[] = [];
    let seq = 0;
    while (seq < 20) calmMs.push(await measure(++seq));
    expect(server.connections).toBe(CROWD + 1);
    stalled.socket.pause();
    while (server.connections > CROWD || stormyMs.length < 10) stormyMs.push(await measure(++seq));

    expect(median(stormyMs)).toBeLessThan(3 * median(calmMs) + 20);
    stalled.socket.resume();
    expect((await ended)[0]).toBe(1013);
    const expected = Array.from({ length: seq + 1 }, (_, i) => `A_B ${i},C_D ${i}`).join();
    expect(await crowd.lists()).toEqual({ [expected]: CROWD });
    expect({ errors, defects, failures: publisher.failures }).toEqual({ errors: [], defects: [], failures: 0 });
  });

  it('continues without the clients that left', async () => {
    const { publisher, server, errors } = await open();
    const gone = await connect(server.port, '?pairs=A_B');
    const stays = await connect(server.port, '?pairs=A_B');
    gone.socket.terminate();
    await expect.poll(() => server.connections).toBe(1);
    publisher.publish([signal('A_B', 1)]);
    await settled(stays);
    expect(seqs(stays)).toEqual(['A_B 1']);
    expect({ errors, failures: publisher.failures }).toEqual({ errors: [], failures: 0 });
  });
});

describe('the WebSocket publisher', () => {
  it('reports a server that throws once, counts every batch, and never throws itself', () => {
    const { publisher, errors } = publisherWithErrors();
    publisher.attach({
      publishAll: () => {
        throw new Error('closed');
      },
    });
    publisher.publish([signal('A_B', 1)]);
    publisher.publish([signal('A_B', 2)]);
    expect(errors.map(({ code, seen }) => `${code} ${seen}`)).toEqual(['PUBLISH_WEBSOCKET closed']);
    expect(publisher.failures).toBe(2);
  });
});
