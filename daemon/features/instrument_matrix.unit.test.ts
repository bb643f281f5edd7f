import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import type { DirectionModel } from '../../shared/bundle/direction/direction_model.ts';
import type { OpenTime } from '../../shared/bar.ts';
import { instrumentSchema } from '../../shared/bundle/feature_schema.ts';
import { INSTRUMENT_WINDOWS, type InstrumentWindows } from '../../shared/core/features/instrument/definitions.ts';
import { InstrumentColumns } from '../../shared/core/features/instrument/instrument_columns.ts';
import { InstrumentFeatures } from '../../shared/core/features/instrument/instrument_features.ts';
import { SERIES } from '../../shared/core/series/series_names.ts';
import { parseInstrument } from '../../shared/pair.ts';
import { checksum } from '../../shared/signal/encode.ts';
import { openJournal } from '../../shared/store/journal.ts';
import { barInput } from '../queue/input.ts';
import type { AnsweredMinute } from '../align/minute.ts';
import type { MinuteItem } from '../queue/queue.ts';
import { InstrumentMatrix } from './instrument_matrix.ts';

const NO_RULES = { reads: () => false, take: () => undefined };
const INSTRUMENTS = ['BTCUSDT', 'ETHUSDT@1h', 'SOLUSDT'].map(parseInstrument);
/** As behind two pairs. */
const FIRST = 2;
const BTC = 2;
const ETH = 3;
const SOL = 4;
/** Midnight, UTC. */
const START = 1_760_400_000;
const WARMUP = new InstrumentFeatures(INSTRUMENT_WINDOWS, 60).warmupBars;
const COLUMNS = new InstrumentFeatures(INSTRUMENT_WINDOWS, 60).values.length;
const NO_SERIES = new Float64Array(SERIES.length).fill(NaN);

const secondsOf = (index: number): number => (index === ETH ? 3600 : 60);
/** Open of the n-th bar of an instrument. */
const openOf = (n: number, index: number): number => START + n * secondsOf(index);
const barOf = (n: number, index: number) => {
  const close = 100 * index + Math.sin(n * index);
  return { high: close + 1, low: close - 1, close, volume: 5 + (n % 3) };
};

function itemOf(
  n: number,
  index: number,
  { outcome = 'COMPLETE' as AnsweredMinute['outcome'], publish = true, taker = undefined as number | undefined } = {},
): MinuteItem {
  const time = (openOf(n + 1, index) - 60) as OpenTime;
  const bar = { ...barOf(n, index), symbol: 'X', time, open: 1, ...(taker !== undefined && { takerBuyVolume: taker }) };
  const isComplete = outcome === 'COMPLETE';
  const legs = { a: isComplete ? bar : null, b: isComplete ? bar : null };
  const minute = { pairIndex: index, time, ...legs, outcome, isHalted: false, backfill: false };
  return { kind: 'minute', minute: minute as unknown as AnsweredMinute, publish, arrivedUs: 0 };
}

/** The features after bars 0 … `last`, computed without the matrix. */
function featuresAfter(last: number, index: number): Float64Array {
  const features = new InstrumentFeatures(INSTRUMENT_WINDOWS, secondsOf(index));
  for (let n = 0; n <= last; n++)
    features.step({ ...barOf(n, index), time: openOf(n, index), takerBuyVolume: NaN }, NO_SERIES);
  return features.values;
}

const asked: [string, number][] = [];
const series = {
  valuesAt(symbol: string, now: number): Float64Array {
    asked.push([symbol, now]);
    return NO_SERIES;
  },
};

function warmMatrix(): InstrumentMatrix {
  const matrix = new InstrumentMatrix(INSTRUMENTS, FIRST, series, NO_RULES);
  for (let n = 0; n < WARMUP; n++) matrix.step([BTC, ETH, SOL].map((index) => itemOf(n, index)));
  return matrix;
}

const rowsOf = (matrix: InstrumentMatrix): number[] => [BTC, ETH, SOL].map((index) => matrix.rowOf(index));

