import { describe, expect, it } from 'vitest';
import type { EpochMs, OpenTime } from '../../shared/bar.ts';
import { watchArrivals, type ArrivalWatch } from './arrival.ts';

const MINUTE_MS = 60_000;
const HOUR_MS = 60 * MINUTE_MS;
const LIMIT_MS = 3.5 * MINUTE_MS;
const START = Date.parse('2025-10-14T12:00:00Z') / 1000;

interface Setup {
  readonly watch: ArrivalWatch;
  /** Degradations and lines in their order. */
  readonly told: string[];
  /** The minute number `minute` of each symbol arrives so long after its close. */
  arrive(minute: number, lateMs: number, symbols?: readonly string[]): void;
}

function setUp(symbols = 2): Setup {
  const told: string[] = [];
  const watch = watchArrivals({
    limitMs: LIMIT_MS,
    symbols,
    degraded: (what) => told.push(`degraded ${what}`),
    recovered: (what) => told.push(`recovered ${what}`),
    log: { error: () => undefined, info: () => undefined },
    print: (line) => told.push(line),
  });
  return {
    watch,
    told,
    arrive(minute, lateMs, names = ['XAUUSD', 'XAGUSD']) {
      const time = (START + minute * 60) as OpenTime;
      for (const name of names) watch.note(name, time, ((time + 60) * 1000 + lateMs) as EpochMs);
      watch.report();
    },
  };
}

/** Minutes that arrive one after the other, each so long after its close. */
function late(lateMs: readonly number[]): Setup {
  const setup = setUp();
  lateMs.forEach((ms, minute) => setup.arrive(minute, ms));
  return setup;
}

describe('bars that arrive hours after their close, one a minute', () => {
  it('are reported from the third minute on, once, with the time zone that fits', () => {
    const { watch, told, arrive } = setUp();
    arrive(0, 5 * HOUR_MS + 400);
    arrive(1, 5 * HOUR_MS + 900);
    expect([watch.late, told]).toEqual([null, []]);
    arrive(2, 5 * HOUR_MS + 200);
    arrive(3, 5 * HOUR_MS + 700);
    expect(told).toEqual(['degraded late_bars', expect.stringMatching(/^BARS_LATE: /)]);
    expect(told[1]).toContain('bars arrive 5 h after their close: check the time zone, UTC-5 would fit');
    expect(watch.late).toMatchObject({
      code: 'BARS_LATE',
      symbols: ['XAGUSD', 'XAUUSD'],
      late_seconds: 5 * 3600 + 0.7,
      time_zone: 'UTC-5',
    });
  });

  it('end with the first bar of each symbol that arrives in time', () => {
    const { watch, told, arrive } = late([5, 5, 5].map((hours) => hours * HOUR_MS));
    arrive(400, 1000, ['XAUUSD']);
    expect(watch.late).toMatchObject({ symbols: ['XAGUSD'] });
    expect(watch.late!.message).toContain('bars of XAGUSD arrive 5 h after');
    arrive(400, LIMIT_MS, ['XAGUSD']);
    expect([watch.late, told.slice(2)]).toEqual([null, ['recovered late_bars', 'Bars arrive on time again.']]);
    for (let minute = 401; minute < 404; minute++) arrive(minute, 5 * HOUR_MS);
    expect(told).toHaveLength(6);
  });

  it('stay reported while the feeder catches up, until it has', () => {
    const { watch, arrive } = late([5, 5, 5].map((hours) => hours * HOUR_MS));
    for (let minute = 3; minute < 290; minute++) arrive(minute, 5 * HOUR_MS - (minute - 2) * MINUTE_MS);
    expect(watch.late).not.toBeNull();
    arrive(310, 0);
    expect(watch.late).toBeNull();
  });

  it.each([
    [3.5 * HOUR_MS + 100, '3 h 30 min', 'UTC-3:30'],
    [12 * HOUR_MS, '12 h', 'UTC-12'],
    [2 * HOUR_MS + 4 * MINUTE_MS, '2 h', 'UTC-2'],
    [2 * HOUR_MS + 15 * MINUTE_MS, '2 h 15 min', null],
    [LIMIT_MS + 1, '4 min', null],
    [15 * MINUTE_MS, '15 min', null],
    [13 * HOUR_MS, '13 h', null],
    [72 * HOUR_MS, '3 days', null],
  ])('%d ms after their close are %s, and the zone is %s', (lateMs, duration, zone) => {
    const { watch } = late([lateMs, lateMs, lateMs]);
    expect(watch.late!.time_zone).toBe(zone);
    expect(watch.late!.message).toContain(
      `bars arrive ${duration} after their close: check the time zone${zone === null ? '.' : `, ${zone} would fit.`}`,
    );
  });

  it('are detected however unevenly they arrive: by twos, by fives, early and late within the minute', () => {
    const byTwos = [1, 0, 1, 0, 1, 0, 1, 0];
    const byFives = [4, 3, 2, 1, 0, 4, 3, 2, 1, 0];
    const uneven = [0.9, 0.1, 0.6, 0.2, 0.8, 0.3];
    const growing = [0, 2, 4, 6];
    for (const minutes of [byTwos, byFives, uneven, growing])
      expect(late(minutes.map((each) => 5 * HOUR_MS + each * MINUTE_MS)).watch.late).not.toBeNull();
  });

  it('of many symbols are named by the first five', () => {
    const { watch, arrive } = setUp(20);
    const names = ['A', 'B', 'C', 'D', 'E', 'F', 'G'];
    for (let minute = 0; minute < 3; minute++) arrive(minute, 5 * HOUR_MS, names);
    expect(watch.late!.message).toContain('bars of A, B, C, D, E and 2 others arrive 5 h');
  });
});

describe('bars that are late for a good reason are not reported', () => {
  it.each([
    ['what was missed, sent at once', Array.from({ length: 300 }, (_, i) => (300 - i) * MINUTE_MS)],
    ['what was missed, one minute a second', Array.from({ length: 300 }, (_, i) => (300 - i) * 59_000)],
    ['what was missed, twice as fast as it came', Array.from({ length: 60 }, (_, i) => (30 - i / 2) * MINUTE_MS)],
    ['single late ones', [0, 4, 0, 5, 0, 4, 4, 0].map((minutes) => minutes * MINUTE_MS)],
    ['those still in time for their signal', Array<number>(10).fill(LIMIT_MS)],
  ])('%s', (_, lateMs) => {
    const { told } = late(lateMs);
    expect(told).toEqual([]);
  });

  it('a minute that is sent again and again', () => {
    const { told, arrive } = setUp();
    for (let again = 0; again < 10; again++) arrive(0, 5 * HOUR_MS + again * 1000);
    expect(told).toEqual([]);
  });
});
