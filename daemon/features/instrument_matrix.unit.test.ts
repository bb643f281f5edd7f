import { describe, expect, it } from 'vitest';
import type { OpenTime } from '../../shared/bar.ts';
import { instrumentSchema } from '../../shared/bundle/feature_schema.ts';
import { INSTRUMENT_WINDOWS } from '../../shared/core/features/instrument/definitions.ts';
import { InstrumentFeatures } from '../../shared/core/features/instrument/instrument_features.ts';
import { SERIES } from '../../shared/core/series/series_names.ts';
import { parseInstrument } from '../../shared/pair.ts';
import { checksum } from '../../shared/signal/encode.ts';
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
