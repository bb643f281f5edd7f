import { setImmediate as loopTurn } from 'node:timers/promises';
import { describe, expect, it } from 'vitest';
import type { EpochMs, OpenTime } from '../../shared/bar.ts';
import { parseObservation } from '../../shared/store/observation.ts';
import { tinyBars, tinySettings } from '../../test/tiny_models.ts';
import { barInput, pairInput } from '../queue/input.ts';
import type { BatchTiming } from '../publish/stopwatch.ts';
import { marketOf, openBench, START_MS, type Bench } from '../pipeline.fixture.ts';
import type { Publisher } from '../publish/publish.ts';
import type { TransportName } from '../publish/transports.ts';

const settings = tinySettings({ minutehand: { pairs: ['XAUUSD_XAGUSD', 'EURUSD_GBPUSD'] } });
const { feed, pairs: pairIds } = settings.minutehand;
const { market: MARKET, barOf, minute, takeMinutes } = marketOf(tinyBars(settings, 300));

const kindsOf = ({ inputs }: Bench) => inputs.map(({ kind, subject, time }) => [kind, subject, time]);

describe('the inputs', () => {
  it('journal bars that are accepted or late, and none that is refused', () => {
    const bench = openBench(settings);
    takeMinutes(bench, 0, 2);
    for (const symbol of ['XAUUSD', 'EURUSD', 'GBPUSD']) bench.pipeline.inputs.take(barInput(barOf(symbol, 2), false));
    for (const symbol of ['XAUUSD', 'EURUSD', 'GBPUSD']) bench.pipeline.inputs.take(barInput(barOf(symbol, 3), false));
    bench.pipeline.inputs.endMinute();
    bench.inputs.length = 0;
    const late = barOf('XAGUSD', 2);
    const repeated = barOf('EURUSD', 3);
    const outcomes = [
      late,
      repeated,
      { ...repeated, volume: 1e9 },
      { ...repeated, time: (minute(0) - 60) as OpenTime },
    ];
    expect(outcomes.map((bar) => bench.pipeline.inputs.take(barInput(bar, false)))).toEqual([
      'late',
      'duplicate',
      'revised',
      'out_of_order',
    ]);
    expect(kindsOf(bench)).toEqual([['bar', 'XAGUSD', minute(2)]]);
  });

  it('end a minute when the straggler time-out has passed since its first leg, whenever the clock started', () => {
    const bench = openBench(settings);
    bench.passMs(7_654_321);
    bench.pipeline.inputs.take(barInput(barOf('XAUUSD', 0), false));
    bench.passMs(feed.straggler_timeout_ms - 1);
    bench.pipeline.inputs.expire();
    expect(kindsOf(bench)).toEqual([['bar', 'XAUUSD', minute(0)]]);
    bench.passMs(1);
    bench.pipeline.inputs.expire();
    expect(kindsOf(bench).slice(1)).toEqual([['timeout', pairIds[0], minute(0)]]);
  });

  it('journal a mark behind each suspect bar and report it after the signals; empty minutes and good bars have none', async () => {
    const bench = openBench(settings);
    takeMinutes(bench, 0, 250);
    await bench.pipeline.settled();
    expect(bench.inputs.filter(({ kind }) => kind !== 'bar')).toEqual([]);
    expect([...bench.pipeline.status.suspectBars]).toEqual([]);
    const good = barOf('EURUSD', 250);
    const open = good.open * 1.5;
    const high = good.high * 1.5;
    const low = good.low * 1.5;
    const close = good.close * 1.5;
    bench.inputs.length = 0;
    bench.pipeline.inputs.take(barInput({ ...good, open, high, low, close }, false));
    bench.pipeline.inputs.take({
      kind: 'empty',
      subject: 'GBPUSD',
      time: good.time,
      bar: null,
      backfill: false,
    });
    expect(kindsOf(bench)).toEqual([
      ['bar', 'EURUSD', good.time],
      ['suspect', 'EURUSD', good.time],
      ['empty', 'GBPUSD', good.time],
    ]);
    expect(bench.screened).toEqual([]);
    await bench.pipeline.settled();
    expect(bench.screened.map(({ bar, verdict }) => [bar.symbol, bar.close, verdict])).toEqual([
      ['EURUSD', close, null],
    ]);
    expect([...bench.pipeline.status.suspectBars]).toEqual([['EURUSD', 1]]);
  });

  it('journal no mark again while they recover', async () => {
    const bench = openBench(settings);
    takeMinutes(bench, 0, 250);
    const { open, ...rest } = barOf('EURUSD', 250);
    const suspect = { ...rest, open: open * 1.5, high: rest.high * 1.5, low: rest.low * 1.5, close: rest.close * 1.5 };
    bench.pipeline.inputs.take(barInput(suspect, false));
    const again = openBench(settings);
    await again.pipeline.recover(bench.inputs, [], () => Promise.resolve());
    expect(again.inputs.map(({ kind }) => kind)).toEqual(['boot']);
    expect(again.screened).toEqual([]);
  });

  it('ignore symbols and pairs of another configuration', async () => {
    const bench = openBench(settings);
    takeMinutes(bench, 0, 1);
    await bench.pipeline.settled();
    const before = [bench.inputs.length, bench.signals.length];
    const { inputs } = bench.pipeline;
    inputs.apply(barInput({ ...barOf('EURUSD', 1), symbol: 'USDTRY' }, false));
    for (const kind of ['timeout', 'silence', 'silence_halt', 'shutdown'] as const)
      inputs.apply(pairInput(kind, 'USDTRY_EURTRY', minute(1)));
    await bench.pipeline.settled();
    expect([bench.inputs.length, bench.signals.length]).toEqual(before);
    expect(inputs.hasSymbol('USDTRY')).toBe(false);
  });

  it('journal and answer heartbeats of both kinds of silence', async () => {
    const bench = openBench(settings);
    takeMinutes(bench, 0, 1);
    const { inputs } = bench.pipeline;
    inputs.apply(pairInput('silence', pairIds[0]!, minute(0)));
    inputs.apply(pairInput('silence_halt', pairIds[0]!, minute(0)));
    await bench.pipeline.settled();
    expect(kindsOf(bench).slice(-2)).toEqual([
      ['silence', pairIds[0], minute(0)],
      ['silence_halt', pairIds[0], minute(0)],
    ]);
    const beats = bench.rows.filter(({ body }) => body.includes('"reason":"SILENCE"'));
    expect(beats.map(({ pairId }) => pairId)).toEqual([pairIds[0], pairIds[0]]);
  });
});

