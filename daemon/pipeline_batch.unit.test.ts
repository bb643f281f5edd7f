import { setImmediate as loopTurn } from 'node:timers/promises';
import { describe, expect, it } from 'vitest';
import type { EpochMs } from '../shared/bar.ts';
import type { DirectionModel } from '../shared/bundle/direction/direction_model.ts';
import { OWN_SERVICE } from '../shared/bundle/direction/own_service.fixture.ts';
import { featureSchema } from '../shared/bundle/feature_schema.ts';
import type { BatchScores, ModelSet } from '../shared/bundle/model_set.ts';
import { MACHINE_SCHEDULER } from '../shared/clock.ts';
import { parseInstrument } from '../shared/pair.ts';
import { tinyBars, tinySettings } from '../test/tiny_settings.ts';
import { barInput, type StateInput } from './queue/input.ts';
import { NO_JOURNAL } from './journal/journal.ts';
import { marketOf, openBench } from './pipeline.fixture.ts';
import type { Publication } from './publish/publish.ts';

const settings = tinySettings({ minutehand: { pairs: ['XAUUSD_XAGUSD', 'EURUSD_GBPUSD'] } });
const SCHEMA = featureSchema(settings.minutehand.windows);
const { feed, pairs: pairIds } = settings.minutehand;
const { barOf, minute, takeMinutes } = marketOf(tinyBars(settings, 3));

describe('a batch', () => {
  it('is not answered before the journal has room for the next signal of the same pair', async () => {
    let freeRoom = (): void => undefined;
    const asked: number[] = [];
    const room = (transactions: number): Promise<void> | null => {
      asked.push(transactions);
      return transactions === 0 ? null : new Promise((resolve) => (freeRoom = resolve));
    };
    const bench = openBench(settings, { journal: { ...NO_JOURNAL, flush: () => 7, room } });
    takeMinutes(bench, 0, 1);
    await bench.pipeline.settled();
    takeMinutes(bench, 1, 2);
    for (let i = 0; i < 5; i++) await loopTurn();
    expect([asked, bench.batches]).toEqual([[0, 7], [2]]);
    freeRoom();
    await bench.pipeline.settled();
    expect(bench.batches).toEqual([2, 2]);
  });

  it('is followed by a rest once nothing waits, until something is to be answered, which leads over the journal of other pairs', async () => {
    const order: string[] = [];
    let endRest = (): void => undefined;
    const after = (ms: number, work: () => void): (() => void) => {
      order.push(`rest of ${ms}`);
      endRest = work;
      return () => void order.push('interrupted');
    };
    const publish = (batch: readonly Publication[]): void =>
      void order.push(...batch.map(({ pairId }) => `published ${pairId}`));
    const bench = openBench(settings, {
      restMs: 3,
      scheduler: { ...MACHINE_SCHEDULER, after },
      sockets: [{ name: 'websocket', failures: 0, publish, close: () => Promise.resolve() }],
      journal: {
        ...NO_JOURNAL,
        signal: ({ pairId }) => void order.push(`row ${pairId}`),
        flush: () => order.push('journaled'),
      },
    });
    const turn = async (minuteIndex: number, symbols: readonly string[]): Promise<string[]> => {
      for (const symbol of symbols) bench.pipeline.inputs.take(barInput(barOf(symbol, minuteIndex), false));
      for (let i = 0; i < 5; i++) await loopTurn();
      return order.splice(0);
    };
    const metals = ['XAUUSD', 'XAGUSD'];
    const currencies = ['EURUSD', 'GBPUSD'];
    const [metal, currency] = pairIds;
    expect(await turn(0, metals)).toEqual([`published ${metal}`, 'rest of 3']);
    expect(await turn(0, currencies)).toEqual(['interrupted', `published ${currency}`, 'rest of 3']);
    endRest();
    expect(await turn(0, [])).toEqual([`row ${metal}`, `row ${currency}`, 'journaled']);
    for (const symbol of metals) bench.pipeline.inputs.take(barInput(barOf(symbol, 1), false));
    const twice = [`published ${metal}`, `row ${metal}`, 'journaled', `published ${metal}`, 'rest of 3'];
    expect(await turn(2, metals)).toEqual(twice);
    endRest();
    await bench.pipeline.settled();
    expect(order).toEqual([`row ${metal}`, 'journaled']);
  });

  it('is journaled before what comes behind it takes effect', async () => {
    const order: string[] = [];
    const bench = openBench(settings, {
      journal: {
        ...NO_JOURNAL,
        signal: () => void order.push(`row ${[...bench.pipeline.status.degradations].join()}`),
      },
    });
    takeMinutes(bench, 0, 1);
    bench.pipeline.inputs.apply({ kind: 'degraded', what: 'file' });
    await bench.pipeline.settled();
    expect([order, [...bench.pipeline.status.degradations]]).toEqual([['row ', 'row '], ['file']]);
  });
});

