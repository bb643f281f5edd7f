import { createHook } from 'node:async_hooks';
import { getHeapSpaceStatistics } from 'node:v8';
import { setImmediate as loopTurn } from 'node:timers/promises';
import { describe, expect, it } from 'vitest';
import type { Bar, EpochMs, OpenTime } from '../shared/bar.ts';
import { MACHINE_SCHEDULER } from '../shared/clock.ts';
import { parsePair } from '../shared/pair.ts';
import type { Bus, Scheduler } from '../shared/ports.ts';
import { promotedPerRound } from '../test/collections.ts';
import { tinySettings } from '../test/tiny_settings.ts';
import { collectionOf, IdleCollector } from './idle_gc.ts';
import { tuneEngine } from './v8_flags.ts';
import { barInput } from './queue/input.ts';
import { NO_JOURNAL } from './journal/journal.ts';
import { openBench, START_MS } from './pipeline.fixture.ts';
import type { Pipeline } from './pipeline.ts';
import { pipelineSettings, type PipelineOptions } from './options/pipeline_options.ts';
import { createRedisPublisher } from './publish/redis.ts';
import { createWebSocketPublisher } from './publish/websocket.ts';
import { createAudience } from './serve/audience.ts';

const START = START_MS / 1000;

tuneEngine();

const bSymbols = (pairs: number): string[] => Array.from({ length: pairs }, (_, i) => `B${i}`);

function openPipeline(pairs: number, changes: Partial<PipelineOptions>): Pipeline {
  const settings = tinySettings();
  const { costs } = pipelineSettings(settings);
  const ours = Object.fromEntries(['A', ...bSymbols(pairs)].map((symbol) => [symbol, Object.values(costs)[0]!]));
  const ids = bSymbols(pairs).map((symbol) => parsePair(`A_${symbol}`));
  return openBench(settings, { pairs: ids, costs: ours, journal: NO_JOURNAL, ...changes }).pipeline;
}

/** Made before, since V8 keeps the texts of fractional numbers in the old generation. */
const PRICES = Array.from({ length: 11 }, (_, i) => {
  const price = 100 + i / 8;
  return `"open":${price},"high":${price + 1},"low":${price - 1},"close":${price},"volume":1`;
});

/** Bars of a minute, the leg that all pairs wait for at the end. Parsed, as a feed's are. */
function takeMinute({ inputs }: Pipeline, pairs: number, minute: number, backfill = false): void {
  const time = (START + 60 * minute) as OpenTime;
  for (let i = pairs - 1; i >= -1; i--) {
    const prices = PRICES[(7 * minute + i + 1) % PRICES.length];
    const bar = JSON.parse(`{"symbol":"${i < 0 ? 'A' : `B${i}`}","time":${time},${prices}}`) as Bar;
    inputs.take(barInput(bar, backfill));
  }
}

/** What happens on this thread between the last bar of a minute and the last byte of its signals. */
interface Work {
  signals: number;
  /** Promises, immediates, timers, requests: an await of each pair would add to them. */
  asynchronous: number;
  turns: number;
  toClient: number;
  toRedis: number;
}

/** Of three measurements: what other tests of this process left behind is not counted. */
async function leastWorkOf(pairs: number): Promise<Work> {
  const all = [await workOf(pairs), await workOf(pairs), await workOf(pairs)];
  return all.reduce((least, work) => (work.asynchronous < least.asynchronous ? work : least));
}

async function workOf(pairs: number): Promise<Work> {
  const work: Work = { signals: 0, asynchronous: 0, turns: 0, toClient: 0, toRedis: 0 };
  const hook = createHook({ init: () => void work.asynchronous++ });
  const scheduler: Scheduler = {
    ...MACHINE_SCHEDULER,
    afterTurn(given) {
      work.turns++;
      MACHINE_SCHEDULER.afterTurn(given);
    },
  };
  const onFailure = (error: unknown): never => {
    throw error;
  };
  const websocket = createWebSocketPublisher({ pairIds: [], onFailure });
  const route = websocket.subscriptionRoute();
  const audience = createAudience({
    host: '',
    port: 0,
    engine: 'ws',
    routes: [],
    webSockets: [route],
    maxBufferedBytes: 1 << 24,
    maxBodyBytes: 1 << 20,
    onError: onFailure,
  });
  audience.admit(route, new URLSearchParams(), 'client', {
    write: () => void work.toClient++,
    bufferedBytes: () => 0,
    finish: () => undefined,
  });
  websocket.attach(audience);
  const bus: Bus = {
    ready: true,
    send() {
      work.toRedis++;
      return Promise.resolve(null);
    },
    resend: () => Promise.reject(new Error('nothing was missed')),
    reset: () => undefined,
    onState: () => undefined,
    close: () => Promise.resolve(),
  };
  const redis = createRedisPublisher({
    bus,
    scheduler: MACHINE_SCHEDULER,
    isExpected: true,
    commandTimeoutMs: 60_000,
    maxBatchesInFlight: 9,
    mayLeave: () => true,
    onState: () => undefined,
    onFailure,
    onRecovered: () => undefined,
  });
  const end = {
    name: 'redis' as const,
    failures: 0,
    close: () => Promise.resolve(),
    publish(batch: readonly unknown[]) {
      hook.disable();
      work.signals = batch.length;
    },
  };
  const pipeline = openPipeline(pairs, { scheduler, sockets: [websocket, redis, end] });
  for (let minute = 0; minute < 3; minute++) {
    Object.assign(work, { asynchronous: 0, turns: 0, toClient: 0, toRedis: 0 });
    hook.enable();
    takeMinute(pipeline, pairs, minute);
    await pipeline.settled();
    await loopTurn();
  }
  await redis.close();
  return work;
}