describe('the line of stations', () => {
  it('publishes to sockets in a later loop turn, and to files in the one after', async () => {
    const order: string[] = [];
    const transport = (name: TransportName): Publisher<TransportName> => ({
      name,
      failures: 0,
      publish: (batch) => void order.push(`${name} ${batch.length}`),
      close: () => Promise.resolve(),
    });
    const bench = openBench(settings, {
      sockets: [transport('websocket'), transport('redis')],
      files: [transport('file')],
    });
    bench.pipeline.inputs.take(barInput(barOf('XAUUSD', 0), false));
    bench.pipeline.inputs.take(barInput(barOf('XAGUSD', 0), false));
    for (let i = 0; i < 20; i++) await Promise.resolve();
    expect(order).toEqual([]);
    await loopTurn();
    for (let i = 0; i < 20; i++) await Promise.resolve();
    expect(order).toEqual(['websocket 1', 'redis 1']);
    await bench.pipeline.settled();
    expect(order).toEqual(['websocket 1', 'redis 1', 'file 1']);
  });

  it('gives each batch the time of each of its stations', async () => {
    const timings: BatchTiming[] = [];
    let us = 0;
    const bench = openBench(settings, {
      clock: { nowMs: () => START_MS as never, monotonicUs: () => (us += 7) },
      observer: {
        onSignals: (_, timing) => void timings.push({ ...timing }),
        onSwap: () => undefined,
        onModelFailure: () => undefined,
        onShadowFailure: () => undefined,
        onChallengerFailure: () => undefined,
        onScreened: () => undefined,
      },
    });
    takeMinutes(bench, 0, 1);
    await bench.pipeline.settled();
    const { features_us, infer_us, decide_us, publish_us, file_us, shadow_us, journal_us, signals } = timings[0]!;
    expect(signals).toBe(pairIds.length);
    // One reading of the clock more for the one piece of the batch, and for the socket that was handed it.
    expect({ features_us, infer_us, decide_us, publish_us, file_us, shadow_us, journal_us }).toEqual({
      features_us: 7,
      infer_us: 7,
      decide_us: 7,
      publish_us: 21,
      file_us: 7,
      shadow_us: 7,
      journal_us: 7,
    });
  });
});

