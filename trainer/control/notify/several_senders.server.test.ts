import type { MarketKind } from '../../../shared/signal/signal.ts';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import pino from 'pino';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { tinySettings } from '../../../test/tiny_settings.ts';
import { POSTGRES_NOTE, startPostgres, type PostgresServer } from '../../store/postgres_server.fixture.ts';
import { openStore, type Store } from '../../store/store.ts';
import type { Channel } from './channels/channel.ts';
import { Deliveries } from './deliveries.ts';
import { notify, resolve } from './outbox.ts';
import { Sender } from './sender.ts';

const NOW_MS = Date.UTC(2026, 10, 17, 12);
let folder: string;
let server: PostgresServer | null = null;
beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), 'minutehand-senders-'));
  server = await startPostgres();
});
afterAll(async () => {
  await server?.stop();
  rmSync(folder, { recursive: true, force: true });
});

/** Trainers of several homes, or one and its successor, may share a store. */
describe.each([
  { kind: 'sqlite', note: '', newUrl: () => Promise.resolve(join(mkdtempSync(join(folder, 'store-')), 'trainer.db')) },
  { kind: 'postgres', note: POSTGRES_NOTE, newUrl: () => server!.createDatabase() },
])('several senders of one store, on $kind', ({ kind, note, newUrl }) => {
  let stores: Store[];
  let nowMs: number;
  beforeEach(async ({ skip }) => {
    if (kind === 'postgres' && server === null) return skip(note);
    const url = await newUrl();
    stores = [];
    for (let i = 0; i < 3; i++) stores.push(await openStore(url));
    nowMs = NOW_MS;
  });
  afterEach(async () => {
    for (const store of stores ?? []) await store.close();
  });

  const raise = (pair: string): Promise<unknown> =>
    notify(
      stores[0]!.db,
      { market: 'live', nowMs },
      { key: `kpi_halt:${pair}`, event: 'kpi_halt', subject: pair, text: '.' },
    );

  /** A channel that takes time, so that the others look meanwhile. */
  function channelOf(sent: string[], groups: boolean): Channel {
    return {
      name: groups ? 'slack' : 'webhook',
      actions: ['trigger', 'acknowledge', 'resolve'],
      groups,
      send: async (messages) => {
        await new Promise((resolve) => setTimeout(resolve, 20));
        sent.push(...messages.map(({ key }) => key));
        return null;
      },
    } as Channel;
  }

  function senderOn(store: Store, channel: Channel): Sender {
    return new Sender({
      deliveries: new Deliveries(store, 'live'),
      policy: { ...tinySettings().retrain, notification_rate_per_minute: 1000, notification_repeat_hours: null },
      clock: { nowMs: () => nowMs as never, monotonicUs: () => 0 },
      log: pino({ level: 'silent' }),
      channels: [channel],
      onChannel: () => Promise.resolve(),
    });
  }

  it.each([false, true])('send each message once, whoever is faster (grouped: %s)', async (groups) => {
    const sent: string[] = [];
    const senders = stores.map((store) => senderOn(store, channelOf(sent, groups)));
    const keys: string[] = [];
    for (let round = 0; round < 5; round++) {
      for (let i = 0; i < 6; i++) {
        keys.push(`kpi_halt:P${round}_${i}`);
        await raise(`P${round}_${i}`);
      }
      await Promise.all(
        senders.map((sender) =>
          sender.pass().then(
            () => sender.settled(),
            () => undefined,
          ),
        ),
      );
    }
    for (let i = 0; i < 3; i++) {
      await senders[0]!.pass();
      await senders[0]!.settled();
    }
    expect(sent.sort()).toEqual(keys.sort());
  });

  it('give back what they were sending when they are stopped: the next one sends it at once', async () => {
    await raise('A');
    let begin: () => void = () => undefined;
    const began = new Promise<void>((resolve) => (begin = resolve));
    const slow = {
      ...channelOf([], false),
      send: (_: unknown, signal: AbortSignal) =>
        new Promise((resolve) => {
          signal.addEventListener('abort', () => resolve({ reason: 'aborted', retryAfterMs: null, isRefused: false }));
          begin();
        }),
    } as Channel;
    const ended = senderOn(stores[0]!, slow);
    await ended.pass();
    await began;
    await ended.stop();
    const sent: string[] = [];
    const next = senderOn(stores[1]!, channelOf(sent, false));
    await next.pass();
    await next.settled();
    expect(sent).toEqual(['kpi_halt:A']);
  });

  it('tell of the end of an alert whom they told of it, whatever the routes say by then', async () => {
    const deliveries = new Deliveries(stores[0]!, 'live');
    const channels = [channelOf([], true), channelOf([], false)];
    const to = (name: 'slack' | 'webhook') => ({ info: [name], warning: [name], critical: [name] });
    const keys = async (name: 'slack' | 'webhook'): Promise<string[]> =>
      (await deliveries.waiting(name)).map(({ message: { key, action } }) => `${action} ${key}`);
    await raise('A');
    await deliveries.route(channels, to('slack'), nowMs);
    // The routes are changed between the alert and its end.
    await resolve(stores[0]!.db, { market: 'live', nowMs }, 'kpi_halt:A');
    await raise('B');
    await deliveries.route(channels, to('webhook'), nowMs);
    expect(await keys('slack')).toEqual(['trigger kpi_halt:A', 'resolve kpi_halt:A']);
    expect(await keys('webhook')).toEqual(['trigger kpi_halt:B']);
    // Nobody was told of it.
    await raise('C');
    await deliveries.route([], to('slack'), nowMs);
    await resolve(stores[0]!.db, { market: 'live', nowMs }, 'kpi_halt:C');
    await deliveries.route(channels, to('slack'), nowMs);
    expect((await keys('slack')).concat(await keys('webhook')).join()).not.toContain('kpi_halt:C');
  });

  it('keep still what is silenced in their own market, until its time, and no alert of another one', async () => {
    const deliveries = new Deliveries(stores[0]!, 'live');
    const silence = (market: MarketKind, pattern: string, untilMs: number): Promise<unknown> =>
      stores[0]!.db
        .insertInto('core.alert_silences')
        .values({ market, pattern, created_by: 'ann', created_ms: nowMs, until_ms: untilMs })
        .execute();
    await silence('simulated', 'kpi_halt:*', nowMs + 1000);
    await silence('live', 'kpi_halt:A', nowMs + 1000);
    await silence('live', 'kpi_halt:B', nowMs);
    for (const pair of ['A', 'B', 'C']) await raise(pair);
    await deliveries.route([channelOf([], true)], tinySettings().retrain.notification_routes, nowMs);
    const keys = (await deliveries.waiting('slack')).map(({ message }) => message.key);
    expect(keys).toEqual(['kpi_halt:B', 'kpi_halt:C']);
  });

  it('claim only what no other has: a claim in part gives that part', async () => {
    await raise('A');
    await raise('B');
    const [first, second] = stores.map((store) => new Deliveries(store, 'live'));
    const routes = tinySettings().retrain.notification_routes;
    await first!.route([channelOf([], true)], routes, nowMs);
    const early = await first!.waiting('slack');
    await raise('C');
    await first!.route([channelOf([], true)], routes, nowMs);
    const later = await second!.waiting('slack');
    const keysOf = (claimed: typeof early): string[] => claimed.map(({ message }) => message.key);
    expect(keysOf(await first!.claim(early, nowMs, 1000))).toEqual(['kpi_halt:A', 'kpi_halt:B']);
    expect(keysOf(await second!.claim(later, nowMs, 1000))).toEqual(['kpi_halt:C']);
    expect(await second!.claim(later, nowMs, 1000)).toEqual([]);
    // The first one has died.
    expect(await second!.claim(early, nowMs + 999, 1000)).toEqual([]);
    expect(keysOf(await second!.claim(early, nowMs + 1000, 1000))).toEqual(['kpi_halt:A', 'kpi_halt:B']);
  });
});