describe('InstrumentMatrix', () => {
  it('has a group for each timeframe, with room for a row of each of its instruments', () => {
    const { groups } = new InstrumentMatrix(INSTRUMENTS, FIRST, series, NO_RULES);
    expect(groups.map(({ barSeconds, values, rows }) => [barSeconds, values.length / COLUMNS, rows])).toEqual([
      [60, 2, 0],
      [3600, 1, 0],
    ]);
    const hashes = [60, 3600].map((seconds) => instrumentSchema(INSTRUMENT_WINDOWS, seconds).hash);
    expect(groups.map(({ featureSchema }) => featureSchema)).toEqual(hashes);
  });

  it('scores warm instruments in the order of the batch, each in a row of its group', () => {
    const matrix = new InstrumentMatrix(INSTRUMENTS, FIRST, series, NO_RULES);
    expect(rowsOf(matrix)).toEqual([-1, -1, -1]);
    expect(matrix.closeOf(BTC)).toBeNaN();
    for (let n = 0; n < WARMUP - 1; n++) matrix.step([BTC, ETH, SOL].map((index) => itemOf(n, index)));
    expect([rowsOf(matrix), matrix.isReady(BTC)]).toEqual([[-1, -1, -1], false]);
    const last = WARMUP - 1;
    matrix.step([SOL, ETH, BTC].map((index) => itemOf(last, index)));
    expect([rowsOf(matrix), matrix.isReady(BTC)]).toEqual([[1, 0, 0], true]);
    for (const index of [BTC, ETH, SOL]) {
      const group = matrix.groupOf(index);
      const row = matrix.rowOf(index);
      const expected = featuresAfter(last, index);
      expect(group.rows).toBe(index === ETH ? 1 : 2);
      expect(group.values.slice(row * COLUMNS, (row + 1) * COLUMNS)).toEqual(Float32Array.from(expected));
      expect(matrix.checksum(index)).toBe(checksum(new Uint8Array(expected.buffer)));
      expect(matrix.closeOf(index)).toBe(barOf(last, index).close);
    }
  });

  it('reads the series of each symbol at the close of its bar', () => {
    asked.length = 0;
    new InstrumentMatrix(INSTRUMENTS, FIRST, series, NO_RULES).step([itemOf(0, BTC), itemOf(0, ETH)]);
    expect(asked).toEqual([
      ['BTCUSDT', START + 60],
      ['ETHUSDT', START + 3600],
    ]);
  });

  it('scores a heartbeat by the last bar; a bar that is missing or not published is not scored', () => {
    const matrix = warmMatrix();
    const before = matrix.checksum(BTC);
    matrix.step([
      itemOf(WARMUP, BTC, { outcome: 'SILENCE' }),
      itemOf(WARMUP, ETH, { publish: false }),
      itemOf(WARMUP, SOL, { outcome: 'LEG_EMPTY' }),
    ]);
    expect([rowsOf(matrix), matrix.groups.map(({ rows }) => rows)]).toEqual([
      [0, -1, -1],
      [1, 0],
    ]);
    expect(matrix.checksum(BTC)).toBe(before);
    expect(matrix.closeOf(ETH)).toBe(barOf(WARMUP, ETH).close);
    expect(matrix.closeOf(SOL)).toBe(barOf(WARMUP - 1, SOL).close);
  });

  it('has seen a taker volume from the first bar with one on', () => {
    const matrix = new InstrumentMatrix(INSTRUMENTS, FIRST, series, NO_RULES);
    matrix.step([itemOf(0, BTC)]);
    expect(matrix.hasTaker).toBe(false);
    matrix.step([itemOf(1, BTC, { taker: 0 })]);
    expect(matrix.hasTaker).toBe(true);
    matrix.step([itemOf(2, BTC)]);
    expect(matrix.hasTaker).toBe(true);
  });
});

