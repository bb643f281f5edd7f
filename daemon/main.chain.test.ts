import type { MarketKind } from '../shared/signal/signal.ts';
import { cpSync, existsSync, mkdirSync, mkdtempSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { request } from 'node:http';
import { createServer, type AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setImmediate as nextTurn, setTimeout as delay } from 'node:timers/promises';
import { afterAll, afterEach, beforeAll, describe, expect, it, vi } from 'vitest';
import { WebSocket } from 'ws';
import { activate } from '../test/activate.ts';
import type { Bar } from '../shared/bar.ts';
import { featureSchema } from '../shared/bundle/feature_schema.ts';
import { addHalts, ALL_PAIRS, haltsPath, resume, type Halt } from '../shared/bundle/halts.ts';
import { loadModelSet } from '../shared/bundle/model_set.ts';
import { MACHINE_CLOCK } from '../shared/clock.ts';
import { warmupBars } from '../shared/core/features/features.ts';
import { homePaths, type HomePaths } from '../shared/home.ts';
import type { Settings } from '../shared/policy/policy.ts';
import { verifySignal } from '../shared/signal/verify.ts';
import { lockHome } from '../shared/process/home_lock.ts';
import { openJournal } from '../shared/store/journal.ts';
import { tinyBars, tinySettings, tinyModels } from '../test/tiny_models.ts';
import { replayJournal, type JournalReplaySummary } from './replay.ts';
import type { HealthReport } from './health/health.ts';
import { standBy, startDaemon, type RunningDaemon } from './main.ts';
import { byMinute } from './pipeline.fixture.ts';
import { ENGINES } from './serve/engines.fixture.ts';
import { Database } from '../shared/store/sqlite.ts';
import {
  grantedLatencyUs,
  IDLE_STATES_NOTE,
  latencyRequests,
  MAY_FORBID_IDLE_STATES,
} from './warm/idle_states.fixture.ts';
import { MAY_BE_REAL_TIME, REAL_TIME_NOTE, scheduling } from './warm/real_time.fixture.ts';

const LIVE = { minutehand: { market: 'live', feed: { straggler_timeout_ms: 30_000 } } } as const;
const settings = tinySettings(LIVE);
const { windows, pairs } = settings.minutehand;
const WARMUP = warmupBars(windows);
const MARKET = byMinute(tinyBars(settings, WARMUP + 60));
const HISTORY = MARKET.slice(0, WARMUP).flatMap(({ bars }) => bars);

let folder: string;
let homes = 0;
const trained = { live: '', second: '', simulated: '' };
beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), 'minutehand-daemon-'));
  const train = async (name: string, market: MarketKind, minute: number): Promise<string> =>
    (
      await tinyModels(join(folder, name), {
        market,
        seed: minute,
        created: new Date(Date.UTC(2024, 0, 5, 12, minute)),
      })
    ).path;
  trained.live = await train('live', 'live', 1);
  trained.second = await train('second', 'live', 2);
  trained.simulated = await train('simulated', 'simulated', 3);
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

const cleanups: (() => unknown)[] = [];
afterEach(async () => {
  for (const cleanup of cleanups.splice(0).reverse()) await cleanup();
});

interface Home {
  readonly paths: HomePaths;
  readonly printed: string[];
  start(changes?: Settings, token?: string): Promise<Daemon>;
  /** Copies a bundle here, without making it active. @returns its version */
  install(path: string): string;
}
interface Daemon extends RunningDaemon {
  readonly url: string;
  post(bars: unknown, query?: string): Promise<{ status: number; body: Record<string, unknown> }>;
}

function makeHome(): Home {
  const paths = homePaths({ MINUTEHAND_HOME: join(folder, `home_${++homes}`) });
  const printed: string[] = [];
  return {
    paths,
    printed,
    install(path) {
      const version = path.split('/').at(-1)!;
      mkdirSync(paths.models, { recursive: true });
      cpSync(path, join(paths.models, version), { recursive: true });
      return version;
    },
    async start(changed = settings, token) {
      const daemon = await startDaemon({
        settings: changed,
        paths,
        shard: 'main',
        clock: MACHINE_CLOCK,
        token,
        print: (line) => printed.push(line),
      });
      const url = `http://127.0.0.1:${daemon.port}`;
      cleanups.push(() => daemon.stop());
      return {
        ...daemon,
        url,
        async post(bars, query = '') {
          const body = typeof bars === 'string' ? bars : JSON.stringify(bars);
          const response = await fetch(`${url}/bars${query}`, { method: 'POST', body });
          return { status: response.status, body: (await response.json()) as Record<string, unknown> };
        },
      };
    },
  };
}

async function startWarmDaemon(changes: Settings = settings): Promise<{ home: Home; daemon: Daemon; version: string }> {
  const home = makeHome();
  const version = home.install(trained.live);
  activate(home.paths.models, version);
  const daemon = await home.start(changes);
  await daemon.post(wire(HISTORY), '?backfill=1');
  return { home, daemon, version };
}

const wire = (bars: readonly Bar[]): object[] => bars.map((bar) => ({ ...bar, time: bar.time * 1000 }));
const minuteWire = (index: number): object[] => wire(MARKET[index]!.bars);
const withCode = (code: string): Error => expect.objectContaining({ code }) as Error;

