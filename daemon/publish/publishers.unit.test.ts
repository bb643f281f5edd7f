import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Logger } from 'pino';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { EpochMs } from '../../shared/bar.ts';
import { parsePair } from '../../shared/pair.ts';
import type { Bus, BusRefusal, Scheduler } from '../../shared/ports.ts';
import { MACHINE_FILES } from '../../shared/files.ts';
import { DELIVERED_REDIS_URL } from '../../shared/redis/redis_address.ts';
import { tinySettings } from '../../test/tiny_settings.ts';
import type { Connection } from '../serve/websocket_route.ts';
import type { FilePublisher } from './file.ts';
import { Publishers, type PublishersOptions } from './publishers.ts';
import { byTransport, REMOTE_TRANSPORTS, TRANSPORT_NAMES, type TransportLease } from './transports.ts';

const PAIRS = [parsePair('EURUSD_GBPUSD'), parsePair('AUDUSD_NZDUSD')];
const settings = tinySettings();
const batch = [{ pairId: 'EURUSD_GBPUSD', text: '{"seq":1}' }];
const settle = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

let folder: string;
let events: string[];
let answer: BusRefusal | null;
let enter: Parameters<Bus['onState']>[0];
let closes: number;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'minutehand-publishers-'));
  events = [];
  answer = null;
  closes = 0;
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

const bus = {
  ready: true,
  resent: [] as unknown[],
  send: () => Promise.resolve(answer),
  resend: (messages) => Promise.resolve((bus.resent.push(...messages), null)),
  reset: () => undefined,
  onState: (listener) => (enter = listener),
  close: () => Promise.resolve(void closes++),
} as Bus & { ready: boolean; resent: unknown[] };
const logged = (level: string) => (fields: { err?: { code: string } }, text: string) =>
  void events.push(`${level} ${text} ${JSON.stringify({ ...fields, err: fields.err?.code })}`);

function open(more: Partial<PublishersOptions> = {}): Publishers {
  return new Publishers({
    settings,
    pairs: PAIRS,
    shard: 'main',
    signalsFolder: join(folder, 'signals'),
    files: MACHINE_FILES,
    clock: { nowMs: () => 1000 as EpochMs, monotonicUs: () => 0 },
    scheduler: { after: () => () => undefined } as unknown as Scheduler,
    bus,
    openFileThread: undefined,
    log: { info: logged('info'), error: logged('error') } as unknown as Logger,
    print: (line) => events.push(line),
    onFailure: (name) => (error) => events.push(`failure ${name} ${error.code}`),
    onRecovered: (name) => events.push(`recovered ${name}`),
    ...more,
  });
}

const names = (publishers: readonly { name: string }[]): string[] => publishers.map(({ name }) => name);

