import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { Redis } from 'ioredis';
import { afterAll, afterEach, beforeAll, describe, expect, it, vi } from 'vitest';
import { startDaemon, type RunningDaemon } from '../daemon/main.ts';
import { parseWireMinute } from '../daemon/feed/wire.ts';
import { byMinute } from '../daemon/pipeline.fixture.ts';
import type { Bar, EpochMs, OpenTime } from '../shared/bar.ts';
import { MACHINE_CLOCK } from '../shared/clock.ts';
import { warmupBars } from '../shared/core/features/features.ts';
import { homePaths } from '../shared/home.ts';
import { openJournal } from '../shared/store/journal.ts';
import { freePort, requireRedis, startRedis, type RedisServer } from '../test/redis_server.ts';
import { tinyBars, tinySettings } from '../test/tiny_models.ts';
import { compileProgram, compilerNote, hasCompiler } from './test/compile.ts';
import { startProgram, type LineProgram } from './test/program.ts';

const settings = tinySettings({
  minutehand: { market: 'live', pairs: ['XAUUSD_XAGUSD', 'EURUSD_GBPUSD'], feed: { straggler_timeout_ms: 30_000 } },
});
const WARMUP = warmupBars(settings.minutehand.windows);
const MARKET = byMinute(tinyBars(settings, WARMUP + 40));
const SYMBOLS = ['XAUUSD', 'XAGUSD', 'EURUSD', 'GBPUSD'];

