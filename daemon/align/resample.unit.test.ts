import { describe, expect, it } from 'vitest';
import type { Bar, OpenTime } from '../../shared/bar.ts';
import { lastMinuteOf } from '../../shared/core/resample/bar_resampler.ts';
import { parsePair } from '../../shared/pair.ts';
import { tinySettings } from '../../test/tiny_settings.ts';
import { barInput } from '../queue/input.ts';
import { openBench, START_MS } from '../pipeline.fixture.ts';
import type { PairMinute } from './minute.ts';
import { PairResampler } from './resample.ts';

const settings = tinySettings({
  minutehand: { pairs: ['XAUUSD_XAGUSD@5m', 'XAUUSD_XAGUSD'], feed: { straggler_timeout_ms: 2000 } },
});
const { interval_ms } = settings.minutehand.feed;
const SYMBOLS = ['XAUUSD', 'XAGUSD'];
const start = START_MS / 1000;

function bar(symbol: string, minute: number): Bar {
  const price = (symbol === 'XAUUSD' ? 2000 : 25) + minute;
  const time = (start + minute * 60) as OpenTime;
  return { symbol, time, open: price, high: price + 1, low: price - 1, close: price + 0.5, volume: 1 };
}

function openDay(): ReturnType<typeof openBench> & {
  send(minute: number, symbols?: readonly string[]): Promise<void>;
  /** Closes of the answered bars, in minutes since the start. */
  answered(): Promise<number[]>;
} {
  const bench = openBench(settings);
  const { inputs } = bench.pipeline;
  return {
    ...bench,
    async send(minute, symbols = SYMBOLS) {
      for (const symbol of symbols) inputs.take(barInput(bar(symbol, minute), false));
      await bench.pipeline.settled();
    },
    async answered() {
      inputs.expire();
      await bench.pipeline.settled();
      const own = bench.signals.filter(({ pair_id }) => pair_id === 'XAUUSD_XAGUSD@5m');
      return own.map(({ timestamp }) => (Date.parse(timestamp) - START_MS) / 60_000);
    },
  };
}

describe('a bar of five minutes', () => {
  it('is answered with the minute that ends it, once, with its last closes, while the pair of one minute is answered at each', async () => {
    const day = openDay();
    for (let minute = 0; minute < 10; minute++) await day.send(minute);
    expect(await day.answered()).toEqual([5, 10]);
    expect(day.signals.filter(({ pair_id }) => pair_id === 'XAUUSD_XAGUSD')).toHaveLength(10);
    const last = day.signals.findLast(({ pair_id }) => pair_id === 'XAUUSD_XAGUSD@5m')!;
    expect([last.price_a, last.price_b, last.pair]).toEqual([2009.5, 34.5, 'XAU/USD vs XAG/USD 5m']);
  });

  it('closes with the first later minute when its last one is missing', async () => {
    const day = openDay();
    for (const minute of [0, 1, 3, 7]) await day.send(minute);
    expect(await day.answered()).toEqual([5]);
    expect(day.inputs.filter(({ kind }) => kind === 'timeout')).toEqual([]);
  });

  it('is closed by the watchdog when the last minute and the one after it are overdue, as a journaled time-out, and what comes then is late', async () => {
    const day = openDay();
    for (const minute of [0, 1, 2]) await day.send(minute);
    day.passMs(3 * interval_ms + 1999);
    expect(await day.answered()).toEqual([]);
    day.passMs(1);
    expect(await day.answered()).toEqual([5]);
    const timeouts = day.inputs.filter(({ kind }) => kind === 'timeout');
    expect(timeouts.map(({ subject, time }) => [subject, (time - start) / 60])).toEqual([['XAUUSD_XAGUSD@5m', 4]]);
    await day.send(4);
    await day.send(5);
    expect(await day.answered()).toEqual([5]);
  });

  it('has a bar of a leg that came in any of its minutes, and is held LEG_MISSING when a leg came in none', async () => {
    const day = openDay();
    await day.send(0, ['XAUUSD']);
    await day.send(3, ['XAGUSD']);
    await day.send(6);
    for (let minute = 10; minute < 15; minute++) await day.send(minute, ['XAUUSD']);
    await day.send(20);
    expect(await day.answered()).toEqual([5, 10, 15]);
    const own = day.rows.filter(({ pairId }) => pairId === 'XAUUSD_XAGUSD@5m');
    expect(own.map(({ body }) => /"reason":"(\w+)"/.exec(body)![1])).toEqual(['WARMUP', 'WARMUP', 'LEG_MISSING']);
    expect(own[0]!.time).toBe(lastMinuteOf(start, 300));
  });

  it('is valid until the next one is due and 1.5 feed intervals more', async () => {
    const day = openDay();
    for (let minute = 0; minute < 5; minute++) await day.send(minute);
    const valid = Object.fromEntries(day.signals.map((s) => [s.pair_id, s.valid_until_ms - s.generated_at_ms]));
    expect(valid).toEqual({ XAUUSD_XAGUSD: 2.5 * interval_ms, 'XAUUSD_XAGUSD@5m': 6.5 * interval_ms });
  });
});