describe('formulas of direction models', () => {
  const WINDOWS = (formulas: string): InstrumentWindows => ({ ...INSTRUMENT_WINDOWS, formulas });
  const modelOf = (formulas: string, seconds = 60) => ({ rowSchema: instrumentSchema(WINDOWS(formulas), seconds) });
  /** Looks back further than the hand-written features. */
  const LONG = modelOf(`far = close / delay(close, ${WARMUP + 2}) - 1\nhour_now = hour()`);
  const OF_SOL = modelOf('steep for SOLUSDT = rank(close, 30)');
  const WRITTEN = {};

  /** All columns after bars 0 … `last`, by what trainings use. */
  function columnsAfter(last: number, index: number, windows: InstrumentWindows): InstrumentColumns {
    const columns = new InstrumentColumns(windows, INSTRUMENTS[index - FIRST]!);
    for (let n = 0; n <= last; n++)
      columns.step({ ...barOf(n, index), time: openOf(n, index), open: 1, takerBuyVolume: NaN }, NO_SERIES);
    return columns;
  }

  it('are those of a training, for each of the models that answer at once; another timeframe has none', () => {
    const matrix = new InstrumentMatrix(INSTRUMENTS, FIRST, series, NO_RULES);
    matrix.use(60, [LONG, OF_SOL, WRITTEN]);
    const readyAt: Record<string, number> = {};
    for (let n = 0; n < WARMUP + 5; n++) {
      matrix.step([BTC, ETH, SOL].map((index) => itemOf(n, index)));
      if (matrix.isReady(BTC, LONG)) readyAt['long'] ??= n + 1;
      if (matrix.isReady(BTC, OF_SOL)) readyAt['of SOL'] ??= n + 1;
      if (matrix.isReady(BTC)) readyAt['written'] ??= n + 1;
      expect(matrix.rowOf(BTC, LONG) >= 0).toBe(matrix.isReady(BTC, LONG));
    }
    expect(readyAt).toEqual({ long: WARMUP + 3, 'of SOL': WARMUP, written: WARMUP });
    for (const model of [LONG, OF_SOL])
      for (const index of [BTC, SOL]) {
        const { values } = columnsAfter(WARMUP + 4, index, model.rowSchema.windows);
        const row = matrix.rowOf(index, model);
        const own = matrix
          .groupOf(index)
          .valuesOf(model)
          .slice(row * values.length, (row + 1) * values.length);
        expect(own).toEqual(Float32Array.from(values));
        expect(matrix.checksum(index, model.rowSchema.hash)).toBe(checksum(new Uint8Array(values.buffer)));
        expect(matrix.featureSchemaOf(index, model)).toBe(model.rowSchema.hash);
        expect(Number.isNaN(values.at(-1))).toBe(model === OF_SOL && index === BTC);
      }
    const group = matrix.groupOf(BTC);
    expect([group.valuesOf(WRITTEN), matrix.featureSchemaOf(BTC, WRITTEN)]).toEqual([
      group.values,
      group.featureSchema,
    ]);
    expect(() => matrix.groupOf(ETH).valuesOf(LONG)).toThrow(/are not computed/);
    // No model has them any more.
    matrix.use(60, [WRITTEN]);
    expect(() => group.valuesOf(LONG)).toThrow(/are not computed/);
  });

  it('are warmed from the journal while bars come, of the instruments alone that they are for', async () => {
    const folder = mkdtempSync(join(tmpdir(), 'minutehand-instruments-'));
    const store = openJournal(join(folder, 'journal.db'));
    try {
      const stored = WARMUP + 20;
      // One of them comes while the first model is warmed.
      const inputs = Array.from({ length: stored + 1 }, (_, n) =>
        [BTC, SOL].map((index) => {
          const { a } = itemOf(n, index).minute;
          return barInput({ ...a!, symbol: INSTRUMENTS[index - FIRST]!.a }, false);
        }),
      );
      store.append(inputs.flat(), [], []);
      const matrix = new InstrumentMatrix(INSTRUMENTS, FIRST, series, NO_RULES);
      const step = (n: number): void => matrix.step([BTC, SOL].map((index) => itemOf(n, index)));
      for (let n = 0; n < stored; n++) step(n);
      let pauses = 0;
      const pause = (): Promise<void> => {
        if (++pauses === 2) step(stored);
        return Promise.resolve();
      };
      const manifest = { timeframe: 60 } as DirectionModel['manifest'];
      for (const model of [LONG, OF_SOL]) await matrix.warm({ ...model, manifest }, store, { stored: pause, pause });
      matrix.use(60, [LONG, OF_SOL]);
      step(stored + 1);
      for (const model of [LONG, OF_SOL])
        for (const index of [BTC, SOL]) {
          expect(matrix.isReady(index, model)).toBe(true);
          const { values } = columnsAfter(stored + 1, index, model.rowSchema.windows);
          expect(matrix.checksum(index, model.rowSchema.hash)).toBe(checksum(new Uint8Array(values.buffer)));
        }
    } finally {
      store.close();
      rmSync(folder, { recursive: true });
    }
  });
});

