import {
  appendFileSync,
  lchownSync,
  mkdirSync,
  mkdtempSync,
  renameSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { Redis } from 'ioredis';
import pino from 'pino';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import type { EpochMs, OpenTime } from '../../../shared/bar.ts';
import { MACHINE_CLOCK } from '../../../shared/clock.ts';
import { closeFill, openFill, refusedFill } from '../../../shared/fill/fill.fixture.ts';
import { encodeFill, fillKey, FILLS_STREAM, type Fill } from '../../../shared/fill/fill.ts';
import { homePaths, type HomePaths } from '../../../shared/home.ts';
import type { MinutehandError } from '../../../shared/errors.ts';
import { ownerOf } from '../../../shared/owner/owner.ts';
import { OWNER_KEY } from '../../../shared/owner/redis_owner.ts';
import type { Settings } from '../../../shared/policy/policy.ts';
import type { Clock } from '../../../shared/ports.ts';
import type { SignalBody } from '../../../shared/signal/signal.ts';
import { encodeBody } from '../../../shared/signal/encode.ts';
import { enterBody, exitBody, idOf } from '../../../shared/signal/signal.fixture.ts';
import { openJournal } from '../../../shared/store/journal.ts';
import { startRedis, type RedisServer } from '../../../test/redis_server.ts';
import { tinySettings } from '../../../test/tiny_models.ts';
import { POSTGRES_NOTE, startPostgres, type PostgresServer } from '../../store/postgres_server.fixture.ts';
import type { StoreWork } from '../schedule/store_work.ts';
import { openStore, type Store } from '../../store/store.ts';
import { fillsGroup, startFills } from './fills.ts';
import { FillsLink } from './fills_link.ts';
import { createIntake, type FillIntake } from './intake.ts';
import { readRefusedLines, readTrades } from './live_trades.ts';
import { journalLookup } from './signal_lookup.ts';

const NOBODY = 65_534;
const BEGAN_MS = Date.UTC(2026, 10, 20, 8, 26);
const CLOCK: Clock = { ...MACHINE_CLOCK, nowMs: () => (BEGAN_MS + 5000) as EpochMs };
const SETTINGS = tinySettings({ minutehand: { market: 'live' } });

let folder: string;
let paths: HomePaths;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'minutehand-fills-'));
  paths = homePaths({ MINUTEHAND_HOME: join(folder, 'home') });
  mkdirSync(join(paths.home, 'ea', '1_paper'), { recursive: true });
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

/** Journals signals as the daemon does. */
function journalSignals(...bodies: SignalBody[]): void {
  const journal = openJournal(paths.journal('live', 'main'));
  journal.append(
    [],
    bodies.map((body, index) => ({
      bootId: 'b',
      seq: index + 1,
      pairId: body.pair_id,
      time: 0 as OpenTime,
      signalId: body.signal_id,
      body: encodeBody(body),
      featuresCrc: null,
      riskProb: null,
      position: 'null',
      generatedAtMs: BEGAN_MS + index,
    })),
  );
  journal.close();
}

/** Ten lines: entries and their exits, and one refusal. */
function someFills(count = 10): Fill[] {
  return Array.from({ length: count }, (_, index) => {
    const id = idOf(100 + index);
    const common = { signal_id: id, position_id: id, ticket: 1000 + index, time_ms: BEGAN_MS + index * 1000 };
    return index % 5 === 4 ? refusedFill(common) : openFill(common);
  });
}
const linesOf = (fills: readonly Fill[]): string[] => fills.map(encodeFill);
const textOf = (fills: readonly Fill[]): string =>
  linesOf(fills)
    .map((line) => `${line}\n`)
    .join('');

let server: PostgresServer | null = null;
beforeAll(async () => {
  server = await startPostgres();
});
afterAll(async () => server?.stop());

const KINDS = [
  { kind: 'sqlite', note: '', newUrl: () => Promise.resolve(paths.trainer) },
  { kind: 'postgres', note: POSTGRES_NOTE, newUrl: () => server!.createDatabase() },
];

