import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { AsOf, SeriesCursor, type SeriesHistory } from './series_cursor.ts';

interface Observation {
  readonly event: number;
  readonly arrival: number;
  readonly value: number;
}

/** The definition over the whole file: of all that had arrived, the latest event; of its revisions the last. */
function oracle(all: readonly Observation[], now: number, maxAge: number): number {
  const known = all.filter(({ arrival }) => arrival <= now);
  const event = Math.max(...known.map((own) => own.event));
  if (known.length === 0 || now - event > maxAge) return NaN;
  return known.filter((own) => own.event === event).at(-1)!.value;
}

const observations = fc
  .array(
    fc.record({ event: fc.integer({ min: 0, max: 60 }), delay: fc.integer({ min: 0, max: 40 }), value: fc.integer() }),
    { maxLength: 40 },
  )
  .map((all) =>
    all
      .map(({ event, delay, value }): Observation => ({ event, arrival: event + delay, value }))
      .sort((a, b) => a.arrival - b.arrival),
  );

function historyOf(all: readonly Observation[]): SeriesHistory {
  return {
    length: all.length,
    eventTime: Float64Array.from(all, ({ event }) => event),
    arrivalTime: Float64Array.from(all, ({ arrival }) => arrival),
    value: Float64Array.from(all, ({ value }) => value),
  };
}

describe('the as-of join', () => {
  it('equals the definition over the whole file at every time, by cursor and one by one', () => {
    fc.assert(
      fc.property(observations, fc.integer({ min: 1, max: 50 }), (all, maxAge) => {
        const cursor = new SeriesCursor(historyOf(all), maxAge);
        const live = new AsOf(maxAge);
        let taken = 0;
        for (let now = 0; now <= 110; now++) {
          for (; taken < all.length && all[taken]!.arrival <= now; taken++)
            live.take(all[taken]!.event, all[taken]!.arrival, all[taken]!.value);
          const expected = oracle(all, now, maxAge);
          expect(cursor.valueAt(now)).toBe(expected);
          expect(live.valueAt(now)).toBe(expected);
        }
      }),
    );
  });

  it('never sees what arrives later: values after now change nothing up to now', () => {
    fc.assert(
      fc.property(observations, fc.integer({ min: 0, max: 100 }), (all, now) => {
        const spoiled = all.map((own) => (own.arrival > now ? { ...own, value: NaN } : own));
        const read = (of: readonly Observation[]): number[] => {
          const cursor = new SeriesCursor(historyOf(of), 30);
          return Array.from({ length: now + 1 }, (_, t) => cursor.valueAt(t));
        };
        expect(read(spoiled)).toEqual(read(all));
      }),
    );
  });

  it('keeps a revision from its arrival on, and a withdrawn value is missing', () => {
    const series = new AsOf(100);
    series.take(10, 12, 1);
    expect(series.valueAt(12)).toBe(1);
    series.take(10, 20, 2);
    expect(series.valueAt(20)).toBe(2);
    series.take(5, 21, 3);
    expect(series.valueAt(21)).toBe(2);
    expect(series.valueAt(110)).toBe(2);
    expect(series.valueAt(111)).toBeNaN();
    series.take(111, 111, NaN);
    expect(series.valueAt(111)).toBeNaN();
  });

  it('refuses what arrived before its event, out of order, or after the moment asked for', () => {
    const series = new AsOf(100);
    expect(() => series.take(10, 9, 1)).toThrow('arrival 9 before event 10');
    series.take(10, 20, 1);
    expect(() => series.take(11, 19, 1)).toThrow('arrival 19 after an observation that arrived at 20');
    expect(() => series.valueAt(19)).toThrow('the value at 19');
    expect(() => new AsOf(0)).toThrow(/maxAgeSeconds is 0/);
  });
});
