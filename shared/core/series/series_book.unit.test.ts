import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { AsOf } from './series_cursor.ts';
import { SeriesBook } from './series_book.ts';
import { MAX_AGE_SECONDS, SERIES, seriesIndex } from './series_names.ts';
import { SeriesTimeline } from './series_timeline.ts';

const observations = fc
  .array(fc.record({ event: fc.nat(60), delay: fc.nat(40), value: fc.integer() }), { maxLength: 60 })
  .map((all) => all.map(({ event, delay, value }) => ({ event, arrival: event + delay, value })))
  .map((all) => all.sort((a, b) => a.arrival - b.arrival));

describe('a timeline', () => {
  it('gives at every kept moment, in any order of reads, what the as-of join knew then', () => {
    fc.assert(
      fc.property(
        observations,
        fc.integer({ min: 1, max: 50 }),
        fc.integer({ min: 5, max: 80 }),
        (all, maxAge, keep) => {
          const timeline = new SeriesTimeline(maxAge, keep);
          all.forEach(({ event, arrival, value }) => timeline.take(event, arrival, value));
          const newest = all.at(-1)?.arrival ?? 0;
          for (let now = 110; now >= Math.max(0, newest - keep); now--) {
            const asOf = new AsOf(maxAge);
            for (const { event, arrival, value } of all) if (arrival <= now) asOf.take(event, arrival, value);
            expect(timeline.valueAt(now)).toBe(asOf.valueAt(now));
          }
        },
      ),
    );
  });

  it('drops the older half once all of it is before the kept time', () => {
    const readAfter = (arrivals: readonly number[], moments: readonly number[]): number[] => {
      const timeline = new SeriesTimeline(1000, 10);
      for (const arrival of arrivals) timeline.take(arrival, arrival, arrival);
      return moments.map((now) => timeline.valueAt(now));
    };
    expect(readAfter([0, 1, 2, 3, 100], [1, 2, 3, 99])).toEqual([NaN, 2, 3, 3]);
    expect(readAfter([0, 90, 100], [89, 90])).toEqual([NaN, 90]);
    expect(readAfter([0, 91, 100], [89, 90])).toEqual([0, 0]);
  });

  it('refuses what arrived before its event, or out of order', () => {
    const timeline = new SeriesTimeline(10, 10);
    expect(() => timeline.take(2, 1, 0)).toThrow('arrival 1 before event 2');
    timeline.take(2, 3, 0);
    expect(() => timeline.take(1, 2, 0)).toThrow('arrival 2 after an observation that arrived at 3');
  });
});

describe('the book of series', () => {
  it('keeps symbols and series apart, and names the latest event of each', () => {
    const book = new SeriesBook();
    const own = { name: 'sentiment', eventTime: 100, arrivalTime: 160 } as const;
    book.take({ ...own, symbol: 'A', value: 1 });
    book.take({ ...own, symbol: 'B', value: 2 });
    book.take({ ...own, symbol: 'B', name: 'funding_rate', value: 3 });
    const read = (symbol: string, close: number): number[] => {
      const into = new Float64Array(SERIES.length);
      book.valuesAt(symbol, close, into);
      return [into[seriesIndex('sentiment')]!, into[seriesIndex('funding_rate')]!];
    };
    expect([read('A', 159), read('A', 160), read('B', 160), read('C', 160)]).toEqual([
      [NaN, NaN],
      [1, NaN],
      [2, 3],
      [NaN, NaN],
    ]);
    expect(read('B', 100 + MAX_AGE_SECONDS + 1)).toEqual([NaN, NaN]);
    expect([...book.latest()]).toEqual([
      { symbol: 'A', name: 'sentiment', eventTime: 100 },
      { symbol: 'B', name: 'funding_rate', eventTime: 100 },
      { symbol: 'B', name: 'sentiment', eventTime: 100 },
    ]);
  });
});