describe.each(KINDS)('live trades on $kind $note', ({ note, newUrl }) => {
  let url: string;
  let store: Store;
  let intake: FillIntake;
  beforeEach(async ({ skip }) => {
    if (note !== '') return skip(note);
    url = await newUrl();
    store = await openStore(url);
    intake = createIntake(store, journalLookup(SETTINGS, paths), CLOCK);
  });
  afterEach(async () => {
    if (note === '') await store.close();
  });

  const stored = async (): Promise<string[]> =>
    (await readTrades(store, { market: 'live' })).map(({ line }) => line).sort();

  it('store each fill once, however often and on however many transports it arrives', async () => {
    const lines = linesOf(someFills());
    expect(await intake.take(lines, 'file', 'result.json')).toEqual({ added: 10, duplicates: 0, refused: 0 });
    expect(await intake.take(lines, 'redis', FILLS_STREAM)).toEqual({ added: 0, duplicates: 10, refused: 0 });
    expect((await readTrades(store, { market: 'live' }))[0]).toMatchObject({ source: 'file', place: 'result.json' });
    expect(await intake.take([...linesOf(someFills(12)), lines[0]!], 'file', 'x')).toMatchObject({ added: 2 });
    expect(await stored()).toEqual(linesOf(someFills(12)).sort());
  });

  it('are attributed to their file, even if Redis was faster', async () => {
    const lines = linesOf(someFills(3));
    await intake.take(lines, 'redis', FILLS_STREAM);
    await intake.take(lines.slice(1), 'file', 'result.json');
    const trades = await readTrades(store, { market: 'live' });
    expect(trades.map(({ source, place }) => [source, place])).toEqual([
      ['redis', FILLS_STREAM],
      ['redis', 'result.json'],
      ['redis', 'result.json'],
    ]);
  });

  it('have the values of a fill, and those computed from it', async () => {
    journalSignals(enterBody(idOf(1)), exitBody(idOf(1), 'Z_EXIT', { signal_id: idOf(2), price_b: null }));
    const stray = openFill({ slippage_bps: 99, latency_ms: -5 });
    await intake.take(linesOf([stray, closeFill(), refusedFill({ signal_ms: 0 })]), 'file', 'x');
    const [refused, open, close] = await readTrades(store, { market: 'live' });
    // Derived values are computed, not copied from the fill.
    expect(open).toMatchObject({
      fill_key: fillKey(stray),
      account: 'paper',
      leg: 'A',
      side: 'SELL',
      lots: 0.5,
      ticket: 1,
      latency_ms: 250,
      signal_ms: BEGAN_MS,
      signal_action: 'ENTER',
      signal_reason: 'ENTRY',
      signal_bar: '2026-11-20T08:26:00Z',
      signal_price: 4100.5,
      model_version: '20261120_0800',
      z_score: 2.5,
      return_prob: 0.8,
      risk_score: 0.1,
      position_scale: 0.5,
      beta: 0.8,
      max_age_bars: 60,
      source: 'file',
    });
    expect(open!.slippage_bps).toBeCloseTo(1, 6);
    expect(close).toMatchObject({ kind: 'close', pnl: 4.5, signal_action: 'EXIT', signal_price: 4100.5 });
    expect(refused).toMatchObject({ error: 'CAP_OPEN_PAIRS', signal_ms: null, latency_ms: null, signal_price: null });
  });

  it('find the signal of a fill when the journal gets it later', async () => {
    await intake.take(linesOf([openFill()]), 'file', 'x');
    expect((await readTrades(store, { market: 'live' }))[0]).toMatchObject({ signal_action: null });
    expect(await intake.join()).toBe(0);
    journalSignals(enterBody(idOf(1)));
    expect(await intake.join()).toBe(1);
    expect((await readTrades(store, { market: 'live' }))[0]).toMatchObject({ signal_action: 'ENTER', beta: 0.8 });
    expect(await intake.join()).toBe(0);
  });

  it('store invalid and contradicting lines separately, each once', async () => {
    await intake.take(linesOf([openFill()]), 'file', 'x');
    const lines = ['hello', linesOf([openFill({ filled_price: 4000 })])[0]!, `{"schema":"minutehand.fill/9"}`];
    expect(await intake.take(lines, 'file', 'x')).toEqual({ added: 0, duplicates: 0, refused: 3 });
    await intake.take(lines, 'redis', FILLS_STREAM);
    const refused = await readRefusedLines(store);
    expect(refused.map(({ code }) => code).sort()).toEqual(['FILL_CONFLICT', 'FILL_FORMAT', 'FILL_SCHEMA']);
    expect((await readTrades(store, { market: 'live' }))[0]).toMatchObject({ filled_price: 4099.59 });
  });

  it('read the complete line after one truncated without a newline', async () => {
    const [first, second] = linesOf(someFills(2)) as [string, string];
    expect(await intake.take([first.slice(0, 100) + second], 'file', 'x')).toMatchObject({ added: 1, refused: 1 });
    expect(await stored()).toEqual([second]);
  });

  it('are read by pair and start time', async () => {
    await intake.take(linesOf(someFills()), 'file', 'x');
    expect(await readTrades(store, { market: 'live', pairIds: ['EURUSD_GBPUSD'] })).toEqual([]);
    expect(await readTrades(store, { market: 'simulated' })).toEqual([]);
    const part = await readTrades(store, { market: 'live', fromMs: BEGAN_MS + 2000 });
    expect(part.map(({ ticket }) => ticket).slice(0, 3)).toEqual([1002, 1003, 1004]);
  });

  describe('follow the files of a home', () => {
    const result = (): string => join(paths.home, 'ea', '1_paper', 'result.json');
    let running: StoreWork;
    const start = (settings: Settings = SETTINGS): void => {
      running = startFills({
        settings,
        paths,
        log: pino({ level: 'silent' }),
        print: () => undefined,
        env: { MINUTEHAND_DATABASE_URL: url },
      });
    };
    beforeEach(() => {
      if (note === '') start();
    });
    afterEach(async () => {
      if (note === '') await running.stop();
    });

    it('from any position, as they grow, over restarts', async () => {
      const fills = someFills(9);
      mkdirSync(join(paths.signals, 'XAUUSD_XAGUSD'), { recursive: true });
      const places = [
        result(),
        join(paths.signals, 'result.json'),
        join(paths.signals, 'XAUUSD_XAGUSD', 'result.json'),
      ];
      for (const [index, place] of places.entries())
        writeFileSync(place, textOf(fills.slice(3 * index, 3 * index + 2)));
      await running.pass();
      expect(await stored()).toHaveLength(6);
      await running.stop();
      for (const [index, place] of places.entries()) appendFileSync(place, textOf([fills[3 * index + 2]!]));
      start();
      await running.pass();
      expect(await stored()).toEqual(linesOf(fills).sort());
      const marks = await store.db.selectFrom('core.fill_files').selectAll().execute();
      expect(marks).toHaveLength(3);
    });

    it('but not in a folder that another user linked', async ({ skip }) => {
      if (process.geteuid?.() !== 0) return skip('links of another user are made as root');
      const fills = someFills(9);
      const elsewhere = join(folder, 'elsewhere');
      for (const path of [elsewhere, paths.signals]) mkdirSync(path, { recursive: true });
      writeFileSync(join(elsewhere, 'result.json'), textOf(fills.slice(0, 3)));
      for (const parent of [paths.ea, paths.signals]) {
        symlinkSync(elsewhere, join(parent, 'linked'));
        lchownSync(join(parent, 'linked'), NOBODY, NOBODY);
      }
      // A link of one's own was made on purpose, such as to the folder of a terminal.
      const terminal = join(folder, 'terminal');
      mkdirSync(terminal);
      writeFileSync(join(terminal, 'result.json'), textOf(fills.slice(3, 6)));
      symlinkSync(terminal, join(paths.ea, 'terminal'));
      writeFileSync(result(), textOf(fills.slice(6, 9)));
      await running.pass();
      expect(await stored()).toEqual(linesOf(fills.slice(3)).sort());
    });

    it('through rotation, truncation and rewriting, without losses or duplicates', async () => {
      const fills = someFills(12);
      writeFileSync(result(), textOf(fills.slice(0, 4)));
      await running.pass();
      // Written and rotated between two reads.
      appendFileSync(result(), textOf(fills.slice(4, 6)));
      renameSync(result(), `${result()}.1`);
      writeFileSync(result(), textOf(fills.slice(6, 8)));
      await running.pass();
      expect(await stored()).toEqual(linesOf(fills.slice(0, 8)).sort());
      writeFileSync(result(), textOf(fills.slice(8, 9)));
      await running.pass();
      writeFileSync(result(), textOf(fills.slice(7, 12)));
      await running.pass();
      expect(await stored()).toEqual(linesOf(fills).sort());
      expect(await readRefusedLines(store)).toEqual([]);
    });

    it('and leave a partial line until it is complete', async () => {
      const text = textOf(someFills(2));
      writeFileSync(result(), text.slice(0, -50));
      await running.pass();
      expect(await stored()).toHaveLength(1);
      appendFileSync(result(), text.slice(-50));
      await running.pass();
      expect(await stored()).toHaveLength(2);
      expect(await readRefusedLines(store)).toEqual([]);
    });

    it('automatically, without a request', async () => {
      writeFileSync(result(), textOf(someFills(3)));
      await eventually(async () => (await stored()).length === 3);
    });
  });
});