/**
 * Signals and transactions in their order, where the bars of `later` arrive right behind the first signals.
 * @param later bars: symbol and minute
 */
async function orderOf(later: readonly (readonly [symbol: string, minute: number])[]): Promise<string[]> {
  const order: string[] = [];
  let rows = 0;
  let arriving: (() => void) | null = () => later.forEach(([symbol, minute]) => take(symbol, minute));
  let endRest = (): void => undefined;
  const scheduler: Scheduler = {
    ...MACHINE_SCHEDULER,
    // A rest lasts until something arrives, or for a turn where nothing does.
    after(_ms, work) {
      endRest = work;
      setImmediate(() => {
        arriving?.();
        arriving = null;
        setImmediate(() => endRest());
      });
      return () => void (endRest = () => undefined);
    },
  };
  const pipeline = openPipeline(2, {
    scheduler,
    restMs: 1,
    sockets: [
      {
        name: 'websocket',
        failures: 0,
        close: () => Promise.resolve(),
        publish: (batch) => void order.push(...batch.map(({ pairId }) => pairId)),
      },
    ],
    journal: { ...NO_JOURNAL, signal: () => void rows++, flush: () => order.push(`${rows} journaled`) },
  });
  const take = (symbol: string, minute: number): void => {
    const time = (START + 60 * minute) as OpenTime;
    const bar = { symbol, time, open: 100, high: 100, low: 100, close: 100, volume: 1 };
    pipeline.inputs.take(barInput(bar, false));
  };
  take('A', 0);
  take('B0', 0);
  await pipeline.settled();
  return order;
}

describe('the way of a bar', () => {
  it('does not lead over the journal of other pairs that were answered just before, which then takes one transaction', async () => {
    expect(await orderOf([['B1', 0]])).toEqual(['A_B0', 'A_B1', '2 journaled']);
  });

  it('leads over the journal of the same pair: at most its last signal is missing there', async () => {
    const next = [
      ['A', 1],
      ['B0', 1],
    ] as const;
    expect(await orderOf(next)).toEqual(['A_B0', '1 journaled', 'A_B0', '2 journaled']);
  });

  it('has as many promises, loop turns and writes for a hundred pairs as for three', async () => {
    const few = await leastWorkOf(3);
    const many = await leastWorkOf(100);
    expect(few).toMatchObject({ signals: 3, toClient: 2, toRedis: 1 });
    expect(many).toEqual({ ...few, signals: 100 });
  });

  it('allocates nothing in the old generation, even after a recovery in which thousands of minutes waited together', async () => {
    const pairs = 10;
    const sink = { name: 'websocket', failures: 0, publish: () => undefined, close: () => Promise.resolve() } as const;
    let minute = 0;
    const nowMs = (): EpochMs => (START_MS + 60_000 * minute) as EpochMs;
    const clock = { nowMs, monotonicUs: () => 6e7 * minute };
    const pipeline = openPipeline(pairs, { clock, sockets: [sink] });
    for (let recovery = 0; recovery < 4; recovery++) {
      for (let i = 0; i < 2000; i++) takeMinute(pipeline, pairs, minute++, true);
      await pipeline.settled();
    }
    const promoted = await promotedPerRound(1000, 100, async () => {
      takeMinute(pipeline, pairs, minute++);
      await pipeline.settled();
    });
    // The minutes themselves have 560 bytes, and texts of two times 64.
    expect(promoted).toBeLessThan(100);
  });
});

describe('the young generation', () => {
  it('is collected after some batches, when nothing waits, and otherwise after the next batch', async () => {
    const due: (() => void)[] = [];
    const after: Scheduler['after'] = (_ms, work) => {
      due.push(work);
      return () => undefined;
    };
    let isIdle = false;
    let collected = 0;
    const collector = new IdleCollector({
      scheduler: { ...MACHINE_SCHEDULER, after },
      idleWindow: () => Promise.resolve(),
      isIdle: () => isIdle,
      collect: () => void collected++,
    });
    const pass = async (): Promise<void> => {
      due.shift()!();
      await loopTurn();
    };
    while (due.length === 0) collector.note(10);
    collector.note(10);
    expect(due).toHaveLength(1);
    await pass();
    expect(collected).toBe(0);
    isIdle = true;
    collector.note(10);
    await pass();
    expect(collected).toBe(1);
    collector.note(10);
    expect(due).toHaveLength(0);
  });

  it('is emptied by a minor collection', () => {
    const used = (): number =>
      getHeapSpaceStatistics().find(({ space_name }) => space_name === 'new_space')!.space_used_size;
    const collect = collectionOf('minor');
    collect();
    const garbage = Array.from({ length: 2000 }, (_, i) => ({ i, text: `${i}` }));
    const before = used();
    garbage.length = 0;
    collect();
    expect(used()).toBeLessThan(before);
  });
});