describe('a value of a series between two minutes', () => {
  it.each([
    ['no pair', 'GBPUSD', [2]],
    ['each instrument', 'BTCUSDT', [1, 1]],
  ])('ends the batch of %s', async (_, symbol, expected) => {
    const bench = openBench(settings, { instruments: [parseInstrument('BTCUSDT')] });
    const { inputs } = bench.pipeline;
    inputs.take(barInput(barOf('EURUSD', 0), false));
    for (const first of ['XAUUSD', 'XAGUSD']) inputs.take(barInput(barOf(first, 0), false));
    const nowMs = (minute(0) * 1000 + 60_001) as EpochMs;
    const given = { symbol: 'EURUSD', name: 'funding_rate', eventMs: nowMs, value: 0.5 } as const;
    inputs.observe(given, { nowMs, maxClockSkewMs: 0 });
    inputs.take(barInput({ ...barOf('GBPUSD', 0), symbol, takerBuyVolume: 0 }, false));
    await bench.pipeline.settled();
    expect(bench.batches).toEqual(expected);
  });
});

describe('models', () => {
  const modelsOf = (infer: () => BatchScores): ModelSet =>
    ({
      version: '20240101_0000',
      modelsHash: 'hash',
      schema: SCHEMA,
      theta1: 0.5,
      theta2: 0.7,
      infer,
    }) as unknown as ModelSet;

  it('of a shadow are not asked about a batch without features', async () => {
    const bench = openBench(settings);
    let asked = 0;
    const infer = (): BatchScores => {
      asked++;
      throw new Error('no rows');
    };
    bench.pipeline.inputs.apply({ kind: 'shadow', slot: 'pairs', set: modelsOf(infer) });
    takeMinutes(bench, 0, 1);
    await bench.pipeline.settled();
    expect([bench.signals.length, asked, bench.failures]).toEqual([pairIds.length, 0, []]);
  });

  const direction = { manifest: { version: 'v' }, ...OWN_SERVICE } as unknown as DirectionModel;
  it.each([
    ['pairs', (): StateInput => ({ kind: 'swap', set: modelsOf(() => null as never) })],
    ['instruments', (): StateInput => ({ kind: 'direction', timeframe: '1m', set: direction })],
  ])('of %s block the thread while a bar is due only before the first ones serve', async (_, swap) => {
    const after = (): (() => void) => () => undefined;
    const instruments = [parseInstrument('XAUUSD')];
    const bench = openBench(settings, { scheduler: { ...MACHINE_SCHEDULER, after }, instruments });
    const { pipeline } = bench;
    const isOpen = async (): Promise<boolean> => {
      let open = false;
      void pipeline.idleWindow().then(() => (open = true));
      await loopTurn();
      return open;
    };
    takeMinutes(bench, 0, 1);
    await pipeline.settled();
    bench.passMs(feed.interval_ms);
    expect(await isOpen()).toBe(true);
    pipeline.inputs.apply(swap());
    await pipeline.settled();
    expect(await isOpen()).toBe(false);
  });
});
