import fc from 'fast-check';
import { beforeAll, describe, expect, it } from 'vitest';
import type { PairMinute } from '../daemon/align/minute.ts';
import type { Bar, OpenTime } from '../shared/bar.ts';
import { SeriesBook } from '../shared/core/series/series_book.ts';
import { SERIES, SERIES_NAMES } from '../shared/core/series/series_names.ts';
import { createRng } from '../shared/rng.ts';
import { checkValues } from './end.ts';
import { knownAt } from './known_series.ts';
import type { StoredSignal } from './memory_journal.ts';
import { simulatedSettings } from './settings.ts';
import { SlowBars } from './slow_bars.ts';
import { drawWeather, peaceAfter } from './swarm.ts';
import { rulesBroken, type JournalChanges } from './twin.fixture.ts';
import { variedSettings, type Variety } from './variety.ts';
import { createWorld, type World } from './world.ts';

const MINUTE_MS = 60_000;
const CALM: Variety = {
  pairs: ['XAUUSD_XAGUSD', 'EURUSD_GBPUSD@5m'],
  instruments: ['EURUSD', 'GBPUSD@1h'],
  minutesToHour: 8,
  series: { everyMs: 2000, late: 0.3, revised: 0.3, doubled: 0.1, malformed: 0.1, lost: 0, outages: 0 },
  directionRuns: 0,
  directionDamage: 0,
  failingDirections: 0,
  slowDirections: 0,
  directionShadows: 0,
  hasRules: false,
  ruleChanges: 0,
  ruleShadows: 0,
  ruleRollouts: 0,
  ruleDamage: 0,
  taker: 0.98,
};

let world: World;
beforeAll(async () => {
  world = createWorld({
    seed: 8,
    settings: variedSettings(simulatedSettings(), CALM),
    weather: peaceAfter(drawWeather(createRng(8))),
    variety: CALM,
    planted: null,
    stormMs: 12 * MINUTE_MS,
    trace: null,
  });
  await world.run(5 * MINUTE_MS);
  world.machine.kill();
  await world.run(15 * MINUTE_MS);
});

/** The journal with changed rows of auxiliary series. */
const withSeries = (change: (numbers: number[]) => number[]): JournalChanges => ({
  inputs: world.journal.inputs.map((row) => {
    if (row.kind !== 'series') return row;
    const [symbol, name, ...numbers] = row.subject.split(' ');
    return { ...row, subject: [symbol, name, ...change(numbers.map(Number))].join(' ') };
  }),
});

const withSignals = (pairId: string, change: (row: StoredSignal) => StoredSignal | null): JournalChanges => ({
  signals: world.journal.signals.flatMap((row) => (row.pairId === pairId ? (change(row) ?? []) : row)),
});

describe('a world with longer bars, instruments and series', () => {
  it('has one signal at the end of each bar of each subject, and all equal an uninterrupted run', async () => {
    const closes = (id: string): string[] =>
      [...world.oracle.published.values()]
        .filter(({ signal }) => signal.pair_id === id)
        .map(({ signal }) => signal.timestamp.slice(11, 16));
    expect(world.violations).toEqual([]);
    expect(closes('EURUSD_GBPUSD@5m')).toEqual(['12:55', '13:00', '13:05']);
    expect(closes('GBPUSD@1h')).toEqual(['13:00']);
    expect(closes('EURUSD').length).toBeGreaterThan(12);
    expect(new Set(world.journal.signals.map(({ bootId }) => bootId)).size).toBe(2);
    expect(await rulesBroken(world)).toEqual([]);
    expect(world.journal.inputs.filter(({ kind }) => kind === 'series').length).toBeGreaterThan(100);
    checkValues(world);
    expect(world.violations).toEqual([]);
  });

  it.each<[string, string, () => JournalChanges]>([
    [
      'features differ from an uninterrupted run',
      'a join by event time',
      () => withSeries(([event, , value]) => [event!, event!, value!]),
    ],
    ['features differ from an uninterrupted run', 'another value', () => withSeries(([e, a, v]) => [e!, a!, v! + 1])],
    [
      'answer missing',
      'a lost bar of 5 minutes',
      () => withSignals('EURUSD_GBPUSD@5m', ({ time, ...row }) => (time % 3600 === 3540 ? null : { time, ...row })),
    ],
    [
      'body differs from an uninterrupted run',
      'another probability',
      () => withSignals('EURUSD', (row) => ({ ...row, body: row.body.replace('"ml_up_prob":0', '"ml_up_prob":1') })),
    ],
    [
      'position differs from an uninterrupted run',
      'another age of a position',
      () => withSignals('EURUSD', (row) => ({ ...row, position: row.position.replace('"ageBars":', '"ageBars":9') })),
    ],
    [
      'models that were not active',
      'no row of a direction model',
      () => ({
        inputs: world.journal.inputs.map((row) => (row.kind === 'direction' ? { ...row, subject: '4h x' } : row)),
      }),
    ],
  ])('detects: %s, after %s', async (rule, _, tamper) => {
    expect(await rulesBroken(world, tamper())).toContain(rule);
  });
});

const bar = (time: number, close: number): Bar => ({
  symbol: 'A',
  time: time as OpenTime,
  open: close - 1,
  high: close + 2,
  low: close - 2,
  close,
  volume: 1,
});

describe('the slow bars', () => {
  const at = (minute: number): PairMinute => {
    const a = bar(minute * 60, minute + 10);
    return { pairIndex: 0, time: a.time, a, b: a, outcome: 'COMPLETE', backfill: false };
  };

  it('end with the last minute, with a later one, or with a time-out, and have all their minutes', () => {
    const bars = new SlowBars(300);
    expect([0, 1, 2, 3].flatMap((minute) => bars.take(at(minute)))).toEqual([]);
    expect(bars.take(at(4))[0]).toMatchObject({ time: 240, a: { open: 9, high: 16, low: 8, close: 14, volume: 5 } });
    expect(bars.take(at(6))).toEqual([]);
    expect(bars.take(at(11))[0]).toMatchObject({ time: 540, a: { close: 16, volume: 1 } });
    expect(bars.closeThrough(780)).toEqual([]);
    expect(bars.closeThrough(840)[0]).toMatchObject({ time: 840, a: { close: 21 } });
  });
});

describe('the slow join', () => {
  it('gives what a series book gives at any time', () => {
    const observation = fc.record({
      name: fc.constantFrom(...SERIES_NAMES),
      lag: fc.integer({ min: 0, max: 8000 }),
      step: fc.integer({ min: 0, max: 4000 }),
      value: fc.double({ min: 0, max: 1, noNaN: true }),
    });
    fc.assert(
      fc.property(fc.array(observation, { maxLength: 40 }), fc.nat(200_000), (rows, later) => {
        const book = new SeriesBook();
        let arrival = 1_700_000_000;
        const values = rows.map(({ name, lag, step, value }, i) => {
          arrival += step;
          book.take({ symbol: 'A', name, eventTime: arrival - lag, arrivalTime: arrival, value });
          return { symbol: 'A', name, event: arrival - lag, arrival, value, input: i + 1 };
        });
        const close = 1_700_000_000 + later;
        const into = new Float64Array(SERIES.length);
        book.valuesAt('A', close, into);
        expect([...knownAt(values, 'A', close)]).toEqual([...into]);
      }),
    );
  });
});