describe('fills from Redis', () => {
  const said: string[] = [];
  const logged: string[] = [];
  let redis: RedisServer | null = null;
  let client: Redis;
  let running: StoreWork | null = null;
  beforeEach(async ({ skip }) => {
    redis = await startRedis();
    if (redis === null) return skip('redis-server is not installed');
    client = new Redis(redis.url);
    client.on('error', () => undefined);
  });
  afterEach(async () => {
    await running?.stop();
    running = null;
    if (redis === null) return;
    client.disconnect();
    await redis.stop();
    redis = null;
  });

  const start = (link?: FillsLink): void => {
    const { minutehand } = SETTINGS;
    const transports = {
      ...minutehand.transports,
      redis: { ...minutehand.transports.redis, enabled: 'auto' as const, url: redis!.url },
    };
    const settings = { ...SETTINGS, minutehand: { ...minutehand, transports } };
    said.length = 0;
    logged.length = 0;
    const log = pino({ level: 'info' }, { write: (line: string) => void logged.push(line) });
    running = startFills({
      settings,
      paths,
      log,
      print: (line) => void said.push(line),
      env: {},
      ...(link && { link }),
    });
  };
  const group = (): string => fillsGroup(SETTINGS, paths);
  const send = async (fills: readonly Fill[]): Promise<void> => {
    for (const line of linesOf(fills)) await client.xadd(FILLS_STREAM, '*', 'fill', line);
  };
  const count = async (): Promise<number> => {
    const store = await openStore(paths.trainer);
    const rows = await readTrades(store, { market: 'live' });
    await store.close();
    return rows.length;
  };
  const pending = async (): Promise<number> => {
    const [sum] = (await client.xpending(FILLS_STREAM, group())) as [number];
    return sum;
  };

  it('are read from the first one on, including those from before the trainer, and acknowledged', async () => {
    await send(someFills(3));
    await client.xadd(FILLS_STREAM, '*', 'something', 'else');
    start();
    await eventually(async () => (await count()) === 3);
    await send(someFills(6).slice(3));
    await eventually(async () => (await count()) === 6);
    await eventually(async () => (await pending()) === 0);
    const store = await openStore(paths.trainer);
    expect(await readRefusedLines(store)).toMatchObject([{ code: 'FILL_FORMAT', place: FILLS_STREAM }]);
    await store.close();
  });

  it('are read again if a trainer was killed before it stored them', async () => {
    await client.xgroup('CREATE', FILLS_STREAM, group(), '0', 'MKSTREAM');
    await send(someFills(4));
    // Reads like the trainer, then stops without acknowledging.
    await client.xreadgroup('GROUP', group(), 'trainer', 'COUNT', 3, 'STREAMS', FILLS_STREAM, '>');
    expect(await pending()).toBe(3);
    start();
    await eventually(async () => (await count()) === 4);
    await eventually(async () => (await pending()) === 0);
  });

  it('are read past entries that are too large, new ones and those that were delivered before', async () => {
    const large = 'x'.repeat(4 << 20);
    const addLarge = async (): Promise<void> => {
      for (let i = 0; i < 6; i++) await client.xadd(FILLS_STREAM, '*', 'fill', large);
    };
    await client.xgroup('CREATE', FILLS_STREAM, group(), '0', 'MKSTREAM');
    await send(someFills(1));
    await addLarge();
    await send(someFills(2).slice(1));
    await client.xreadgroup('GROUP', group(), 'trainer', 'COUNT', 7, 'STREAMS', FILLS_STREAM, '>');
    start();
    await eventually(async () => (await count()) === 2);
    await addLarge();
    await send(someFills(4).slice(2));
    await eventually(async () => (await count()) === 4);
    await eventually(async () => (await pending()) === 0);
    // Each is told, some once more after a connection that was closed for them.
    expect(new Set(said.filter((line) => line.startsWith('STREAM_ENTRY_SIZE'))).size).toBe(12);
  });

  it('go on after the largest id, whose entry is taken, then removed', async () => {
    await send(someFills(1));
    await client.xadd(FILLS_STREAM, '18446744073709551615-18446744073709551615', 'fill', linesOf(someFills(2))[1]!);
    start();
    await eventually(async () => (await count()) === 2);
    await eventually(async () => Promise.resolve(said.some((line) => line.startsWith('STREAM_IDS'))));
    await send(someFills(3).slice(2));
    await eventually(async () => (await count()) === 3);
    await eventually(async () => (await pending()) === 0);
    expect(logged.filter((line) => line.includes('are not read from Redis'))).toEqual([]);
  });

  it('are all read by each of two homes', async () => {
    await send(someFills(2));
    start();
    const elsewhere = homePaths({ MINUTEHAND_HOME: mkdtempSync(join(tmpdir(), 'minutehand-fills-')) });
    const { minutehand } = SETTINGS;
    const transports = {
      ...minutehand.transports,
      redis: { ...minutehand.transports.redis, enabled: 'auto' as const, url: redis!.url },
    };
    const settings = { ...SETTINGS, minutehand: { ...minutehand, transports } };
    const log = pino({ level: 'silent' });
    const second = startFills({ settings, paths: elsewhere, log, print: () => undefined, env: {} });
    try {
      await send(someFills(40).slice(2));
      const counts = async (): Promise<number[]> => {
        const store = await openStore(elsewhere.trainer);
        const rows = await readTrades(store, { market: 'live' });
        await store.close();
        return [await count(), rows.length];
      };
      await eventually(async () => (await counts()).join() === '40,40');
    } finally {
      await second.stop();
      rmSync(elsewhere.home, { recursive: true, force: true });
    }
  });

  it('are left alone while another installation publishes into this Redis, which shows, and are read when it is gone', async () => {
    const link = new FillsLink();
    await client.set(OWNER_KEY, 'live:other home /o on host h, process 1', 'PX', 60_000);
    await send(someFills(2));
    start(link);
    await eventually(async () => Promise.resolve(link.takenBy !== null));
    expect(() => link.check()).toThrow(/^Another installation publishes into this Redis.*home \/o on host h/);
    expect(await client.get(OWNER_KEY)).toBe('live:other home /o on host h, process 1');
    expect(await client.pttl(OWNER_KEY)).toBeLessThanOrEqual(60_000);
    expect(await client.exists(FILLS_STREAM)).toBe(1);
    expect(await client.xinfo('GROUPS', FILLS_STREAM)).toEqual([]);
    await client.del(OWNER_KEY);
    await eventually(async () => (await count()) === 2);
    expect(() => link.check()).not.toThrow();
    // Its own daemon.
    await client.set(OWNER_KEY, `${ownerOf(SETTINGS, paths).id} home ${paths.home}, process 2`);
    await send(someFills(3).slice(2));
    await eventually(async () => (await count()) === 3);
  });

  it('that Redis refuses to give, and a Redis that is gone, are faults of the trainer', async () => {
    await client.set(FILLS_STREAM, 'no stream');
    const link = new FillsLink();
    start(link);
    const code = (): string | null => {
      try {
        link.check();
        return null;
      } catch (error) {
        return (error as MinutehandError).code;
      }
    };
    await eventually(async () => Promise.resolve(code() === 'STREAM_REFUSED'));
    await client.del(FILLS_STREAM);
    await send(someFills(1));
    await eventually(async () => (await count()) === 1);
    expect(code()).toBeNull();
    await redis!.kill();
    await eventually(async () => Promise.resolve(code() === 'REDIS_DOWN'));
  });

  it('continue after Redis was restarted empty', async () => {
    start();
    await send(someFills(2));
    await eventually(async () => (await count()) === 2);
    const { port } = redis!;
    await redis!.kill();
    await sleep(50);
    redis = await startRedis([], port);
    await eventually(async () =>
      client.ping().then(
        () => true,
        () => false,
      ),
    );
    await send(someFills(5).slice(1));
    await eventually(async () => (await count()) === 5);
  });
});

async function eventually(look: () => Promise<boolean>): Promise<void> {
  for (let tries = 0; tries < 400; tries++) {
    if (await look()) return;
    await sleep(50);
  }
  throw new Error('never came');
}