interface Client {
  readonly socket: WebSocket;
  next(): Promise<string>;
}
async function connect(url: string, options: object = {}): Promise<Client> {
  const socket = new WebSocket(url.replace('http', 'ws'), options);
  const waiting: string[] = [];
  const readers: ((text: string) => void)[] = [];
  socket.on('message', (data: Buffer) => {
    const reader = readers.shift();
    if (reader) reader(data.toString());
    else waiting.push(data.toString());
  });
  cleanups.push(() => socket.terminate());
  await new Promise((resolve, reject) => {
    socket.once('open', resolve);
    socket.once('error', reject);
  });
  return {
    socket,
    next: () =>
      waiting.length > 0 ? Promise.resolve(waiting.shift()!) : new Promise((resolve) => readers.push(resolve)),
  };
}

/** Replays the journal of a daemon that has ended, and counts its signals. */
async function replayOf({ paths }: Home): Promise<JournalReplaySummary & { readonly stored: number }> {
  const store = openJournal(paths.journal('live', 'main'), { readOnly: true });
  try {
    const replayed = await replayJournal({
      settings,
      pairIds: pairs,
      clock: MACHINE_CLOCK,
      bootId: 'replay',
      store,
      onSignals: () => undefined,
      loadModels: (name) => loadModelSet(join(paths.models, name), featureSchema(windows), pairs.length),
    });
    return { ...replayed, stored: [...store.signals()].length };
  } finally {
    store.close();
  }
}