describe('PairResampler', () => {
  const pairs = ['XAUUSD_XAGUSD@5m', 'XAUUSD_XAGUSD'].map(parsePair);
  const FIVE = 0;
  const ONE = 1;

  function openResampler() {
    const closed: PairMinute[] = [];
    const resampler = new PairResampler(pairs, (own) => void closed.push(own));
    const take = (pairIndex: number, minute: number, legs: string, outcome: PairMinute['outcome'] = 'COMPLETE') => {
      const [a, b] = SYMBOLS.map((symbol) => (legs.includes(symbol) ? bar(symbol, minute) : null)) as [Bar, Bar];
      const time = (start + 60 * minute) as OpenTime;
      return resampler.take({ pairIndex, time, a, b, outcome, backfill: minute > 1 }, 1000 * minute);
    };
    const closeThrough = (pairIndex: number, minute: number): void =>
      resampler.closeThrough(pairIndex, (start + 60 * minute) as OpenTime);
    const overdue = (nowMs: number) =>
      resampler.overdue(nowMs, 1000, 500).map(({ pairIndex, time }) => [pairIndex, (time - start) / 60]);
    return { closed, take, closeThrough, overdue };
  }

  it('takes a bar for complete only with both legs; else it is what its newest minute was', () => {
    for (const [first, second, outcome] of [
      ['XAUUSD', 'XAGUSD', 'COMPLETE'],
      ['XAGUSD', 'XAGUSD', 'LEG_EMPTY'],
      ['XAUUSD', 'XAUUSD', 'LEG_EMPTY'],
      ['', '', 'LEG_EMPTY'],
    ] as const) {
      const { closed, take, closeThrough } = openResampler();
      take(FIVE, 0, first, 'LEG_MISSING');
      take(FIVE, 2, second, 'LEG_EMPTY');
      closeThrough(FIVE, 4);
      expect(closed).toMatchObject([{ pairIndex: FIVE, time: start + 240, outcome, backfill: true }]);
    }
  });

  it('closes no bar before its last minute, none twice, and none of a pair of one minute', () => {
    const { closed, take, closeThrough } = openResampler();
    closeThrough(FIVE, 99);
    expect([take(ONE, 0, 'XAUUSD'), take(FIVE, 0, 'XAUUSD')]).toEqual([false, true]);
    closeThrough(ONE, 99);
    closeThrough(FIVE, 3);
    expect(closed).toEqual([]);
    closeThrough(FIVE, 4);
    closeThrough(FIVE, 99);
    expect(closed).toHaveLength(1);
  });

  it('is overdue when neither the last minute nor the one after it has come in its time', () => {
    const { take, overdue } = openResampler();
    expect(overdue(1e9)).toEqual([]);
    take(FIVE, 1, 'XAUUSD');
    // At 1 s; minutes 2, 3, 4 and 5 take a second each, and half a second is left to them.
    expect([overdue(5499), overdue(5500)]).toEqual([[], [[FIVE, 4]]]);
    take(FIVE, 4, 'XAUUSD');
    expect(overdue(1e9)).toEqual([]);
  });
});