describe('the transports that the settings enable', () => {
  it('are all, in publication order, and files after the turn only where this thread writes them', async () => {
    const publishers = open();
    expect(TRANSPORT_NAMES.slice(0, 3)).toEqual(['websocket', 'file', 'redis']);
    expect(names(REMOTE_TRANSPORTS)).toContain('redis');
    expect(byTransport((name) => name.length)).toMatchObject({ websocket: 9, file: 4, redis: 5 });
    expect(names(publishers.all)).toEqual(['websocket', 'file', 'redis']);
    expect([names(publishers.sockets), names(publishers.files)]).toEqual([['websocket', 'redis'], ['file']]);
    expect(publishers.webSockets.map(({ path }) => path)).toEqual(['/signals']);
    expect(Object.keys(publishers.links)).toEqual(['redis']);
    publishers.files[0]!.publish(batch);
    expect(readFileSync(join(folder, 'signals', 'EURUSD_GBPUSD', 'signal.json'), 'utf8')).toContain('{"seq":1}');
    expect(readFileSync(join(folder, 'signals', 'signals.json'), 'utf8')).toContain('{"seq":1}');
    await publishers.close();
    expect(closes).toBe(1);
  });

  it('write files by another thread at once, where there is one', () => {
    let given: { folder: string; allName?: string } | null = null;
    const thread = { name: 'file', publish: () => undefined } as unknown as ReturnType<
      NonNullable<PublishersOptions['openFileThread']>
    >;
    const publishers = open({ openFileThread: (options) => ((given = options), thread) });
    expect([names(publishers.sockets), names(publishers.files)]).toEqual([['websocket', 'file', 'redis'], []]);
    expect(given).toMatchObject({ folder: join(folder, 'signals'), allName: 'signals.json' });
  });

  it('write files only while the lease is held, and another thread until its deadline', () => {
    let holds = false;
    const lease: TransportLease = { isHolder: () => holds, deadlineMs: () => 17, holds: () => true };
    const [files] = open({ lease }).files;
    const path = join(folder, 'signals', 'EURUSD_GBPUSD', 'signal.json');
    files!.publish(batch);
    expect(existsSync(path)).toBe(false);
    holds = true;
    files!.publish(batch);
    expect(existsSync(path)).toBe(true);
    let deadlineMs: (() => number) | undefined;
    const thread = { name: 'file', publish: () => undefined } as unknown as FilePublisher;
    open({ lease, openFileThread: (options) => (({ deadlineMs } = options), thread) });
    expect(deadlineMs!()).toBe(17);
  });

  it('give new WebSocket clients the last signals only while the lease is held', () => {
    let holds = true;
    const lease: TransportLease = { isHolder: () => holds, deadlineMs: () => 17, holds: () => true };
    const publishers = open({ lease });
    publishers.sockets[0]!.publish(batch);
    const sentTo = (id: number): string[] => {
      const sent: string[] = [];
      const connection = { id, query: new URLSearchParams(), subscribe: () => undefined };
      const send = (text: string): boolean => sent.push(text) > 0;
      publishers.webSockets[0]!.onOpen?.({ ...connection, send } as unknown as Connection);
      return sent;
    };
    expect(sentTo(1)).toEqual(['{"seq":1}']);
    holds = false;
    expect(sentTo(2)).toEqual([]);
  });

  it('miss nothing by Redis before its first answer where its address is the delivered one', () => {
    const { minutehand } = settings;
    const missed = [DELIVERED_REDIS_URL, 'redis://10.0.0.1:6379'].map((url) => {
      const redis = { ...minutehand.transports.redis, url };
      const changed = { ...settings, minutehand: { ...minutehand, transports: { ...minutehand.transports, redis } } };
      const publishers = open({ bus: { ...bus, ready: false }, settings: changed });
      publishers.sockets[1]!.publish(batch);
      return publishers.links.redis!.missed;
    });
    expect(missed).toEqual([0, 1]);
  });

  it('withdraw by each transport that keeps data', () => {
    const delays: number[] = [];
    const publishers = open({
      scheduler: { after: (ms: number) => (delays.push(ms), () => undefined) } as unknown as Scheduler,
      bus: { ...bus, send: () => new Promise(() => undefined) },
    });
    publishers.sockets[1]!.publish(batch);
    publishers.withdraw(90);
    expect(delays.at(-1)).toBe(90);
  });

  it('leave out files and Redis where these are off', () => {
    const { minutehand } = settings;
    const off = { ...minutehand, transports: { ...minutehand.transports, files: { enabled: false } } };
    const publishers = open({ bus: null, settings: { ...settings, minutehand: off as typeof minutehand } });
    expect([names(publishers.all), publishers.links]).toEqual([['websocket'], {}]);
  });

  it('send by the server that is attached, and only log where it fails', () => {
    const publishers = open();
    const sent: unknown[] = [];
    publishers.attach({ publishAll: (messages) => void sent.push(...messages) });
    publishers.sockets[0]!.publish(batch);
    expect(sent).toContainEqual({ topic: expect.stringContaining('EURUSD_GBPUSD') as string, text: '{"seq":1}' });
    publishers.attach({
      publishAll: () => {
        throw new Error('closed');
      },
    });
    publishers.sockets[0]!.publish(batch);
    expect(events).toEqual(['error websocket publish failed {"err":"PUBLISH_WEBSOCKET"}']);
  });

  it('report failure and recovery of files by their name', () => {
    writeFileSync(join(folder, 'signals'), 'a file in the way');
    const [files] = open().files;
    files!.publish(batch);
    expect(events).toEqual(['failure file PUBLISH_FILE']);
    rmSync(join(folder, 'signals'));
    files!.publish(batch);
    expect(events).toEqual(['failure file PUBLISH_FILE', 'recovered file']);
  });

  it('report failure and recovery of Redis by its name, and its connection on the console and in the log', async () => {
    const redis = open().sockets[1]!;
    enter('down', 'ECONNREFUSED');
    enter('up', 'connected');
    expect(events.splice(0)).toEqual([
      'info redis {"state":"down","detail":"ECONNREFUSED"}',
      'Redis does not answer (ECONNREFUSED): signals go out by file and WebSocket; it is used as soon as it answers.',
      'info redis {"state":"up","detail":"connected"}',
      'Redis takes the signals too (connected).',
    ]);
    answer = { words: 'OOM', signals: 1, lacking: [4] };
    redis.publish(batch);
    await settle();
    answer = null;
    redis.publish(batch);
    await settle();
    expect(events).toEqual([
      'failure redis PUBLISH_REDIS',
      'recovered redis',
      'info redis accepts signals again {"missed":1}',
      'Redis accepts all signals again (1 were missed).',
    ]);
  });

  it('send a signal that Redis missed later only while it is valid, and with its lease held', () => {
    const held = (fence: number) => ({
      isHolder: () => true,
      deadlineMs: () => 0,
      holds: (own: number) => own === fence,
    });
    const missed = (limits: object) => [{ pairId: 'EURUSD_GBPUSD', text: JSON.stringify(limits) }];
    const sentLater = (limits: object, lease?: TransportLease): number => {
      const redis = open(lease === undefined ? {} : { lease }).sockets[1]!;
      bus.ready = false;
      bus.resent = [];
      redis.publish(missed(limits));
      bus.ready = true;
      enter('up', 'connected');
      return bus.resent.length;
    };
    expect([sentLater({ valid_until_ms: 1000 }), sentLater({ valid_until_ms: 999 })]).toEqual([1, 0]);
    expect(sentLater({ valid_until_ms: 1000, fence: 7 }, held(7))).toBe(1);
    expect(sentLater({ valid_until_ms: 1000, fence: 6 }, held(7))).toBe(0);
    expect(sentLater({ valid_until_ms: 999, fence: 7 }, held(7))).toBe(0);
    expect(sentLater({ valid_until_ms: 1000 }, { ...held(7), holds: () => true })).toBe(0);
  });
});