describe.each(ENGINES)('a live daemon on %s', (engine) => {
  const onEngine = tinySettings({ minutehand: { ...LIVE.minutehand, transports: { daemon: { port: 0, engine } } } });

  const startWarm = (): ReturnType<typeof startWarmDaemon> => startWarmDaemon(onEngine);

  it('accepts history, then bars, and publishes each minute to WebSocket, file and journal', async () => {
    const home = makeHome();
    const version = home.install(trained.live);
    activate(home.paths.models, version);
    const daemon = await home.start(onEngine);
    expect((await fetch(`${daemon.url}/readyz`)).status).toBe(503);
    expect(await (await fetch(`${daemon.url}/healthz`)).json()).toMatchObject({ status: 'waiting', pairs_ready: 0 });
    const history = await daemon.post(wire(HISTORY), '?backfill=1');
    expect(history).toMatchObject({ status: 200, body: { accepted: HISTORY.length, rejected: [] } });
    expect((await fetch(`${daemon.url}/readyz`)).status).toBe(200);
    const last = new Date(MARKET[WARMUP - 1]!.time * 1000).toISOString();
    expect(await (await fetch(`${daemon.url}/healthz`)).json()).toMatchObject({
      status: 'ok',
      market: 'live',
      boot_id: daemon.bootId,
      server_engine: engine,
      model_version: version,
      model_market: 'live',
      model_refused: null,
      pairs: 3,
      pairs_ready: 3,
      redis: 'off',
      last_bars: { XAUUSD: last, USDCAD: last },
    });

    const all = await connect(`${daemon.url}/signals`);
    const one = await connect(`${daemon.url}/signals?pairs=${pairs[1]}`);
    for (let i = 0; i < 3; i++) {
      expect((await daemon.post(minuteWire(WARMUP + i))).status).toBe(200);
      const texts = [await all.next(), await all.next(), await all.next()];
      const received = texts.map((text) => verifySignal(text));
      // Old minutes, sent as live ones: no consumer may enter on them.
      for (const text of texts) expect(() => verifySignal(text, Date.now())).toThrow(/expired/);
      expect(new Set(received.map(({ pair_id }) => pair_id))).toEqual(new Set(pairs));
      for (const signal of received)
        expect(signal).toMatchObject({
          seq: i + 1,
          boot_id: daemon.bootId,
          market: 'live',
          mode: 'OK',
          model_version: version,
        });
      expect(verifySignal(await one.next())).toMatchObject({ pair_id: pairs[1], seq: i + 1 });
    }
    const file = verifySignal(readFileSync(join(home.paths.signals, pairs[0]!, 'signal.json'), 'utf8'));
    expect(file).toMatchObject({ pair_id: pairs[0], seq: 3 });
    const late = await connect(`${daemon.url}/signals?pairs=${pairs[0]}`);
    expect(verifySignal(await late.next())).toEqual(file);
    const store = openJournal(home.paths.journal('live', 'main'), { readOnly: true });
    expect(store.lastSignals().map(({ time }) => time)).toEqual(Array(3).fill(MARKET[WARMUP + 2]!.time));
    store.close();
    const metrics = await (await fetch(`${daemon.url}/metrics`)).text();
    expect(metrics).toMatch(new RegExp(`minutehand_bars_total\\{outcome="accepted"\\} ${HISTORY.length + 18}\\n`));
    expect(metrics).toMatch(/minutehand_pairs_ready 3\n/);
    expect(metrics).toMatch(/minutehand_websocket_connections 3\n/);
    expect(metrics).toMatch(/minutehand_bar_to_signal_seconds_count{transport="websocket"} 3\n/);
  });

  it('answers bad bars with their code, and continues', async () => {
    const { daemon } = await startWarm();
    const [first, ...others] = minuteWire(WARMUP);
    expect(await daemon.post([{ ...first, high: 0 }, ...others])).toMatchObject({
      status: 207,
      body: { accepted: 5, rejected: [{ index: 0, code: 'BAR_NOT_POSITIVE' }], error: { code: 'BAR_NOT_POSITIVE' } },
    });
    expect(await daemon.post('{')).toMatchObject({ status: 400, body: { error: { code: 'BODY_NOT_JSON' } } });
    expect(await daemon.post({ ...first, symbol: 'DOGEUSD' })).toMatchObject({ status: 422 });
    expect(await daemon.post(wire(MARKET[3]!.bars)[0])).toMatchObject({ status: 200, body: { duplicates: 1 } });
    expect(await daemon.post({ ...wire(MARKET[3]!.bars)[0], volume: 1e9 })).toMatchObject({
      status: 409,
      body: { error: { code: 'BAR_REVISED' } },
    });
    const tooMany = Array.from({ length: settings.minutehand.feed.max_bars_per_request + 1 }, () => 0);
    expect(await daemon.post(tooMany)).toMatchObject({ status: 413, body: { error: { code: 'BAR_TOO_MANY' } } });
    expect((await fetch(`${daemon.url}/bars`)).status).toBe(405);
    expect((await fetch(`${daemon.url}/nothing`)).status).toBe(404);
    expect(await daemon.post(first)).toMatchObject({ status: 200, body: { accepted: 1 } });
    const metrics = await (await fetch(`${daemon.url}/metrics`)).text();
    expect(metrics).toContain('minutehand_bars_total{outcome="BAR_NOT_POSITIVE"} 1\n');
    expect(metrics).toContain('minutehand_bars_total{outcome="BAR_REVISED"} 1\n');
  });

  it('refuses all bars of a feeder that expects another boot', async () => {
    const { daemon } = await startWarm();
    const minute = minuteWire(WARMUP);
    expect(await daemon.post(minute, '?boot_id=20200101T000000000Z')).toMatchObject({
      status: 409,
      body: { error: { code: 'BOOT_CHANGED' } },
    });
    expect(await daemon.post(minute, `?boot_id=${daemon.bootId}`)).toMatchObject({
      status: 200,
      body: { boot_id: daemon.bootId, accepted: minute.length, duplicates: 0 },
    });
  });

  it('accepts bars by WebSocket too, and answers each message', async () => {
    const { daemon } = await startWarm();
    const signals = await connect(`${daemon.url}/signals`);
    const feed = await connect(`${daemon.url}/bars`);
    feed.socket.send(JSON.stringify(minuteWire(WARMUP)));
    expect(JSON.parse(await feed.next())).toEqual({
      boot_id: daemon.bootId,
      accepted: 6,
      duplicates: 0,
      late: 0,
      rejected: [],
      stored: true,
    });
    expect(verifySignal(await signals.next()).seq).toBe(1);
    feed.socket.send('not JSON');
    expect(JSON.parse(await feed.next())).toMatchObject({ error: { code: 'BODY_NOT_JSON' } });
    feed.socket.send(JSON.stringify({ symbol: 'XAUUSD', time: 1 }));
    expect(JSON.parse(await feed.next())).toMatchObject({ rejected: [{ code: 'BAR_OFF_MINUTE' }] });
    const history = await connect(`${daemon.url}/bars?backfill=1`);
    history.socket.send(JSON.stringify(minuteWire(WARMUP + 1)));
    expect(JSON.parse(await history.next())).toMatchObject({ accepted: 6 });
    feed.socket.send(JSON.stringify(minuteWire(WARMUP + 2)));
    expect(JSON.parse(await feed.next())).toMatchObject({ accepted: 6 });
    await signals.next();
    await signals.next();
    expect(verifySignal(await signals.next())).toMatchObject({
      seq: 2,
      timestamp: expect.stringMatching(/Z$/) as string,
    });
  });

  it('accepts series by HTTP and WebSocket, shows their age, and continues with them after a restart', async () => {
    const home = makeHome();
    const daemon = await home.start(onEngine);
    const value = { symbol: 'XAUUSD', series: 'sentiment', event_time: Date.now() - 60_000, value: 40 };
    const post = async (url: string, body: unknown): Promise<{ status: number; body: unknown }> => {
      const response = await fetch(`${url}/series`, { method: 'POST', body: JSON.stringify(body) });
      return { status: response.status, body: await response.json() };
    };
    const wrong = { ...value, arrival_time: Date.now() };
    expect(await post(daemon.url, [value, wrong])).toMatchObject({
      status: 207,
      body: { boot_id: daemon.bootId, accepted: 1, stored: true, rejected: [{ index: 1, code: 'SERIES_MALFORMED' }] },
    });
    const feed = await connect(`${daemon.url}/series`);
    const old = { ...value, series: 'order_book_imbalance', event_time: Date.now() - 3_599_500, value: 1 };
    feed.socket.send(JSON.stringify([value, old]));
    expect(JSON.parse(await feed.next())).toMatchObject({ accepted: 1, duplicates: 1, stored: true });
    await daemon.stop();
    const again = await home.start(onEngine);
    expect(await post(again.url, value)).toMatchObject({ status: 200, body: { accepted: 0, duplicates: 1 } });
    await expect
      .poll(() => again.health().series.map(({ series, stale }) => [series, stale]))
      .toEqual([
        ['order_book_imbalance', true],
        ['sentiment', false],
      ]);
    const metrics = await (await fetch(`${again.url}/metrics`)).text();
    expect(metrics).toMatch(/minutehand_series_age_seconds\{symbol="XAUUSD",series="sentiment"\} 6\d\./);
    expect(metrics).toContain('minutehand_series_total{outcome="duplicate"} 1');
  });

  it('does not let a page of another site send bars or read signals', async () => {
    const { daemon } = await startWarm();
    const body = JSON.stringify(minuteWire(WARMUP));
    for (const origin of [
      'https://evil.example',
      'http://localhost.evil.example',
      'null',
      'http://127.0.0.1.evil.example:7400',
    ]) {
      const answer = await fetch(`${daemon.url}/bars`, { method: 'POST', body, headers: { origin } });
      expect([answer.status, ((await answer.json()) as { error: { code: string } }).error.code]).toEqual([
        403,
        'ORIGIN_REFUSED',
      ]);
      await expect(connect(`${daemon.url}/bars`, { origin })).rejects.toThrow('403');
      await expect(connect(`${daemon.url}/signals`, { origin })).rejects.toThrow('403');
      expect((await fetch(`${daemon.url}/healthz`, { headers: { origin } })).status).toBe(403);
    }
    for (const origin of ['http://localhost:7401', 'http://127.0.0.1', 'http://[::1]:3000']) {
      expect((await fetch(`${daemon.url}/bars`, { method: 'POST', body, headers: { origin } })).status).toBe(200);
      await connect(`${daemon.url}/bars`, { origin });
      await connect(`${daemon.url}/signals`, { origin });
    }
  });

  it('does not answer under a name that is not its own, unless that is configured', async () => {
    const statusOf = (port: number, path: string, host: string): Promise<number | undefined> =>
      new Promise((resolve, reject) => {
        const asked = request({ host: '127.0.0.1', port, path, headers: { host } }, (response) => {
          response.resume();
          resolve(response.statusCode);
        });
        asked.on('error', reject).end();
      });
    const { daemon } = await startWarm();
    const { minutehand } = onEngine;
    const { transports } = minutehand;
    const named = { ...transports.daemon, allowed_hosts: ['trader.example'] };
    const open = await makeHome().start({
      ...onEngine,
      minutehand: { ...minutehand, transports: { ...transports, daemon: named } },
    });
    for (const path of ['/healthz', '/readyz', '/metrics']) {
      expect(await statusOf(daemon.port, path, `evil.example:${daemon.port}`)).toBe(403);
      expect(await statusOf(daemon.port, path, `trader.example:${daemon.port}`)).toBe(403);
      expect(await statusOf(daemon.port, path, `localhost:${daemon.port}`)).not.toBe(403);
      expect(await statusOf(open.port, path, `trader.example:${open.port}`)).not.toBe(403);
    }
    const rebound = { headers: { host: 'evil.example' }, origin: 'http://evil.example' };
    for (const path of ['/signals', '/bars'])
      await expect(connect(`${daemon.url}${path}`, rebound)).rejects.toThrow('403');
    await connect(`${open.url}/signals`, { headers: { host: 'trader.example' }, origin: 'https://trader.example' });
  });
});

