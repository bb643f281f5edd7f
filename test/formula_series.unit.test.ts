import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import fc from 'fast-check';
import { afterAll, describe, expect, it } from 'vitest';
import { FeatureMatrix } from '../daemon/features/feature_matrix.ts';
import { readSeries } from '../daemon/features/series_reader.ts';
import { allPairs, MARKET, PAIRS, SCHEMA, settings, WARMUP } from '../daemon/infer/market_minutes.fixture.ts';
import { barInput } from '../daemon/queue/input.ts';
import type { OpenTime } from '../shared/bar.ts';
import { columnsOf, type BarColumns } from '../shared/bar_file/bar_file.ts';
import { featureSchema } from '../shared/bundle/feature_schema.ts';
import type { ModelSet } from '../shared/bundle/model_set.ts';
import { PairFeatures } from '../shared/core/features/features.ts';
import { SeriesBook, type Observation } from '../shared/core/series/series_book.ts';
import { openJournal } from '../shared/store/journal.ts';
import { observationRow } from '../shared/store/observation.ts';
import { journaledBars, journaledSeries } from '../shared/store/warm_bars.ts';
import { KnownSeries } from '../trainer/jobs/bars/known_series.ts';
import { buildPairHistory } from '../trainer/learning/history/pair_history.ts';

const [PAIR] = PAIRS as [(typeof PAIRS)[number]];
const { windows } = settings.minutehand;
const FORMULAS = [
  `funding = a.series("funding_rate") - b.series("funding_rate")`,
  `interest = a.series("open_interest") / mean(a.series("open_interest"), 5) - 1`,
  `late = corr(delta(log(a.close)), b.series("sentiment"), 7)`,
].join('\n');
const SET = { version: 'series', schema: featureSchema({ ...windows, formulas: FORMULAS }) } as ModelSet;
const WIDTH = SET.schema.definitions.length;
const BARS = WARMUP + 60;
const first = MARKET[0]!.time;

const folder = mkdtempSync(join(tmpdir(), 'minutehand-formula-series-'));
afterAll(() => rmSync(folder, { recursive: true }));

/** Values of both legs: events, and arrivals up to two hours later, in order of arrival. */
const observed: fc.Arbitrary<Observation[]> = fc
  .array(
    fc.record({
      symbol: fc.constantFrom(PAIR.a, PAIR.b),
      name: fc.constantFrom('funding_rate' as const, 'open_interest' as const, 'sentiment' as const),
      event: fc.integer({ min: -600, max: BARS * 60 }),
      delay: fc.oneof(fc.constant(0), fc.integer({ min: 0, max: 7200 })),
      value: fc.integer({ min: 1, max: 900 }),
    }),
    { minLength: 20, maxLength: 80 },
  )
  .map((rows) =>
    rows
      .map(({ symbol, name, event, delay, value }) => ({
        symbol,
        name,
        eventTime: first + event,
        arrivalTime: first + event + delay,
        value: name === 'open_interest' ? value : value / 1000,
      }))
      .sort((x, y) => x.arrivalTime - y.arrivalTime),
  );

const bits = (values: Iterable<number>): BigUint64Array => new BigUint64Array(Float64Array.from(values).buffer);

/** The columns of the formulas of the pair at each warm bar, as a daemon has them that began before the first one. */
function live(observations: readonly Observation[]): number[][] {
  const book = new SeriesBook();
  const matrix = new FeatureMatrix(PAIRS, windows, SCHEMA.definitions.length, readSeries(book));
  matrix.use([SET]);
  const rows: number[][] = [];
  let next = 0;
  for (let bar = 0; bar < BARS; bar++) {
    const close = MARKET[bar]!.time + 60;
    while (next < observations.length && observations[next]!.arrivalTime <= close) book.take(observations[next++]!);
    matrix.step(allPairs(bar));
    rows.push(rowOf(matrix));
  }
  return rows;
}

function rowOf(matrix: FeatureMatrix): number[] {
  const row = matrix.rowOf(0, SET);
  return row < 0 ? [] : [...matrix.valuesOf(SET).subarray(row * WIDTH, (row + 1) * WIDTH)];
}