describe.skipIf(!hasCompiler())(`bars from the expert advisor${compilerNote()}`, () => {
  let folder: string;
  let path: string;
  beforeAll(() => {
    path = compileProgram('bars');
    folder = mkdtempSync(join(tmpdir(), 'minutehand-bars-'));
  }, 120_000);
  afterAll(() => rmSync(folder, { recursive: true, force: true }));
  const cleanups: (() => unknown)[] = [];
  afterEach(async () => {
    for (const cleanup of cleanups.splice(0).reverse()) await cleanup();
  });

  function startSender(): LineProgram {
    const program = startProgram(path);
    cleanups.push(() => program.end());
    return program;
  }
  /** Puts a minute into the charts of the terminal, without those of `except`. */
  async function chart(program: LineProgram, index: number, except: readonly string[] = []): Promise<void> {
    for (const bar of MARKET[index]!.bars) {
      if (except.includes(bar.symbol)) continue;
      const round = (price: number): string => price.toFixed(5);
      const prices = [bar.open, bar.high, bar.low, bar.close].map(round).join(' ');
      await program.ask(`bar ${bar.symbol} ${bar.time} ${prices} ${Math.round(bar.volume)} 12`);
    }
  }
  const openMs = (index: number): number => MARKET[index]!.time * 1000;

  it('warm a live daemon up from history, continue live, and survive gaps and a restart of the daemon', async () => {
    let nowMs = openMs(WARMUP + 3) + 2_000;
    const home = homePaths({ MINUTEHAND_HOME: join(folder, 'home') });
    const startLive = async (port: number): Promise<RunningDaemon> => {
      const daemon = await startDaemon({
        settings: {
          ...settings,
          minutehand: {
            ...settings.minutehand,
            transports: {
              ...settings.minutehand.transports,
              daemon: { ...settings.minutehand.transports.daemon, port },
            },
          },
        },
        paths: home,
        shard: 'main',
        clock: { ...MACHINE_CLOCK, nowMs: () => nowMs as EpochMs },
        token: undefined,
        print: () => undefined,
      });
      cleanups.push(() => daemon.stop());
      return daemon;
    };
    let daemon = await startLive(0);
    const { port } = daemon;
    const program = startSender();
    await program.ask(`begin http ${port} ${WARMUP + 3} ${SYMBOLS.join(',')} 10800 -`);
    const EMPTY_AT = 20;
    for (let index = 0; index <= WARMUP + 2; index++) await chart(program, index, index === EMPTY_AT ? ['EURUSD'] : []);

    const lastOf = (symbol: string): number => Date.parse(daemon.health().last_bars[symbol]!);
    /** Runs the timer until the daemon has the newest closed minute. */
    async function untilSent(index: number): Promise<void> {
      for (let turn = 0; turn < 200 && lastOf('GBPUSD') !== openMs(index); turn++) {
        nowMs += 250;
        await program.ask(`work ${nowMs}`);
      }
      expect(SYMBOLS.map(lastOf)).toEqual(SYMBOLS.map(() => openMs(index)));
    }
    await untilSent(WARMUP + 2);
    // One minute is incomplete, so the pair with EURUSD needs one more minute: hence three.
    expect(daemon.health().pairs_ready).toBe(2);

    nowMs = openMs(WARMUP + 4) + 1_000;
    await chart(program, WARMUP + 3);
    await untilSent(WARMUP + 3);

    // Disconnected for ten minutes: no minute is reported empty meanwhile, and none is lost.
    await program.ask('online 0');
    for (let minute = 4; minute < 14; minute++) {
      nowMs = openMs(WARMUP + minute + 1) + 1_000;
      await program.ask(`work ${nowMs}`);
    }
    expect(lastOf('XAUUSD')).toBe(openMs(WARMUP + 3));
    for (let minute = 4; minute < 14; minute++) await chart(program, WARMUP + minute);
    await program.ask('online 1');
    await untilSent(WARMUP + 13);

    const before = daemon.bootId;
    await daemon.stop();
    nowMs = openMs(WARMUP + 15) + 1_000;
    await chart(program, WARMUP + 14);
    await program.ask(`work ${nowMs}`);
    daemon = await startLive(port);
    expect(daemon.bootId).not.toBe(before);
    await untilSent(WARMUP + 14);
    await daemon.stop();

    const store = openJournal(home.journal('live', 'main'), { readOnly: true });
    cleanups.push(() => store.close());
    const bodies = store.lastSignals();
    expect(bodies.map(({ time }) => time)).toEqual([openMs(WARMUP + 14) / 1000, openMs(WARMUP + 14) / 1000]);
  });

  it('report why they cannot be sent', async () => {
    let nowMs = openMs(5) + 2_000;
    const program = startSender();
    await program.ask(`begin http 1 10 ${SYMBOLS.join(',')} 0 -`);
    await chart(program, 3);
    expect(await program.ask(`work ${nowMs}`)).toMatch(/^0 \/healthz: no answer/);
    const home = homePaths({ MINUTEHAND_HOME: join(folder, 'simulated') });
    const simulated = tinySettings({
      minutehand: { pairs: ['XAUUSD_XAGUSD', 'EURUSD_GBPUSD'], simulated: { bar_interval_ms: 1_000, history_bars: 0 } },
    });
    const daemon = await startDaemon({
      settings: simulated,
      paths: home,
      shard: 'main',
      clock: MACHINE_CLOCK,
      token: undefined,
      print: () => undefined,
    });
    cleanups.push(() => daemon.stop());
    await program.ask(`begin http ${daemon.port} 10 ${SYMBOLS.join(',')} 0 -`);
    let printed = '';
    for (let turn = 0; turn < 60 && !printed.includes('FEED_CLOSED'); turn++) {
      nowMs += 250;
      printed = await program.ask(`work ${nowMs}`);
    }
    expect(printed).toBe('0 /bars: FEED_CLOSED');
  });

  it('warm a live daemon up through the stream minutehand:bars alone, while daemon, connection and Redis are down in turn', async (context) => {
    const port = await freePort();
    let redis: RedisServer | null = await requireRedis(context, [], port);
    cleanups.push(() => redis?.stop());
    let nowMs = openMs(WARMUP + 3) + 2_000;
    const home = homePaths({ MINUTEHAND_HOME: join(folder, 'by_stream') });
    const { transports } = settings.minutehand;
    const startLive = async (): Promise<RunningDaemon> => {
      const daemon = await startDaemon({
        settings: {
          ...settings,
          minutehand: {
            ...settings.minutehand,
            transports: {
              ...transports,
              redis: { ...transports.redis, enabled: 'auto', url: `redis://127.0.0.1:${port}` },
            },
          },
        },
        paths: home,
        shard: 'main',
        clock: { ...MACHINE_CLOCK, nowMs: () => nowMs as EpochMs },
        token: undefined,
        print: () => undefined,
      });
      cleanups.push(() => daemon.stop());
      return daemon;
    };
    let daemon = await startLive();
    const program = startSender();
    await program.ask(`begin redis ${port} ${WARMUP + 3} ${SYMBOLS.join(',')} 7200 -`);
    const EMPTY_AT = 20;
    const QUIET_AT = 21;
    for (let index = 0; index <= WARMUP + 2; index++)
      await chart(program, index, index === EMPTY_AT ? ['EURUSD'] : index === QUIET_AT ? SYMBOLS : []);

    /** Runs the timer until Redis has confirmed this many bars. */
    async function untilSent(bars: number): Promise<void> {
      let sent = 0;
      for (let turn = 0; turn < 400 && sent < bars; turn++) {
        nowMs += 100;
        await delay(1);
        sent = parseInt(await program.ask(`work ${nowMs}`), 10);
      }
      expect(sent).toBe(bars);
    }
    async function untilTaken(index: number): Promise<void> {
      const wanted = SYMBOLS.map(() => new Date(openMs(index)).toISOString());
      const taken = (): (string | undefined)[] => SYMBOLS.map((symbol) => daemon.health().last_bars[symbol]);
      for (let turn = 0; turn < 2000 && String(taken()) !== String(wanted); turn++) await delay(5);
      expect(taken()).toEqual(wanted);
    }
    let bars = (WARMUP + 2) * 4;
    await untilSent(bars);
    await untilTaken(WARMUP + 2);
    await vi.waitFor(() => expect(daemon.health()).toMatchObject({ bar_stream: 'up', pairs_ready: 2 }), 20_000);

    // In the format of POST /bars.
    const client = new Redis(port);
    client.on('error', () => undefined);
    cleanups.push(() => client.disconnect());
    const entries = (await client.xrange('minutehand:bars', '-', '+')).map(([, fields]) => fields);
    const minutes = entries.map((fields) => parseWireMinute(JSON.parse(fields[1]!), Infinity));
    const first = minutes.find((minute) => minute.kind === 'bar' && minute.bar.symbol === 'EURUSD') as { bar: Bar };
    const source = MARKET[0]!.bars.find(({ symbol }) => symbol === 'EURUSD')!;
    expect(first.bar.close).toBeCloseTo(source.close, 5);
    expect(first.bar.spread).toBeCloseTo(0.00012, 8);
    expect(entries[0]!.slice(2)).toEqual(['backfill', '1']);
    expect(entries.at(-1)!.slice(2)).toEqual([]);

    nowMs = openMs(WARMUP + 4) + 1_000;
    await chart(program, WARMUP + 3);
    await untilSent((bars += 4));
    await untilTaken(WARMUP + 3);

    await daemon.stop();
    for (let minute = 4; minute < 8; minute++) {
      nowMs = openMs(WARMUP + minute + 1) + 1_000;
      await chart(program, WARMUP + minute);
      await untilSent((bars += 4));
    }
    daemon = await startLive();
    await untilTaken(WARMUP + 7);

    await program.ask('online 0');
    for (let minute = 8; minute < 12; minute++) await chart(program, WARMUP + minute);
    nowMs = openMs(WARMUP + 12) + 1_000;
    await program.ask(`work ${nowMs}`);
    await program.ask('online 1');
    await untilSent((bars += 16));
    await untilTaken(WARMUP + 11);

    await redis.kill();
    nowMs = openMs(WARMUP + 13) + 1_000;
    await chart(program, WARMUP + 12);
    await program.ask(`work ${nowMs}`);
    redis = await startRedis([], port);
    await untilSent((bars += 4));
    await untilTaken(WARMUP + 12);
    await daemon.stop();

    const store = openJournal(home.journal('live', 'main'), { readOnly: true });
    cleanups.push(() => store.close());
    const taken = [...store.inputsFrom(0 as OpenTime)].filter(({ kind }) => kind === 'bar' || kind === 'empty');
    const wanted = MARKET.slice(0, WARMUP + 13).flatMap(({ time }, index) =>
      index === QUIET_AT
        ? []
        : SYMBOLS.map((symbol) => `${symbol} ${time} ${index === EMPTY_AT && symbol === 'EURUSD' ? 'empty' : 'bar'}`),
    );
    expect(taken.map(({ kind, subject, time }) => `${subject} ${time} ${kind}`).sort()).toEqual(wanted.sort());
    // New on arrival, or when the daemon restarted: the newest minute and the one before.
    const news = taken.filter(({ backfill, subject }) => !backfill && subject === 'XAUUSD').map(({ time }) => time);
    expect(news).toEqual([1, 2, 3, 6, 7, 10, 11, 12].map((minute) => MARKET[WARMUP + minute]!.time));
  });
});