describe('a daemon on standby', () => {
  async function waitBeside(home: Home, changes: Settings = settings) {
    const ending = new AbortController();
    let onWaiting: () => void = () => undefined;
    const waiting = new Promise<void>((resolve) => (onWaiting = resolve));
    const options = {
      settings: changes,
      paths: home.paths,
      shard: 'main',
      clock: MACHINE_CLOCK,
      token: undefined,
      print: (line: string) => void home.printed.push(line),
    };
    const started = standBy(options, ending.signal, onWaiting);
    cleanups.push(
      async () => (await started.catch(() => null))?.stop(),
      () => ending.abort(),
    );
    return { waiting, started, ending };
  }

  it('begins at once where no daemon runs', async () => {
    const home = makeHome();
    const { started } = await waitBeside(home);
    expect((await started)!.health().status).toBe('waiting');
    await expect(home.start()).rejects.toThrowError(withCode('HOME_LOCKED'));
  });

  it('takes over with the models when the other ends, which then sends no final heartbeat; the last daemon does', async () => {
    const { home, daemon } = await startWarmDaemon();
    await daemon.post(minuteWire(WARMUP));
    const standby = await waitBeside(home);
    await standby.waiting;
    const third = await waitBeside(home);
    home.printed.length = 0;
    await daemon.stop();
    const next = (await standby.started)!;
    expect(next.bootId > daemon.bootId).toBe(true);
    expect(next.health()).toMatchObject({ model_version: trained.live.split('/').at(-1)!, pairs_ready: pairs.length });
    const url = `http://127.0.0.1:${next.port}`;
    await fetch(`${url}/bars`, { method: 'POST', body: JSON.stringify(minuteWire(WARMUP + 1)) });
    await third.waiting;
    third.ending.abort();
    expect(await third.started).toBe(null);
    const client = await connect(`${url}/signals?pairs=${pairs[0]}`);
    await client.next();
    const refused = client.next();
    await next.stop();
    expect(verifySignal(await refused)).toMatchObject({ reason: 'SHUTDOWN', mode: 'HALT', seq: 2 });
    const db = new Database(home.paths.journal('live', 'main'), { readonly: true });
    const printed = db.prepare('SELECT boot_id, body FROM signals ORDER BY signal_row').all() as Record<
      string,
      string
    >[];
    db.close();
    expect(printed.map(({ boot_id, body }) => [boot_id, body!.includes('SHUTDOWN')])).toEqual([
      ...Array<unknown>(pairs.length).fill([daemon.bootId, false]),
      ...Array<unknown>(pairs.length).fill([next.bootId, false]),
      ...Array<unknown>(pairs.length).fill([next.bootId, true]),
    ]);
    const file = JSON.parse(readFileSync(join(home.paths.signals, pairs[0]!, 'signal.json'), 'utf8')) as object;
    expect(file).toMatchObject({ reason: 'SHUTDOWN', boot_id: next.bootId });
  });

  it('that cannot begin leaves the lease to the next one, and the active daemon alone', async () => {
    const { home, daemon } = await startWarmDaemon();
    const other = createServer().listen(0, '127.0.0.1');
    await new Promise((resolve) => other.once('listening', resolve));
    cleanups.push(() => other.close());
    const { port } = other.address() as AddressInfo;
    const transports = { daemon: { port } };
    const refused = await waitBeside(home, tinySettings({ minutehand: { ...LIVE.minutehand, transports } }));
    await refused.waiting;
    const waiting = await waitBeside(home);
    expect((await daemon.post(minuteWire(WARMUP))).status).toBe(200);
    await daemon.stop();
    await expect(refused.started).rejects.toThrowError(withCode('PORT_TAKEN'));
    expect((await waiting.started)!.health().pairs_ready).toBe(pairs.length);
  });
});

