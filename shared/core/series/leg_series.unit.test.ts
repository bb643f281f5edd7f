import fc from 'fast-check';
import { expect, it } from 'vitest';
import { legSeriesFrom, legSeriesIn, legSeriesOf, observationsIn, type SymbolSeries } from './leg_series.ts';
import { SeriesBook, type Observation } from './series_book.ts';
import { SERIES, type SeriesName } from './series_names.ts';

const PAIR = { a: 'AAA', b: 'BBB' };
const HOUR = 3600;

/** Observations of both legs and of a stranger, each some time after its event, in order of arrival. */
const observations = fc
  .array(
    fc.record({
      symbol: fc.constantFrom('AAA', 'BBB', 'CCC'),
      name: fc.constantFrom<SeriesName>('funding_rate', 'open_interest', 'sentiment'),
      arrivalTime: fc.integer({ min: 0, max: 100 * HOUR }),
      delay: fc.integer({ min: 0, max: 2 * HOUR }),
      value: fc.integer({ min: 1, max: 1000 }),
    }),
    { maxLength: 40 },
  )
  .map((all) =>
    all
      .map(({ delay, ...own }): Observation => ({ ...own, eventTime: own.arrivalTime - delay }))
      .sort((x, y) => x.arrivalTime - y.arrivalTime),
  );

function historyOf(all: readonly Observation[], symbol: string): SymbolSeries {
  const entries = SERIES.flatMap(({ name }) => {
    const own = all.filter((one) => one.symbol === symbol && one.name === name);
    if (own.length === 0) return [];
    const columnOf = (key: 'eventTime' | 'arrivalTime' | 'value') => Float64Array.from(own, (one) => one[key]);
    return [
      [
        name,
        {
          length: own.length,
          eventTime: columnOf('eventTime'),
          arrivalTime: columnOf('arrivalTime'),
          value: columnOf('value'),
        },
      ] as const,
    ];
  });
  return Object.fromEntries(entries);
}

/** The value of the latest event among those known at the close; of equal events the last one to arrive. */
function slowValue(all: readonly Observation[], symbol: string, name: SeriesName, close: number, age: number): number {
  const known = all.filter((one) => one.symbol === symbol && one.name === name && one.arrivalTime <= close);
  const latest = known.reduce<Observation | null>(
    (best, one) => (best === null || one.eventTime >= best.eventTime ? one : best),
    null,
  );
  return latest === null || close - latest.eventTime > age ? NaN : latest.value;
}

it('the series of both legs are those known at each close, however they were stored', () => {
  fc.assert(
    fc.property(observations, fc.array(fc.integer({ min: 0, max: 120 * HOUR }), { maxLength: 20 }), (all, closes) => {
      const a = historyOf(all, PAIR.a);
      const b = historyOf(all, PAIR.b);
      const stored = legSeriesOf(a, b);
      const streamed = legSeriesFrom(all, PAIR);
      for (const close of closes.sort((x, y) => x - y)) {
        const slow = [PAIR.a, PAIR.b].flatMap((symbol) =>
          SERIES.map(({ name, max_age_seconds }) => slowValue(all, symbol, name, close, max_age_seconds)),
        );
        expect([...stored.at(close)]).toEqual(slow);
        expect([...streamed.at(close)]).toEqual(slow);
        const book = new SeriesBook();
        for (const one of all) if (one.arrivalTime <= close) book.take(one);
        expect([...legSeriesIn(book, PAIR).at(close)]).toEqual(slow);
      }
      const own = all.filter(({ symbol }) => symbol !== 'CCC');
      const listed = observationsIn([
        [PAIR.a, a],
        [PAIR.b, b],
      ]);
      expect(listed.map(({ arrivalTime }) => arrivalTime)).toEqual(own.map(({ arrivalTime }) => arrivalTime));
      expect(new Set(listed.map((one) => JSON.stringify(one)))).toEqual(
        new Set(
          own.map((one) =>
            JSON.stringify({
              symbol: one.symbol,
              name: one.name,
              eventTime: one.eventTime,
              arrivalTime: one.arrivalTime,
              value: one.value,
            }),
          ),
        ),
      );
    }),
    { numRuns: 200 },
  );
});
