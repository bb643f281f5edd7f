import { spawnSync } from 'node:child_process';
import { cpSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { Redis } from 'ioredis';
import { pino } from 'pino';
import { afterAll, afterEach, beforeAll, describe, expect, it, type TestContext } from 'vitest';
import { activate } from '../../test/activate.ts';
import type { Bar, EpochMs } from '../../shared/bar.ts';
import { MACHINE_CLOCK, MACHINE_SCHEDULER } from '../../shared/clock.ts';
import { warmupBars } from '../../shared/core/features/features.ts';
import { parsePair, symbolsOf } from '../../shared/pair.ts';
import { homePaths } from '../../shared/home.ts';
import type { Settings } from '../../shared/policy/policy.ts';
import { createRng } from '../../shared/rng.ts';
import { packageRoot } from '../../shared/root.ts';
import { IS_WEEKLY } from '../../test/weekly.ts';
import { buildDaemonProgram, type Program, type RunningProgram } from '../../test/program.ts';
import { freePort, startRedis, type RedisServer } from '../../test/redis_server.ts';
import { endsSoonerThan } from '../../test/sooner.ts';
import { tinyBars, tinySettings, tinyModels } from '../../test/tiny_models.ts';
import { startDaemon } from '../main.ts';
import { byMinute, openBench, type Bench } from '../pipeline.fixture.ts';
import { watchArrivals } from './arrival.ts';
import type { IntakeOptions } from './intake.ts';
import { openRedisFeed, type RedisFeed } from './redis.ts';
import { BARS_STREAM, readBarStream } from './redis_stream.ts';
import { Database } from '../../shared/store/sqlite.ts';
import { barInput } from '../queue/input.ts';

const PAIRS = ['XAUUSD_XAGUSD', 'EURUSD_GBPUSD', 'AUDUSD_USDCAD'];
const SYMBOLS = symbolsOf(PAIRS.map(parsePair));
const settings = tinySettings({ minutehand: { market: 'live', feed: { straggler_timeout_ms: 50_000 } } });
const WARMUP = warmupBars(settings.minutehand.windows);
/** `npm run test:weekly` kills more often. */
const KILLS = IS_WEEKLY ? 5 : 3;
const MINUTES = 30 * (KILLS + 1);
const MARKET = byMinute(tinyBars(settings, WARMUP + MINUTES));
const CONNECT_TIMEOUT_MS = 500;
const openMs = (minute: number): number => MARKET[minute]!.time * 1000;

const cleanups: (() => unknown)[] = [];
afterEach(async () => {
  for (const cleanup of cleanups.splice(0).reverse()) await cleanup();
});

async function redisServer(
  context: TestContext,
  args: readonly string[] = [],
  port?: number,
  folder?: string,
): Promise<RedisServer> {
  const server = await startRedis(args, port, folder);
  if (server === null) return context.skip('redis-server is not installed (Debian: apt-get install redis-server)');
  cleanups.push(() => server.stop());
  return server;
}

function clientOf({ url }: { url: string }): Redis {
  const client = new Redis(url, { retryStrategy: () => 20, maxRetriesPerRequest: null });
  client.on('error', () => undefined);
  cleanups.push(() => client.disconnect());
  return client;
}

async function until(what: string, holds: () => boolean): Promise<void> {
  const deadlineMs = performance.now() + 20_000;
  while (!holds()) {
    if (performance.now() > deadlineMs) throw new Error(`not in time: ${what}`);
    await delay(5);
  }
}

const wire = (bar: Bar): string => JSON.stringify({ ...bar, time: bar.time * 1000 });
const wireEmpty = (symbol: string, minute: number): string =>
  JSON.stringify({ symbol, time: openMs(minute), empty: true });

/** A minute of all symbols, one XADD each, as the expert advisor does it. */
async function addMinute(client: Redis, minute: number, isHistory = false): Promise<void> {
  const pipeline = client.pipeline();
  for (const bar of MARKET[minute]!.bars)
    pipeline.xadd(BARS_STREAM, '*', 'bar', wire(bar), ...(isHistory ? ['backfill', '1'] : []));
  for (const [error] of (await pipeline.exec()) ?? []) if (error !== null) throw error;
}

interface Opened {
  readonly feed: RedisFeed;
  readonly bench: Bench;
  readonly outcomes: string[];
  readonly printed: string[];
  readonly lines: { code?: string; count?: number; entries?: string[] }[];
  /** Journal of a daemon that is killed now. */
  readonly kept: { position: string | null };
  taken(): string[];
}

/** The feed in front of a real pipeline whose clock stands one second behind the end of minute `now`. */
function openFeed(
  url: string,
  {
    now = 3,
    nowMs = () => openMs(now) + 61_000,
    position = null as string | null,
    pairs = PAIRS.slice(0, 1),
    bench = null as Bench | null,
    onLive = undefined as IntakeOptions['onLive'],
    isFull = (): boolean => false,
  } = {},
): Opened {
  const own = bench ?? openBench(tinySettings({ minutehand: { pairs } }));
  const outcomes: string[] = [];
  const printed: string[] = [];
  const lines: Opened['lines'] = [];
  const kept = { position };
  const feed = openRedisFeed({
    sink: own.pipeline.inputs,
    lastTimes: () => own.pipeline.status.lastTimes,
    settled: () => own.pipeline.settled(),
    isFull,
    bootId: 'boot',
    symbols: symbolsOf(pairs.map(parsePair)),
    allSymbols: SYMBOLS,
    feedIntervalMs: 60_000,
    clock: { ...MACHINE_CLOCK, nowMs: () => nowMs() as EpochMs },
    scheduler: MACHINE_SCHEDULER,
    maxClockSkewMs: 2000,
    maxBars: 100,
    position,
    keepPosition: (next) => (kept.position = next),
    read: (listener) =>
      readBarStream({ url, ca_file: null, connect_timeout_ms: CONNECT_TIMEOUT_MS, command_timeout_ms: 200 }, listener),
    onOutcome: (outcome) => void outcomes.push(outcome),
    onSeries: (outcome) => void outcomes.push(`series ${outcome}`),
    onRefused: ({ code, message, next }) => void printed.push(`${code}: ${message} ${next}`),
    onReadable: () => void printed.push('readable again'),
    ...(onLive === undefined ? {} : { onLive }),
    log: pino({ level: 'warn' }, { write: (line) => void lines.push(JSON.parse(line) as Opened['lines'][0]) }),
    print: (line) => void printed.push(line),
  });
  cleanups.push(() => feed.stop());
  const taken = (): string[] =>
    own.inputs.map(
      ({ kind, subject, time, backfill }) =>
        `${subject} ${(time - MARKET[0]!.time) / 60}${kind === 'empty' ? ' empty' : ''}${backfill ? ' history' : ''}`,
    );
  return { feed, bench: own, outcomes, printed, lines, kept, taken };
}

describe('bars from the stream minutehand:bars', () => {
  it('are live when they are new, and history when they are old or marked so', async (context) => {
    const server = await redisServer(context);
    const client = clientOf(server);
    await addMinute(client, 0);
    await addMinute(client, 1, true);
    const { taken, bench, outcomes } = openFeed(server.url, { now: 4 });
    await until('two minutes', () => outcomes.length === 4);
    await addMinute(client, 2);
    await addMinute(client, 3);
    await client.xadd(BARS_STREAM, '*', 'bar', wireEmpty('XAUUSD', 4));
    await client.xadd(BARS_STREAM, '*', 'note', 'x', 'bar', wireEmpty('XAGUSD', 4));
    await until('five minutes', () => outcomes.length === 10);
    expect(taken()).toEqual([
      'XAUUSD 0 history',
      'XAGUSD 0 history',
      'XAUUSD 1 history',
      'XAGUSD 1 history',
      'XAUUSD 2 history',
      'XAGUSD 2 history',
      'XAUUSD 3',
      'XAGUSD 3',
      'XAUUSD 4 empty',
      'XAGUSD 4 empty',
    ]);
    await bench.pipeline.settled();
    expect(bench.signals.map(({ timestamp, reason }) => `${timestamp} ${reason}`)).toEqual([
      `${new Date(openMs(4)).toISOString().slice(0, 19)}Z WARMUP`,
      `${new Date(openMs(5)).toISOString().slice(0, 19)}Z LEG_EMPTY`,
    ]);
    expect(outcomes).toEqual(Array(10).fill('accepted'));
  });

  it('have values of series among them, taken in the same order', async (context) => {
    const server = await redisServer(context);
    const client = clientOf(server);
    const { bench, outcomes, lines } = openFeed(server.url, { now: 3 });
    const value = { symbol: 'XAUUSD', series: 'sentiment', event_time: openMs(4), value: 40 };
    await addMinute(client, 3);
    await client.xadd(BARS_STREAM, '*', 'series', JSON.stringify([value, { ...value, value: 101 }]));
    await client.xadd(BARS_STREAM, '*', 'series', JSON.stringify(value));
    await until('all', () => outcomes.length === 5);
    expect(outcomes).toEqual([
      'accepted',
      'accepted',
      'series accepted',
      'series SERIES_MALFORMED',
      'series duplicate',
    ]);
    expect(bench.inputs.map(({ kind }) => kind)).toEqual(['bar', 'bar', 'series']);
    await until('a line', () => lines.length > 0);
    expect(lines[0]).toMatchObject({ code: 'SERIES_MALFORMED', count: 1 });
  });

  it('stay in the stream, and the position with them, while no more rows may wait for the journal', async (context) => {
    const server = await redisServer(context);
    const client = clientOf(server);
    await addMinute(client, 0);
    let full = true;
    let looks = 0;
    const { taken, kept, outcomes, feed } = openFeed(server.url, { isFull: () => (looks++, full) });
    await until('two looks', () => looks >= 2);
    expect([outcomes, kept.position]).toEqual([[], null]);
    full = false;
    await until('the minute', () => outcomes.length === 2);
    expect(taken()).toHaveLength(2);
    full = true;
    await addMinute(client, 1);
    const seen = looks;
    await until('another look', () => looks > seen);
    const position = kept.position;
    await feed.stop();
    expect([outcomes.length, kept.position]).toEqual([2, position]);
  });

  it('are late when they come hours old, one a minute, although they count as history; a backlog is not', async (context) => {
    const server = await redisServer(context);
    const client = clientOf(server);
    const degradations: string[] = [];
    const arrivals = watchArrivals({
      limitMs: 210_000,
      symbols: 2,
      degraded: (what) => degradations.push(what),
      recovered: () => undefined,
      log: pino({ level: 'silent' }),
      print: () => undefined,
    });
    const lateMs = 5 * 3_600_000;
    for (let minute = 0; minute < 10; minute++) await addMinute(client, minute);
    let minute = 9;
    const { outcomes, taken } = openFeed(server.url, {
      nowMs: () => openMs(minute) + 60_000 + lateMs,
      onLive: arrivals.note,
    });
    await until('the backlog', () => outcomes.length === 20);
    arrivals.report();
    expect([arrivals.late, degradations]).toEqual([null, []]);
    for (minute = 10; minute < 13; minute++) {
      await addMinute(client, minute);
      await until(`minute ${minute}`, () => outcomes.length === 2 * (minute + 1));
    }
    arrivals.report();
    expect(arrivals.late).toMatchObject({ time_zone: 'UTC-5', symbols: ['XAGUSD', 'XAUUSD'] });
    expect(degradations).toEqual(['late_bars']);
    expect(taken().every((text) => text.endsWith('history'))).toBe(true);
  });

  it('can be sent by hand, as in the manual', async (context) => {
    const server = await redisServer(context);
    const { taken, outcomes } = openFeed(server.url, { now: 3 });
    const manual = readFileSync(join(packageRoot(), 'docs', 'reference', 'PROTOCOL.md'), 'utf8');
    const line = /^redis-cli XADD .*$/m.exec(manual)![0];
    const here = line
      .replace('redis-cli', `redis-cli -p ${server.port}`)
      .replace('EURUSD', 'XAUUSD')
      .replace(/"time":"[^"]+"/, `"time":${openMs(3)}`);
    expect(spawnSync('bash', ['-c', here], { encoding: 'utf8' }).stderr).toBe('');
    await until('taken', () => outcomes.length === 1);
    expect(taken()).toEqual(['XAUUSD 3']);
  });

  it('that cannot be taken are counted and logged by id, reported once for each code, and do not block others', async (context) => {
    const server = await redisServer(context);
    const client = clientOf(server);
    const { taken, outcomes, printed, lines, feed } = openFeed(server.url, { now: 3 });
    await until('up', () => feed.state === 'up');
    const [gold, silver] = MARKET[3]!.bars.filter(({ symbol }) => /^XA/.test(symbol)) as [Bar, Bar];
    const bad = [
      ['bar', '{"symbol":'],
      ['something', 'else'],
      ['bar', wire({ ...gold, high: gold.low / 2 })],
      ['bar', wire({ ...gold, symbol: 'XAUUSDX' })],
      ['bar', wire({ ...gold, time: (gold.time + 3600) as Bar['time'] })],
      ['bar', '[1, 2'],
    ];
    const ids: string[] = [];
    for (const fields of bad) ids.push((await client.xadd(BARS_STREAM, '*', ...fields))!);
    await client.xadd(BARS_STREAM, '*', 'bar', wire(gold), 'backfill', '0');
    await client.xadd(BARS_STREAM, '*', 'bar', wire(silver));
    await client.xadd(BARS_STREAM, '*', 'bar', wire({ ...silver, volume: silver.volume + 1 }));
    await until('all', () => outcomes.length === 9);
    await until('logged', () => lines.reduce((sum, { count = 0 }) => sum + count, 0) === 7);
    expect(taken()).toEqual(['XAUUSD 3', 'XAGUSD 3']);
    expect(outcomes).toEqual([
      'BODY_NOT_JSON',
      'BAR_MALFORMED',
      'BAR_RANGE',
      'BAR_UNKNOWN_SYMBOL',
      'BAR_FUTURE',
      'BODY_NOT_JSON',
      'accepted',
      'accepted',
      'BAR_REVISED',
    ]);
    const logged = (code: string): string[] =>
      lines.filter((line) => line.code === code).flatMap(({ entries }) => entries!);
    expect(logged('BODY_NOT_JSON')).toEqual([ids[0], ids[5]]);
    expect(logged('BAR_FUTURE')).toEqual([ids[4]]);
    expect(printed.filter((line) => line.includes('BODY_NOT_JSON'))).toHaveLength(1);
    expect(printed.find((line) => line.includes('BAR_MALFORMED'))).toContain(ids[1]);
  });

  it('of other shards are skipped silently', async (context) => {
    const server = await redisServer(context);
    const client = clientOf(server);
    const shards = PAIRS.map((pair) => openFeed(server.url, { now: 3, pairs: [pair] }));
    for (const minute of [2, 3]) await addMinute(client, minute);
    await until('all', () => shards.every(({ outcomes }) => outcomes.length === 4));
    await until('positions', () => shards.every(({ kept }) => kept.position !== null));
    shards.forEach(({ taken, outcomes, lines }, index) => {
      const { a, b } = parsePair(PAIRS[index]!);
      expect(taken().sort()).toEqual([`${a} 2`, `${a} 3`, `${b} 2`, `${b} 3`].sort());
      expect(outcomes).toEqual(Array(4).fill('accepted'));
      expect(lines).toEqual([]);
    });
  });

  it('are read from after the journal’s position, and from the beginning when a pair was added since', async (context) => {
    const server = await redisServer(context);
    const client = clientOf(server);
    for (const minute of [0, 1]) await addMinute(client, minute);
    const first = openFeed(server.url, { now: 1 });
    await until('two minutes', () => first.outcomes.length === 4);
    await first.feed.stop();
    const { position } = first.kept;
    await addMinute(client, 2);
    const second = openFeed(server.url, { now: 2, position, bench: first.bench });
    await until('the third', () => second.outcomes.length === 2);
    await second.feed.stop();
    expect(second.outcomes).toEqual(['accepted', 'accepted']);

    const wider = openBench(tinySettings({ minutehand: { pairs: PAIRS.slice(0, 2) } }));
    for (const { bars } of MARKET.slice(0, 3))
      for (const bar of bars) if (/^XA/.test(bar.symbol)) wider.pipeline.inputs.take(barInput(bar, true));
    const third = openFeed(server.url, {
      now: 2,
      position: second.kept.position,
      pairs: PAIRS.slice(0, 2),
      bench: wider,
    });
    await until('again', () => third.outcomes.length === 12);
    expect(third.outcomes.filter((outcome) => outcome === 'duplicate')).toHaveLength(6);
    expect(third.taken().filter((text) => /^(EUR|GBP)/.test(text))).toHaveLength(6);
    expect(third.lines).toEqual([]);
  });

  it('that were trimmed before they could be read are reported and counted, while it reads and when it reconnects', async (context) => {
    const server = await redisServer(context);
    const client = clientOf(server);
    const { feed, printed, outcomes, kept, bench } = openFeed(server.url, { now: 5 });
    await addMinute(client, 0);
    await until('the first', () => outcomes.length === 2);
    const numberOf = (text: string | null): number | null => (JSON.parse(text!) as { number: number | null }).number;
    await until('counted', () => numberOf(kept.position) === SYMBOLS.length);
    // All in one step, so that no reader can read in between.
    await client
      .multi()
      .xadd(BARS_STREAM, '*', 'bar', 'lost')
      .xadd(BARS_STREAM, 'MAXLEN', 1, '*', 'bar', wireEmpty('XAUUSD', 1))
      .exec();
    await until('said', () => feed.lost === 1);
    expect(printed.at(-1)).toMatch(/^STREAM_TRIMMED: .*1 entries/);
    expect(outcomes.at(-1)).toBe('accepted');

    await feed.stop();
    for (let i = 0; i < 30; i++) await client.xadd(BARS_STREAM, 'MAXLEN', 3, '*', 'bar', wireEmpty('XAGUSD', 2));
    const again = openFeed(server.url, { now: 5, position: kept.position, bench });
    await until('said again', () => again.feed.lost > 0);
    expect(again.feed.lost).toBe(27);
    expect(again.outcomes).toEqual(['accepted', 'duplicate', 'duplicate']);
  });

  it('continue when Redis is absent at first, stalls, or loses its data and gets it again', async (context) => {
    const port = await freePort();
    const url = `redis://127.0.0.1:${port}`;
    const { feed, printed, outcomes, taken } = openFeed(url, { now: 5 });
    await until('down', () => feed.state === 'down');
    expect(printed).toEqual([]);
    const server = await redisServer(context, [], port);
    const client = clientOf(server);
    await addMinute(client, 0);
    await until('the first', () => outcomes.length === 2);
    server.pause();
    await until('stalled', () => feed.state === 'down');
    expect(printed.at(-1)).toMatch(/^Redis gives no bars/);
    // Its attempt to connect times out later than that.
    const stopping = async (): Promise<void> => {
      const waiting = openFeed(url);
      await delay(20);
      await waiting.feed.stop();
    };
    expect(await endsSoonerThan(CONNECT_TIMEOUT_MS, stopping)).toBe(true);
    server.resume();
    await addMinute(client, 1);
    await until('the second', () => outcomes.length === 4);

    await server.kill();
    await redisServer(context, [], port);
    // Its ids begin far before those of the one before.
    const known = MARKET[1]!.bars.map((bar, index) => ['XADD', BARS_STREAM, `1-${index + 1}`, 'bar', wire(bar)]);
    for (const command of known) await client.call(...(command as [string, ...string[]]));
    await until('another', () => printed.some((line) => line.includes('is a different one than before')));
    const next = MARKET[2]!.bars.map((bar, index) => ['XADD', BARS_STREAM, `2-${index + 1}`, 'bar', wire(bar)]);
    for (const command of next) await client.call(...(command as [string, ...string[]]));
    await until('the third', () => taken().length === 6);
    expect(taken()).toEqual([0, 1, 2].flatMap((minute) => [`XAUUSD ${minute} history`, `XAGUSD ${minute} history`]));
    expect(outcomes.filter((outcome) => outcome === 'duplicate')).toHaveLength(2);
    expect(feed.lost).toBe(0);

    // Emptied while it is read.
    await client.flushall();
    await until(
      'emptied',
      () => printed.filter((line) => line.includes('is a different one than before')).length === 2,
    );
    await client.xadd(BARS_STREAM, '1-1', 'bar', wireEmpty('XAUUSD', 3));
    await until('the fourth', () => taken().includes('XAUUSD 3 empty history'));
  });

  it('need a user that may read them, and report that', async (context) => {
    const server = await redisServer(context);
    const client = clientOf(server);
    await client.call('ACL', 'SETUSER', 'reader', 'on', '>word', `~${BARS_STREAM}`, '+info', '+xread');
    const { feed, printed, outcomes } = openFeed(`redis://reader:word@127.0.0.1:${server.port}`, { now: 0 });
    await until('refused', () => feed.state === 'refused');
    expect(printed).toEqual([expect.stringMatching(/^STREAM_REFUSED: .*NOPERM.*\+xread \+xrange \+xinfo/)]);
    expect(feed.refusal?.code).toBe('STREAM_REFUSED');
    // The first commands are allowed, the one that reads is not: it does not count as up in between.
    await client.call('ACL', 'SETUSER', 'reader', '+xrange', '+xinfo', '-xread');
    await addMinute(client, 0);
    await delay(500);
    expect([feed.state, printed.length]).toEqual(['refused', 1]);
    await client.call('ACL', 'SETUSER', 'reader', '+xread');
    await until('taken', () => outcomes.length === 2);
    expect([feed.state, feed.refusal]).toEqual(['up', null]);
    expect(printed.slice(1)).toEqual(['readable again', expect.stringContaining('Bars are also read from Redis')]);
  });

  it('report that a key of another type is refused, also when Redis was absent first', async (context) => {
    const port = await freePort();
    const { feed, printed } = openFeed(`redis://127.0.0.1:${port}`);
    await until('down', () => feed.state === 'down');
    const folder = mkdtempSync(join(tmpdir(), 'minutehand-bars-type-'));
    cleanups.push(() => rmSync(folder, { recursive: true, force: true }));
    const other = await redisServer(context, [], undefined, folder);
    const filler = clientOf(other);
    await filler.set(BARS_STREAM, 'text');
    await filler.save();
    await other.stop();
    await redisServer(context, [], port, folder);
    await until('refused', () => feed.state === 'refused');
    expect(printed).toEqual([expect.stringMatching(/^STREAM_REFUSED: .*WRONGTYPE/)]);
  });
});

describe('a daemon with the stream as its only source', () => {
  let folder: string;
  let trained: { path: string; version: string };
  let program: Program;
  beforeAll(async () => {
    folder = mkdtempSync(join(tmpdir(), 'minutehand-stream-'));
    program = await buildDaemonProgram();
    trained = await tinyModels(join(folder, 'trained'), { market: 'live', settings });
  }, 120_000);
  afterAll(async () => {
    await program.remove();
    rmSync(folder, { recursive: true, force: true });
  });

  function makeHome(name: string): ReturnType<typeof homePaths> {
    const paths = homePaths({ MINUTEHAND_HOME: join(folder, name) });
    mkdirSync(paths.models, { recursive: true });
    cpSync(trained.path, join(paths.models, trained.version), { recursive: true });
    activate(paths.models, trained.version);
    return paths;
  }

  /** Per pair: time, body, features, probability and position of each minute's signal. */
  function answers(paths: ReturnType<typeof homePaths>): Map<string, unknown[]> {
    const db = new Database(paths.journal('live', 'main'), { readonly: true });
    const rows = db
      .prepare(
        `SELECT pair_id, time, body, features_crc, risk_prob, position FROM signals WHERE body NOT LIKE '%"reason":"SHUTDOWN"%' ORDER BY signal_row`,
      )
      .raw()
      .all() as [string, ...unknown[]][];
    db.close();
    return new Map(PAIRS.map((pair) => [pair, rows.filter(([id]) => id === pair)]));
  }

  /** These bars are of the past: with intervals of many years all of them are news, at any pace. */
  const timeless = (redis: object): Settings => ({
    ...settings,
    minutehand: {
      ...settings.minutehand,
      feed: { ...settings.minutehand.feed, interval_ms: 1e12 },
      transports: { ...settings.minutehand.transports, redis: { ...settings.minutehand.transports.redis, ...redis } },
    },
  });

  it(
    'and is killed again and again, as its Redis is, journals what one that has them by HTTP does, byte for byte',
    { timeout: 90_000 },
    async (context) => {
      const data = mkdtempSync(join(folder, 'redis-'));
      const port = await freePort();
      const durable = ['--appendonly', 'yes', '--appendfsync', 'always'];
      let server = await redisServer(context, durable, port, data);
      const client = clientOf(server);

      const calm = makeHome('calm');
      const byHttp = await startDaemon({
        settings: timeless({}),
        paths: calm,
        shard: 'main',
        clock: MACHINE_CLOCK,
        token: undefined,
        print: () => undefined,
      });
      const post = async (bars: readonly Bar[], query = ''): Promise<void> => {
        const body = `[${bars.map(wire).join(',')}]`;
        const answer = await fetch(`http://127.0.0.1:${byHttp.port}/bars${query}`, { method: 'POST', body });
        expect(await answer.json()).toMatchObject({ rejected: [] });
      };
      await post(
        MARKET.slice(0, WARMUP).flatMap(({ bars }) => bars),
        '?backfill=1',
      );
      for (const { bars } of MARKET.slice(WARMUP)) await post(bars);
      await byHttp.stop();

      const rough = makeHome('rough');
      const file = join(folder, 'settings.json');
      writeFileSync(file, JSON.stringify(timeless({ enabled: 'auto', url: server.url })));
      const start = (): RunningProgram => program.start([file], { MINUTEHAND_HOME: join(folder, 'rough') });
      const rng = createRng('stream');
      let daemon: RunningProgram | null = null;
      /** As a feeder does: what was not answered is sent again. */
      const add = async (minute: number, isHistory = false): Promise<void> => {
        for (;;) {
          try {
            return await addMinute(client, minute, isHistory);
          } catch {
            await delay(10);
          }
        }
      };
      for (let life = 0, sent = 0; life <= KILLS; life++) {
        daemon = start();
        while (!(await daemon.line()).includes('"port"'));
        const upTo = life === KILLS ? MARKET.length : WARMUP + 30 * (life + 1);
        const feeding = (async () => {
          for (; sent < upTo; sent++) {
            await add(sent, sent < WARMUP);
            if (sent >= WARMUP) await delay(2);
          }
        })();
        if (life < KILLS) {
          // Amid the minutes of this life; what comes after it waits in the stream.
          while (sent < upTo - 25 + (21 * life) / KILLS) await delay(1);
          if (life % 2 === 1) {
            await server.kill();
            server = await redisServer(context, durable, port, data);
          }
          await delay(rng.integer(10));
          await daemon.kill('SIGKILL');
        }
        await feeding;
      }
      const count = (): number => [...answers(rough).values()].reduce((sum, rows) => sum + rows.length, 0);
      await until('all minutes', () => count() >= PAIRS.length * MINUTES);
      await daemon!.kill('SIGKILL');
      expect(answers(rough)).toEqual(answers(calm));
      expect(count()).toBe(PAIRS.length * MINUTES);
      const bodies = [...answers(calm).values()].flat(2).filter((value) => String(value).startsWith('{"timestamp"'));
      expect(new Set(bodies.map((body) => /"action":"(\w+)"/.exec(String(body))![1]))).toEqual(
        new Set(['ENTER', 'EXIT', 'HOLD']),
      );
    },
  );
});