describe('the start of a daemon', () => {
  it('fails with PORT_TAKEN on a taken port, and releases the home', async () => {
    const other = createServer().listen(0, '127.0.0.1');
    await new Promise((resolve) => other.once('listening', resolve));
    cleanups.push(() => other.close());
    const { port } = other.address() as AddressInfo;
    const home = makeHome();
    const taken = tinySettings({ minutehand: { ...LIVE.minutehand, transports: { daemon: { port } } } });
    await expect(home.start(taken)).rejects.toThrowError(withCode('PORT_TAKEN'));
    lockHome(home.paths.lock('daemon_main'))();
    expect((await home.start()).health().status).toBe('waiting');
  });

  it('fails with HOME_LOCKED beside another daemon, which continues', async () => {
    const home = makeHome();
    const daemon = await home.start();
    await expect(home.start()).rejects.toThrowError(withCode('HOME_LOCKED'));
    expect((await daemon.post(minuteWire(0))).status).toBe(200);
    await daemon.stop();
    await home.start();
  });

  it('fails on a shard that is not configured, and on a file that is no journal, and releases the home', async () => {
    const home = makeHome();
    const options = {
      settings,
      paths: home.paths,
      clock: MACHINE_CLOCK,
      token: undefined,
    };
    await expect(startDaemon({ ...options, shard: 'mian', print: () => undefined })).rejects.toThrowError(
      withCode('CONFIG_INVALID'),
    );
    mkdirSync(home.paths.home, { recursive: true });
    const journal = home.paths.journal('live', 'main');
    writeFileSync(journal, 'not a journal '.repeat(1000));
    await expect(home.start()).rejects.toThrowError(withCode('JOURNAL_DAMAGED'));
    renameSync(journal, `${journal}.away`);
    await home.start();
  });

  it('needs no models: signals go out in HALT, and entries begin when a bundle is made active', async () => {
    const home = makeHome();
    const daemon = await home.start();
    await daemon.post(wire(HISTORY), '?backfill=1');
    const signals = await connect(`${daemon.url}/signals`);
    await daemon.post(minuteWire(WARMUP));
    expect(verifySignal(await signals.next())).toMatchObject({ mode: 'HALT', reason: 'NO_MODEL' });
    expect(daemon.health()).toMatchObject({ status: 'waiting', model_version: null, pairs_ready: 3 });
    activate(home.paths.models, home.install(trained.live));
    await vi.waitFor(() => expect(daemon.health().status).toBe('ok'), { timeout: 20_000 });
  });

  it('gives every start a boot_id that sorts after the previous one, even when the clock was set back', async () => {
    const home = makeHome();
    const ids: string[] = [];
    for (const nowMs of [Date.now(), Date.now() - 86_400_000, Date.now() - 86_400_000]) {
      const clock = { ...MACHINE_CLOCK, nowMs: () => nowMs as never };
      const daemon = await startDaemon({
        settings,
        paths: home.paths,
        shard: 'main',
        clock,
        token: undefined,
        print: () => undefined,
      });
      ids.push(daemon.bootId);
      await daemon.stop();
    }
    expect(ids).toEqual([...new Set(ids)].sort());
  });

  it('stops with all accepted bars in the journal, and its port free', async () => {
    const home = makeHome();
    const daemon = await home.start();
    const answers = Promise.all([daemon.post(wire(HISTORY), '?backfill=1'), daemon.post(minuteWire(WARMUP))]);
    await answers;
    await daemon.stop();
    await daemon.stop();
    await expect(fetch(`${daemon.url}/healthz`)).rejects.toThrow();
    const store = openJournal(home.paths.journal('live', 'main'), { readOnly: true });
    const counts = [...store.lastBars().keys()].map((symbol) => store.newestBars(symbol, 2 * WARMUP).length);
    expect(Math.max(...counts)).toBe(WARMUP + 1);
    expect(store.lastSignals()).toHaveLength(3);
    store.close();
  });
});