describe('the status of the pipeline', () => {
  it('has the newest minute of each symbol', () => {
    const bench = openBench(settings);
    takeMinutes(bench, 0, 2);
    bench.pipeline.inputs.take(barInput(barOf('EURUSD', 2), false));
    expect([...bench.pipeline.status.lastTimes].sort()).toEqual([
      ['EURUSD', minute(2)],
      ['GBPUSD', minute(1)],
      ['XAGUSD', minute(1)],
      ['XAUUSD', minute(1)],
    ]);
  });

  it('names warm pairs whose signals have expired, until bars are no longer expected', async () => {
    const bench = openBench(settings);
    takeMinutes(bench, 0, 5);
    await bench.pipeline.settled();
    bench.passMs(10 * feed.interval_ms);
    expect(bench.pipeline.status.expiredPairs).toEqual([]);
    takeMinutes(bench, 5, MARKET.length);
    await bench.pipeline.settled();
    expect([bench.pipeline.status.readyPairs, bench.pipeline.status.expiredPairs]).toEqual([pairIds.length, []]);
    bench.passMs(10 * feed.interval_ms);
    expect(bench.pipeline.status.expiredPairs).toEqual(pairIds);
    bench.pipeline.expectNoBars();
    bench.pipeline.inputs.checkSilence();
    expect([bench.pipeline.status.expiredPairs, bench.pipeline.status.silentPairs]).toEqual([[], []]);
    bench.passMs(feed.silence_degraded_intervals * feed.interval_ms);
    bench.pipeline.inputs.checkSilence();
    expect(bench.pipeline.status.silentPairs).toEqual(pairIds);
  });
});

describe('inputs without a bar', () => {
  it('of a series arrive behind the bars that have ended, and are journaled unless nothing is new', async () => {
    const bench = openBench(settings);
    takeMinutes(bench, 0, 1);
    bench.inputs.length = 0;
    const closeMs = (minute(0) + 60) * 1000;
    const clock = { nowMs: (closeMs - 500) as EpochMs, maxClockSkewMs: 0 };
    const given = { symbol: 'EURUSD', name: 'funding_rate', eventMs: closeMs - 9_000, value: 0.5 } as const;
    const { inputs, series } = bench.pipeline;
    expect([given, given, { ...given, value: 0.25 }].map((each) => inputs.observe(each, clock))).toEqual([
      'accepted',
      'duplicate',
      'revised',
    ]);
    const arrivals = bench.inputs.map(({ kind, subject }) => [kind, parseObservation(subject).arrivalTime * 1000]);
    expect(arrivals).toEqual([
      ['series', closeMs + 1],
      ['series', closeMs + 2],
    ]);
    await bench.pipeline.settled();
    expect([...series.latest()]).toEqual([{ symbol: 'EURUSD', name: 'funding_rate', eventTime: closeMs / 1000 - 9 }]);
  });

  it('are journaled with the newest minute of all symbols, or 0 before the first', () => {
    const bench = openBench(settings);
    bench.pipeline.inputs.apply({ kind: 'degraded', what: 'file' });
    takeMinutes(bench, 0, 2);
    bench.pipeline.inputs.apply({ kind: 'recovered', what: 'file' });
    expect(kindsOf(bench).filter(([, subject]) => subject === 'file')).toEqual([
      ['degraded', 'file', 0],
      ['recovered', 'file', minute(1)],
    ]);
  });

  it('end the silence of a pair of longer bars with each live minute, and never with history', () => {
    const bench = openBench(tinySettings({ minutehand: { pairs: ['XAUUSD_XAGUSD@5m'] } }));
    const { inputs, status } = bench.pipeline;
    const take = (index: number, backfill: boolean): void => {
      for (const symbol of ['XAUUSD', 'XAGUSD']) inputs.take(barInput(barOf(symbol, index), backfill));
    };
    for (let index = 0; index < 10; index++) take(index, false);
    bench.passMs((feed.silence_degraded_intervals + 1) * feed.interval_ms);
    inputs.checkSilence();
    take(10, true);
    expect(status.silentPairs).toEqual(['XAUUSD_XAGUSD@5m']);
    take(11, false);
    expect(status.silentPairs).toEqual([]);
  });
});