describe('direction models of several bars', () => {
  const BARS = 4;
  const modelOf = (windows: Partial<InstrumentWindows>) => ({
    rowSchema: instrumentSchema({ ...INSTRUMENT_WINDOWS, sequence: BARS, ...windows }, 60),
  });
  const WRITTEN = modelOf({});
  const LONG = modelOf({ formulas: `far = close / delay(close, ${WARMUP + 2}) - 1` });

  /** Features of the last bars by hand: the rows of as many engines without a sequence, the oldest first. */
  function slowRows(last: number, index: number, { rowSchema: { windows } }: typeof WRITTEN): Float32Array {
    const { sequence: _, ...alone } = windows;
    const rows = Array.from({ length: BARS }, (_, i) => {
      const columns = new InstrumentColumns(alone, INSTRUMENTS[index - FIRST]!);
      for (let n = 0; n <= last - BARS + 1 + i; n++)
        columns.step({ ...barOf(n, index), time: openOf(n, index), open: 1, takerBuyVolume: NaN }, NO_SERIES);
      return [...columns.values];
    });
    return Float32Array.from(rows.flat());
  }

  function expectRows(matrix: InstrumentMatrix, last: number, model: typeof WRITTEN): void {
    for (const index of [BTC, SOL]) {
      const expected = slowRows(last, index, model);
      const row = matrix.rowOf(index, model);
      const { length } = expected;
      expect(
        matrix
          .groupOf(index)
          .valuesOf(model)
          .slice(row * length, (row + 1) * length),
      ).toEqual(expected);
      const columns = new InstrumentColumns(model.rowSchema.windows, INSTRUMENTS[index - FIRST]!);
      for (let n = 0; n <= last; n++)
        columns.step({ ...barOf(n, index), time: openOf(n, index), open: 1, takerBuyVolume: NaN }, NO_SERIES);
      const own = new Float32Array(columns.rowWidth);
      columns.writeRow(own, 0);
      expect([own, columns.ready]).toEqual([expected, true]);
    }
  }

  it('get the rows of their last bars once all of them are warm, with formulas and without', () => {
    const matrix = new InstrumentMatrix(INSTRUMENTS, FIRST, series, NO_RULES);
    matrix.use(60, [WRITTEN, LONG]);
    const readyAt: Record<string, number> = {};
    const last = WARMUP + 8;
    for (let n = 0; n <= last; n++) {
      matrix.step([BTC, ETH, SOL].map((index) => itemOf(n, index)));
      if (matrix.isReady(BTC, WRITTEN)) readyAt['written'] ??= n + 1;
      if (matrix.isReady(BTC, LONG)) readyAt['long'] ??= n + 1;
    }
    expect(readyAt).toEqual({ written: WARMUP + BARS - 1, long: WARMUP + 3 + BARS - 1 });
    for (const model of [WRITTEN, LONG]) expectRows(matrix, last, model);
    expect(WRITTEN.rowSchema.hash).not.toBe(instrumentSchema(INSTRUMENT_WINDOWS, 60).hash);
  });

  it.each([
    ['more bars than they look back over', WARMUP + 20, true],
    ['too few bars for the oldest row', WARMUP + BARS - 3, false],
  ])('are warmed from a journal with %s', async (_, stored, isReady) => {
    const folder = mkdtempSync(join(tmpdir(), 'minutehand-instruments-'));
    const store = openJournal(join(folder, 'journal.db'));
    try {
      const inputs = Array.from({ length: stored }, (_, n) =>
        [BTC, SOL].map((index) =>
          barInput({ ...itemOf(n, index).minute.a!, symbol: INSTRUMENTS[index - FIRST]!.a }, false),
        ),
      );
      store.append(inputs.flat(), [], []);
      const matrix = new InstrumentMatrix(INSTRUMENTS, FIRST, series, NO_RULES);
      const step = (n: number): void => matrix.step([BTC, SOL].map((index) => itemOf(n, index)));
      for (let n = 0; n < stored; n++) step(n);
      const pause = (): Promise<void> => Promise.resolve();
      const manifest = { timeframe: 60 } as DirectionModel['manifest'];
      await matrix.warm({ ...WRITTEN, manifest }, store, { stored: pause, pause });
      matrix.use(60, [WRITTEN]);
      step(stored);
      expect([matrix.isReady(BTC, WRITTEN), matrix.isReady(BTC)]).toEqual([isReady, true]);
      if (isReady) expectRows(matrix, stored, WRITTEN);
      else step(stored + 1);
      expect(matrix.isReady(BTC, WRITTEN)).toBe(true);
    } finally {
      store.close();
      rmSync(folder, { recursive: true });
    }
  });
});