describe('a daemon whose disk refuses the journal', () => {
  it('continues in mode DEGRADED, and has lost nothing when there is room again', async () => {
    const home = makeHome();
    activate(home.paths.models, home.install(trained.live));
    const daemon = await home.start();
    await daemon.post(wire(HISTORY), '?backfill=1');
    const signals = await connect(`${daemon.url}/signals`);
    const feeder = await connect(`${daemon.url}/bars`);
    const modesOfNextMinute = async (index: number, stored = true): Promise<string[]> => {
      const answer = { status: stored ? 200 : 202, body: { accepted: 6, rejected: [], stored } };
      expect(await daemon.post(minuteWire(index))).toMatchObject(answer);
      feeder.socket.send(JSON.stringify(minuteWire(index)));
      expect(JSON.parse(await feeder.next())).toMatchObject({ accepted: 0, duplicates: 6, stored });
      return [await signals.next(), await signals.next(), await signals.next()].map((text) => verifySignal(text).mode);
    };
    const path = home.paths.journal('live', 'main');
    const disk = new Database(path);
    cleanups.push(() => disk.close());
    disk.exec("CREATE TRIGGER refuse BEFORE INSERT ON signals BEGIN SELECT raise(ABORT, 'no room'); END");
    expect(await modesOfNextMinute(WARMUP, false)).toEqual(['OK', 'OK', 'OK']);
    expect(daemon.health()).toMatchObject({ status: 'degraded', degradations: ['journal'] });
    expect(home.printed.filter((line) => line.startsWith('JOURNAL_WRITE'))).toHaveLength(1);
    expect(await modesOfNextMinute(WARMUP + 1, false)).toEqual(['DEGRADED', 'DEGRADED', 'DEGRADED']);
    expect(disk.prepare('SELECT max(time) FROM inputs').pluck().get()).toBe(MARKET[WARMUP - 1]!.time);
    disk.exec('DROP TRIGGER refuse');
    expect(await modesOfNextMinute(WARMUP + 2)).toEqual(['DEGRADED', 'DEGRADED', 'DEGRADED']);
    expect(daemon.health()).toMatchObject({ status: 'ok', degradations: [] });
    expect(await modesOfNextMinute(WARMUP + 3)).toEqual(['OK', 'OK', 'OK']);
    const times = MARKET.slice(WARMUP, WARMUP + 4).map(({ time }) => time);
    for (const id of pairs)
      expect(disk.prepare('SELECT time FROM signals WHERE pair_id = ? ORDER BY signal_row').pluck().all(id)).toEqual(
        times,
      );
    const count = "SELECT count(*) FROM inputs WHERE kind = 'bar'";
    expect(disk.prepare(count).pluck().get()).toBe((WARMUP + 4) * 6);
  });
});

describe('the models of a live daemon', () => {
  const flipByte = (file: string): void => {
    const bytes = readFileSync(file);
    bytes[bytes.length >> 1]! ^= 1;
    writeFileSync(file, bytes);
  };
  const refusal = (daemon: Daemon): string | undefined => daemon.health().model_refused?.code;

  it('stay active when a bundle with one flipped byte is made active, which is reported until it is fixed', async () => {
    const home = makeHome();
    const good = home.install(trained.live);
    activate(home.paths.models, good);
    const daemon = await home.start();
    await daemon.post(wire(HISTORY), '?backfill=1');
    const second = home.install(trained.second);
    const file = join(home.paths.models, second, 'ai2.onnx');
    flipByte(file);
    activate(home.paths.models, second);
    await vi.waitFor(() => expect(refusal(daemon)).toBe('MODEL_HASH'), { timeout: 20_000 });
    const health = (await (await fetch(`${daemon.url}/healthz`)).json()) as HealthReport;
    expect(health).toMatchObject({ status: 'degraded', model_version: good, model_refused: { version: second } });
    expect(health.model_refused!.message).toContain('ai2.onnx');
    await delay(1100);
    expect(home.printed.filter((line) => line.includes('MODEL_HASH'))).toHaveLength(1);
    const signals = await connect(`${daemon.url}/signals`);
    await daemon.post(minuteWire(WARMUP));
    expect(verifySignal(await signals.next())).toMatchObject({ mode: 'OK', model_version: good });

    flipByte(file);
    await vi.waitFor(() => expect(daemon.health()).toMatchObject({ model_version: second, model_refused: null }), {
      timeout: 20_000,
    });
    await daemon.post(minuteWire(WARMUP + 1));
    for (let i = 0; i < 2; i++) await signals.next();
    expect(verifySignal(await signals.next())).toMatchObject({ mode: 'OK', model_version: second, seq: 2 });
    const metrics = await (await fetch(`${daemon.url}/metrics`)).text();
    expect(metrics).toContain('minutehand_models_refused_total{code="MODEL_HASH"} 1\n');
    expect(metrics).toContain('minutehand_model_swaps_total 2\n');
  });

  it('are never those of a simulated market; the refusal is withdrawn with the pointer', async () => {
    const home = makeHome();
    const simulated = home.install(trained.simulated);
    activate(home.paths.models, simulated);
    const daemon = await home.start();
    expect(daemon.health()).toMatchObject({
      status: 'waiting',
      model_version: null,
      model_refused: { code: 'MODEL_SIMULATED', version: simulated },
    });
    const good = home.install(trained.live);
    activate(home.paths.models, good);
    await vi.waitFor(() => expect(daemon.health()).toMatchObject({ model_version: good, model_refused: null }), {
      timeout: 20_000,
    });
    const broken = home.install(trained.second);
    rmSync(join(home.paths.models, broken, 'ai1.onnx'));
    activate(home.paths.models, broken);
    await vi.waitFor(() => expect(refusal(daemon)).toBe('MODEL_MISSING'), { timeout: 20_000 });
    activate(home.paths.models, good);
    await vi.waitFor(() => expect(daemon.health()).toMatchObject({ model_version: good, model_refused: null }), {
      timeout: 20_000,
    });
    writeFileSync(join(home.paths.models, 'active.json'), '{"version":"../../etc"}');
    await vi.waitFor(() => expect(refusal(daemon)).toBe('MODEL_MANIFEST'), { timeout: 20_000 });
    expect(daemon.health().model_version).toBe(good);
  });

  it('are refused when they were trained on other features', async () => {
    const home = makeHome();
    activate(home.paths.models, home.install(trained.live));
    const otherWindows = tinySettings({ minutehand: { ...LIVE.minutehand, windows: { z_window: 21 } } });
    const daemon = await home.start(otherWindows);
    expect(refusal(daemon)).toBe('MODEL_SCHEMA');
  });
});

