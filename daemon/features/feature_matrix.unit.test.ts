import { describe, expect, it } from 'vitest';
import { SeriesBook } from '../../shared/core/series/series_book.ts';
import { checksum } from '../../shared/signal/encode.ts';
import type { MinuteItem } from '../queue/queue.ts';
import { FeatureMatrix } from './feature_matrix.ts';
import { readSeries } from './series_reader.ts';
import { allPairs, itemOf, PAIRS, SCHEMA, settings, WARMUP } from '../infer/market_minutes.fixture.ts';

const { windows } = settings.minutehand;
const COLUMNS = SCHEMA.definitions.length;

describe('FeatureMatrix', () => {
  it('has a row for each warm pair that publishes, in the order of the batch, with the features as models take them', () => {
    const matrix = new FeatureMatrix(PAIRS, windows, COLUMNS, readSeries(new SeriesBook()));
    for (let bar = 0; bar < WARMUP - 1; bar++) expect(matrix.step(allPairs(bar))).toBe(0);
    expect([0, 1, 2].map((pairIndex) => matrix.rowOf(pairIndex, null))).toEqual([-1, -1, -1]);
    const [gold, euro, aussie] = allPairs(WARMUP - 1) as [MinuteItem, MinuteItem, MinuteItem];
    expect(matrix.step([aussie, { ...euro, publish: false }, gold])).toBe(2);
    expect([0, 1, 2].map((pairIndex) => matrix.rowOf(pairIndex, null))).toEqual([1, -1, 0]);
    [2, 0].forEach((pairIndex, row) => {
      const values = Float32Array.from(matrix.features.values(pairIndex));
      expect(matrix.values.subarray(row * COLUMNS, (row + 1) * COLUMNS)).toEqual(values);
    });
    // Unpublished minutes have moved their features too.
    expect(matrix.features.ready(1)).toBe(true);
  });

  it('warms up anew behind a hole: the first row is, to the bit, that of the bars behind it alone', () => {
    const matrix = new FeatureMatrix(PAIRS, windows, COLUMNS, readSeries(new SeriesBook()));
    const alone = new FeatureMatrix(PAIRS, windows, COLUMNS, readSeries(new SeriesBook()));
    for (let bar = 0; bar < WARMUP + 10; bar++) matrix.step(allPairs(bar));
    const later = (days: number, bar: number): MinuteItem[] =>
      allPairs(bar).map((item) => {
        const { a, b, time } = item.minute;
        const shift = days * 86_400;
        const moved = { time: time + shift, a: { ...a!, time: a!.time + shift }, b: { ...b!, time: b!.time + shift } };
        return { ...item, minute: { ...item.minute, ...moved } as MinuteItem['minute'] };
      });
    expect(matrix.step(later(4, WARMUP + 10))).toBe(3);
    for (let bar = 0; bar < WARMUP; bar++) {
      const rows = matrix.step(later(30, bar));
      expect(rows).toBe(alone.step(later(30, bar)));
      expect([rows > 0, matrix.isReady(0, null)]).toEqual([bar === WARMUP - 1, bar === WARMUP - 1]);
    }
    expect(matrix.values).toEqual(alone.values);
  });

  it('gives the same for many minutes in one batch as for one after the other', () => {
    const whole = new FeatureMatrix(PAIRS, windows, COLUMNS, readSeries(new SeriesBook()));
    const single = new FeatureMatrix(PAIRS, windows, COLUMNS, readSeries(new SeriesBook()));
    const last = WARMUP + 40;
    const batches = Array.from({ length: last + 1 }, (_, bar) =>
      allPairs(bar).map((item) => ({ ...item, publish: bar === last })),
    );
    for (const batch of batches) single.step(batch);
    expect(whole.step(batches.flat())).toBe(3);
    for (const pairIndex of [0, 1, 2]) {
      expect([whole.rowOf(pairIndex, null), whole.rowPairs[pairIndex]]).toEqual([pairIndex, PAIRS[pairIndex]!.id]);
      expect(whole.checksum(pairIndex, SCHEMA.hash)).toBe(single.checksum(pairIndex, SCHEMA.hash));
    }
    expect(whole.values).toEqual(single.values);
  });

  it('scores a heartbeat by the last bar, and no minute without a leg, neither of which moves the features', () => {
    const matrix = new FeatureMatrix(PAIRS, windows, COLUMNS, readSeries(new SeriesBook()));
    for (let bar = 0; bar < WARMUP; bar++) matrix.step(allPairs(bar));
    const before = [0, 1].map((pairIndex) => matrix.checksum(pairIndex, SCHEMA.hash));
    expect(matrix.step([itemOf(WARMUP, 0, 'LEG_MISSING'), itemOf(WARMUP, 1, 'SILENCE')])).toBe(1);
    expect([matrix.rowOf(0, null), matrix.rowOf(1, null)]).toEqual([-1, 0]);
    expect([0, 1].map((pairIndex) => matrix.checksum(pairIndex, SCHEMA.hash))).toEqual(before);
    matrix.step([itemOf(WARMUP, 0)]);
    expect(matrix.checksum(0, SCHEMA.hash)).not.toBe(before[0]);
    expect(matrix.checksum(1, SCHEMA.hash)).toBe(before[1]);
    const bytes = new Uint8Array(Float64Array.from(matrix.features.values(1)).buffer);
    expect(matrix.checksum(1, SCHEMA.hash)).toBe(checksum(bytes));
  });
});