function legsWith(observations: readonly Observation[], bars = BARS): { a: BarColumns; b: BarColumns } {
  const series = new KnownSeries();
  series.addJournal({ seriesBetween: () => observations.map(observationRow).values() });
  const columns = [PAIR.a, PAIR.b].map((symbol) =>
    columnsOf(
      symbol,
      MARKET.slice(0, bars).map((minute) => minute.bars.find((bar) => bar.symbol === symbol)!),
    ),
  );
  const known = series.addTo(new Map(columns.map((own) => [own.symbol, own])));
  return { a: known.get(PAIR.a)!, b: known.get(PAIR.b)! };
}

function history(legs: { a: BarColumns; b: BarColumns }): number[][] {
  const { features, rows } = buildPairHistory(PAIR, legs.a, legs.b, SET.schema.windows, () => true);
  return Array.from({ length: rows }, (_, row) => [...features.subarray(row * WIDTH, (row + 1) * WIDTH)]);
}

describe('formulas over the series of the legs', () => {
  it('have the same bits live, in a training, after a restart and when a minute is explained', async () => {
    let run = 0;
    await fc.assert(
      fc.asyncProperty(observed, fc.integer({ min: WARMUP, max: BARS - 1 }), async (observations, restart) => {
        const wanted = live(observations);
        const warm = wanted.filter((row) => row.length > 0);
        expect(warm.length).toBeGreaterThan(50);
        expect(history(legsWith(observations)).map(bits)).toEqual(warm.map(bits));

        const store = openJournal(join(folder, `${run++}.db`));
        const book = new SeriesBook();
        const matrix = new FeatureMatrix(PAIRS, windows, SCHEMA.definitions.length, readSeries(book));
        const arrived = observations.filter(({ arrivalTime }) => arrivalTime <= MARKET[restart]!.time + 60);
        store.append(
          MARKET.slice(0, restart + 1).flatMap(({ bars }) => bars.map((bar) => barInput(bar, false))),
          [],
          [],
        );
        store.append(arrived.map(observationRow), [], []);
        for (const observation of arrived) book.take(observation);
        for (let bar = 0; bar <= restart; bar++) matrix.step(allPairs(bar));
        const now = (): Promise<void> => Promise.resolve();
        await matrix.warm(SET, store, { stored: now, pause: now });
        matrix.use([SET]);
        for (const observation of observations.slice(arrived.length))
          if (observation.arrivalTime <= MARKET[restart + 1]!.time + 60) book.take(observation);
        if (restart + 1 < BARS) {
          matrix.step(allPairs(restart + 1));
          expect(bits(rowOf(matrix))).toEqual(bits(wanted[restart + 1]!));
        }

        const features = new PairFeatures(SET.schema.windows);
        const time = MARKET[restart]!.time as OpenTime;
        const bars = journaledBars(store, PAIR, features.warmupBars, time);
        const series = journaledSeries(store, PAIR, bars);
        for (const { a, b } of bars) features.step(a, b, series.at(a.time + 60));
        expect(bits(Float32Array.from(features.values))).toEqual(bits(wanted[restart]!));
        store.close();
      }),
      { numRuns: 8 },
    );
  });

  it('do not change by later bars or later arrivals', () => {
    fc.assert(
      fc.property(observed, fc.integer({ min: WARMUP, max: BARS - 1 }), (observations, bars) => {
        const end = MARKET[bars - 1]!.time + 60;
        const known = observations.filter(({ arrivalTime }) => arrivalTime <= end);
        const before = history(legsWith(known, bars));
        expect(history(legsWith(observations)).slice(0, before.length).map(bits)).toEqual(before.map(bits));
      }),
      { numRuns: 8 },
    );
  });

  it('are refused where nobody has looked for the series', () => {
    const { a, b } = legsWith([]);
    const { series: _a, ...bareA } = a;
    expect(() => history({ a: bareA, b })).toThrow('formulas read series of the legs, which were not given');
    expect(history({ a, b }).every((row) => Number.isNaN(row.at(-3)))).toBe(true);
  });
});