describe('a daemon whose live KPIs are past their limit', () => {
  const halt = (pair_id: string, version: string): Halt => ({
    pair_id,
    reason: 'win_rate',
    seen: '0.31 in 60 trades',
    limit: 'at least 0.4',
    version,
    since: '2026-11-20T07:30:00.000Z',
  });
  const [gold, ...rest] = pairs as [string, ...string[]];

  it('halts the pair from the next bar on, over a restart, until a person or a new bundle clears it, as its journal shows', async () => {
    const home = makeHome();
    const { models } = home.paths;
    const version = home.install(trained.live);
    const second = home.install(trained.second);
    activate(models, version);
    let daemon = await home.start();
    await daemon.post(wire(HISTORY), '?backfill=1');
    let at = WARMUP;
    const modesOf = async (bars = 1): Promise<Record<string, string>> => {
      const signals = await connect(`${daemon.url}/signals`);
      const modes: Record<string, string> = {};
      for (let i = 0; i < bars; i++) await daemon.post(minuteWire(at++));
      for (let i = 0; i < bars * pairs.length; i++) {
        const { pair_id, mode, action, reason, timestamp } = verifySignal(await signals.next());
        // Of a subscription, the first signals are those from before it.
        if (Date.parse(timestamp) / 1000 <= MARKET[at - bars]!.time) {
          i--;
          continue;
        }
        modes[pair_id] = mode;
        expect(mode === 'HALT' && action === 'ENTER').toBe(false);
        if (reason === 'KPI_HALT') expect(mode).toBe('HALT');
      }
      return modes;
    };
    const until = (halted: readonly string[]): Promise<void> =>
      vi.waitFor(() => expect(daemon.health().halted_pairs).toEqual(halted), { timeout: 20_000 });
    const free = Object.fromEntries(pairs.map((id) => [id, 'OK']));
    expect(await modesOf()).toEqual(free);

    addHalts(models, [halt(gold, version), halt(ALL_PAIRS, second)]);
    await until([gold]);
    expect(await modesOf(10)).toEqual({ ...free, [gold]: 'HALT' });
    const health = (await (await fetch(`${daemon.url}/healthz`)).json()) as HealthReport;
    expect(health).toMatchObject({ status: 'degraded', halted_pairs: [gold], halts: [halt(gold, version)] });
    expect(await (await fetch(`${daemon.url}/metrics`)).text()).toContain('minutehand_pairs_halted 1\n');
    expect(home.printed.filter((line) => line.includes(gold)).join()).toContain('win_rate 0.31 in 60 trades');

    // A torn file changes nothing, not even for the next process, which reads the journal.
    writeFileSync(haltsPath(models), '{"halts":[{');
    await vi.waitFor(() => expect(daemon.health().halts_refused?.code).toBe('HALTS_FORMAT'), { timeout: 20_000 });
    expect(daemon.health().halted_pairs).toEqual([gold]);
    await daemon.stop();
    daemon = await home.start();
    expect(daemon.health()).toMatchObject({ halted_pairs: [gold], halts_refused: { code: 'HALTS_FORMAT' } });
    expect(await modesOf()).toEqual({ ...free, [gold]: 'HALT' });

    // Nor does one that is gone: only a person lifts a halt.
    rmSync(haltsPath(models));
    await vi.waitFor(() => expect(daemon.health().halts_refused?.code).toBe('HALTS_LOST'), { timeout: 20_000 });
    expect(daemon.health().halted_pairs).toEqual([gold]);
    await daemon.stop();
    daemon = await home.start();
    expect(daemon.health()).toMatchObject({ halted_pairs: [gold], halts_refused: { code: 'HALTS_LOST' } });
    expect(await modesOf()).toEqual({ ...free, [gold]: 'HALT' });

    resume(models, ALL_PAIRS, new Date());
    await until([]);
    expect(daemon.health()).toMatchObject({ status: 'ok', halts: [] });
    expect(await modesOf()).toEqual(free);
    addHalts(models, [halt(ALL_PAIRS, version)]);
    await until([gold, ...rest]);
    // The halt of the other version was never lifted.
    activate(models, second);
    await vi.waitFor(() => expect(daemon.health().model_version).toBe(second), { timeout: 20_000 });
    expect(daemon.health()).toMatchObject({ halted_pairs: [gold, ...rest], halts_refused: { code: 'HALTS_LOST' } });
    resume(models, ALL_PAIRS, new Date());
    await until([]);
    expect(daemon.health().halts_refused).toBeNull();
    expect(await modesOf()).toEqual(free);
    activate(models, version);
    await until([gold, ...rest]);
    expect(await modesOf()).toEqual(Object.fromEntries(pairs.map((id) => [id, 'HALT'])));
    await daemon.stop();

    const replayed = await replayOf(home);
    expect(replayed.differences).toEqual([]);
    // It ended three times, with final heartbeats each time.
    expect(replayed.equal).toBe((at - WARMUP + 3) * pairs.length);
  });
});

describe('a daemon with a simulated market', () => {
  const simulated = tinySettings({ minutehand: { simulated: { history_bars: 100, bar_interval_ms: 10 } } });

  it('is ready after its history, publishes every minute, and accepts no external bars', async () => {
    const home = makeHome();
    activate(home.paths.models, home.install(trained.simulated));
    const daemon = await home.start(simulated);
    expect(daemon.health()).toMatchObject({ status: 'ok', market: 'simulated', model_market: 'simulated' });
    const signals = await connect(`${daemon.url}/signals`);
    const received = [];
    while (received.length < 30) received.push(verifySignal(await signals.next()));
    const mine = received.filter(({ pair_id }) => pair_id === pairs[0]);
    mine.slice(1).forEach((signal, i) => expect(signal.seq).toBe(mine[i]!.seq + 1));
    expect(mine[0]).toMatchObject({ market: 'simulated', mode: 'OK' });
    expect(await daemon.post(minuteWire(0))).toMatchObject({ status: 409, body: { error: { code: 'FEED_CLOSED' } } });
    expect(existsSync(home.paths.journal('live', 'main'))).toBe(false);
  });
});

describe('a start that the process is not to complete', () => {
  const simulated = tinySettings({
    minutehand: { simulated: { history_bars: 100_000 }, transports: { redis: { enabled: 'off' } } },
  });
  const reason = new Error('SIGTERM');

  /** Aborts a start when it prints a line, null = before it begins, and starts the next daemon in its place. */
  async function abortAt(line: RegExp | null, changed: Settings, prepare: (home: Home) => void): Promise<Daemon> {
    const home = makeHome();
    prepare(home);
    const ending = new AbortController();
    const print = (text: string): void => {
      if (line?.test(text) === true) ending.abort(reason);
    };
    const { paths } = home;
    const options = { settings: changed, paths, shard: 'main', clock: MACHINE_CLOCK, token: undefined, print };
    if (line === null) ending.abort(reason);
    await expect(startDaemon({ ...options, ending: ending.signal })).rejects.toBe(reason);
    return home.start();
  }

  it('is given up in the middle of the simulated history, and the next one starts', async () => {
    const began = performance.now();
    const daemon = await abortAt(/minutes of history/, simulated, () => undefined);
    expect(performance.now() - began).toBeLessThan(30_000);
    expect(daemon.health()).toMatchObject({ status: 'waiting' });
  });

  it('is given up before its models are loaded', async () => {
    let version = '';
    const daemon = await abortAt(null, settings, (home) => {
      version = home.install(trained.live);
      activate(home.paths.models, version);
    });
    expect(daemon.health()).toMatchObject({ model_version: version });
  });
});

describe('dry runs', () => {
  /** The daemon runs on this thread: a turn of the loop follows each change. */
  async function seenDuring(work: Promise<unknown>, isSo: () => boolean): Promise<void> {
    while (!isSo()) await nextTurn();
    await work;
  }

  it(`happen while bars of a minute are missing, with processors awake${IDLE_STATES_NOTE} and in real time${REAL_TIME_NOTE}, and leave neither a signal nor a row; the journal replays`, async () => {
    const { home, daemon, version } = await startWarmDaemon();
    const dryRuns = async (): Promise<number> => {
      const text = await (await fetch(`${daemon.url}/metrics`)).text();
      return Number(/^minutehand_dry_runs_total (\d+)$/m.exec(text)![1]);
    };
    const signals = await connect(`${daemon.url}/signals`);
    let before = 0;
    const seen: string[] = [];
    for (let minute = WARMUP; minute < WARMUP + 6; minute++) {
      const [last, ...others] = minuteWire(minute).reverse();
      await seenDuring(daemon.post(others), () => !MAY_BE_REAL_TIME || scheduling().policy === 'fifo');
      // The first minutes complete the features of the dry runs.
      await vi.waitFor(async () => expect(await dryRuns()).toBeGreaterThan(before), { timeout: 20_000 });
      before = await dryRuns();
      await seenDuring(daemon.post([last]), () => !MAY_FORBID_IDLE_STATES || grantedLatencyUs() === 0);
      for (let i = 0; i < pairs.length; i++) seen.push(await signals.next());
    }
    expect(seen.map((text) => verifySignal(text).seq)).toEqual([...seen.keys()].map((i) => 1 + Math.floor(i / 3)));
    await daemon.stop();
    if (MAY_FORBID_IDLE_STATES) expect(latencyRequests()).toBe(0);
    expect(scheduling().policy).toBe('other');

    const replayed = await replayOf(home);
    expect(replayed.stored).toBe(7 * pairs.length);
    expect(replayed).toMatchObject({ differences: [], equal: 7 * pairs.length });
    expect(daemon.health().model_version).toBe(version);
  });
});
