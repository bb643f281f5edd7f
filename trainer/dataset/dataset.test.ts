import { beforeAll, describe, expect, it } from 'vitest';
import { barAt, clipBars, type BarColumns } from '../../shared/bar_file/bar_file.ts';
import type { OpenTime } from '../../shared/bar.ts';
import { PairFeatures } from '../../shared/core/features/features.ts';
import { MODEL_NAMES } from '../../shared/core/features/feature.ts';
import { MinutehandError } from '../../shared/errors.ts';
import { parsePair } from '../../shared/pair.ts';
import { tinyBars, tinySettings } from '../../test/tiny_models.ts';
import { datasetPolicy } from '../pipeline.ts';
import { isCandidate } from '../label/reversion.ts';
import { buildDataset, type Dataset, type DatasetPolicy } from './dataset.ts';
import { commonMinutes } from './pair_history.ts';

const settings = tinySettings();
const policy: DatasetPolicy = datasetPolicy(settings);
const pairs = settings.minutehand.pairs.map(parsePair);
const quiet = (): void => undefined;

let bars: Map<string, BarColumns>;
let dataset: Dataset;

/** The columns without the minutes that `drop` names. */
function without(columns: BarColumns, drop: (time: number, i: number) => boolean): BarColumns {
  const kept = [...columns.time.keys()].filter((i) => !drop(columns.time[i]!, i));
  const pick = (values: Float64Array): Float64Array => Float64Array.from(kept, (i) => values[i]!);
  const { symbol, time, open, high, low, close, volume, spread } = columns;
  return {
    symbol,
    length: kept.length,
    time: pick(time),
    open: pick(open),
    high: pick(high),
    low: pick(low),
    close: pick(close),
    volume: pick(volume),
    spread: spread === null ? null : pick(spread),
  };
}

beforeAll(() => {
  bars = tinyBars(settings);
  // Holes, and minutes of one leg alone.
  bars.set(
    'XAUUSD',
    without(bars.get('XAUUSD')!, (_, i) => i % 41 === 0),
  );
  bars.set(
    'XAGUSD',
    without(bars.get('XAGUSD')!, (_, i) => i % 53 === 0 || (i > 900 && i < 940)),
  );
  dataset = buildDataset(pairs, bars, policy, quiet);
});

describe('buildDataset', () => {
  it('keeps the holdout to itself: every training label was known before the first minute of the holdout', () => {
    const { train, holdout, holdoutFrom, from, to } = dataset;
    expect((to - holdoutFrom) / (to - from)).toBeCloseTo(policy.holdoutFraction, 2);
    for (const model of MODEL_NAMES) {
      expect(train[model].x.rows).toBeGreaterThan(100);
      expect(holdout[model].x.rows).toBeGreaterThan(20);
      expect(Math.max(...train[model].labelEnd)).toBeLessThanOrEqual(holdoutFrom);
      expect(Math.min(...holdout[model].time)).toBeGreaterThan(holdoutFrom);
      for (const { time, labelEnd } of [train[model], holdout[model]]) {
        for (let row = 0; row < time.length; row++) expect(labelEnd[row]!).toBeGreaterThan(time[row]!);
      }
    }
  });

  it('gives no row of the training period the time of a row of the holdout', () => {
    const timesOf = (part: 'train' | 'holdout') =>
      new Set(MODEL_NAMES.flatMap((model) => [...dataset[part][model].time]));
    const held = timesOf('holdout');
    expect([...timesOf('train')].filter((time) => held.has(time))).toEqual([]);
  });

  it('has in every row, to the bit, the features the daemon would have had with the data cut off at that time', () => {
    for (const part of [dataset.train, dataset.holdout]) {
      for (const model of MODEL_NAMES) {
        const { x, time, pair } = part[model];
        for (let row = 0; row < x.rows; row += Math.ceil(x.rows / 7)) {
          const { a, b } = dataset.histories[pair[row]!]!.pair;
          const cutOff = time[row]! as OpenTime;
          const [legA, legB] = [clipBars(bars.get(a)!, undefined, cutOff), clipBars(bars.get(b)!, undefined, cutOff)];
          const engine = new PairFeatures(policy.windows);
          for (const [i, j] of commonMinutes(legA, legB)) engine.step(barAt(legA, i), barAt(legB, j));
          expect(engine.frame.a.time + 60).toBe(cutOff);
          const own = x.values.subarray(row * x.columns, (row + 1) * x.columns);
          expect(own).toEqual(Float32Array.from(engine.values));
        }
      }
    }
  });

  it('gives AI1 every candidate whose label is known, and AI2 and AI3 the same bars', () => {
    const expected = dataset.histories.reduce(
      (sum, history) =>
        sum + Array.from(history.time).filter((_, t) => isCandidate(history, t, policy.barriers)).length,
      0,
    );
    const { train, holdout } = dataset;
    const rows = train.ai1.x.rows + holdout.ai1.x.rows;
    expect(rows).toBeLessThanOrEqual(expected);
    // Only labels that the end of a period cuts off are lost: at most a horizon's bars of each pair and period.
    expect(rows).toBeGreaterThanOrEqual(expected - 2 * policy.barriers.horizon * dataset.histories.length);
    for (const part of [train, holdout]) {
      expect(part.ai2.time).toEqual(part.ai3.time);
      expect(part.ai2.x.values).toEqual(part.ai3.x.values);
    }
  });

  it('orders rows by pair, then time', () => {
    for (const part of [dataset.train, dataset.holdout]) {
      for (const model of MODEL_NAMES) {
        const { pair, time } = part[model];
        for (let row = 1; row < time.length; row++) {
          const isLater = pair[row]! > pair[row - 1]! || (pair[row] === pair[row - 1] && time[row]! > time[row - 1]!);
          expect(isLater).toBe(true);
        }
      }
    }
  });

  it('keeps the features of every bar of the holdout, in rows that follow one another', () => {
    for (const history of dataset.histories) {
      const first = history.time.findIndex((time) => time >= dataset.holdoutFrom);
      expect(first).toBeGreaterThan(0);
      for (let t = first; t < history.length; t++) expect(history.row[t]).toBe(history.row[first]! + t - first);
      expect(history.row[history.length - 1]).toBe(history.rows - 1);
    }
  });

  it('thins AI2 and AI3 to at most max_rows without favouring any minute of the hour', () => {
    const thinned = buildDataset(pairs, bars, { ...policy, maxRows: 700 }, quiet);
    for (const model of MODEL_NAMES) expect(thinned.train[model].x.rows).toBeLessThanOrEqual(700);
    expect(thinned.train.ai2.x.rows).toBeGreaterThan(650);
    const minutesOfHour = Array.from(thinned.train.ai2.time, (time) => (time / 60) % 60);
    for (const tick of [2, 3, 5]) {
      for (let rest = 0; rest < tick; rest++) {
        const share = minutesOfHour.filter((minute) => minute % tick === rest).length / minutesOfHour.length;
        expect(share).toBeGreaterThan(0.7 / tick);
      }
    }
    const gaps = Array.from(thinned.train.ai2.time, (time, row) => {
      const { pair, time: times } = thinned.train.ai2;
      return row > 0 && pair[row] === pair[row - 1] ? (time - times[row - 1]!) / 60 : 0;
    });
    // Evenly in time: 7.5 minutes apart on average, never more than 13 but where bars are missing.
    expect(gaps.filter((gap) => gap > 16).length).toBeLessThan(10);
  });

  it('thins AI1 evenly when there are more candidates than max_rows', () => {
    const thinned = buildDataset(pairs, bars, { ...policy, maxRows: 100 }, quiet);
    expect(thinned.train.ai1.x.rows).toBe(100);
    expect(new Set(thinned.train.ai1.pair).size).toBe(dataset.histories.length);
  });

  it('counts each part of AI2’s label alone', () => {
    const { drawdown, volatility, correlation } = dataset.riskParts;
    const share = dataset.train.ai2.y.reduce((sum, label) => sum + label, 0) / dataset.train.ai2.y.length;
    for (const part of [drawdown, volatility, correlation]) {
      expect(part).toBeGreaterThan(0);
      expect(part).toBeLessThanOrEqual(share);
    }
    expect(drawdown + volatility + correlation).toBeGreaterThanOrEqual(share);
  });

  it('leaves out a pair whose legs have too few minutes in common, though each has enough bars', () => {
    const apart = new Map(bars);
    apart.set(
      'EURUSD',
      without(bars.get('EURUSD')!, (_, i) => i % 2 === 0),
    );
    apart.set(
      'GBPUSD',
      without(bars.get('GBPUSD')!, (_, i) => i % 2 === 1),
    );
    expect(apart.get('GBPUSD')!.length).toBeGreaterThan(policy.minBars);
    const { histories } = buildDataset(pairs, apart, policy, quiet);
    expect(histories.map(({ pair }) => pair.id)).toEqual(['XAUUSD_XAGUSD', 'AUDUSD_USDCAD']);
  });

  it('leaves out a pair with a leg that has no bars', () => {
    const lacking = new Map(bars);
    lacking.delete('XAGUSD');
    const { histories } = buildDataset(pairs, lacking, policy, quiet);
    expect(histories.map(({ pair }) => pair.id)).toEqual(['EURUSD_GBPUSD', 'AUDUSD_USDCAD']);
  });

  it('says DATA_TOO_SHORT with what every pair has, and DATA_MISSING when no symbol has a bar', () => {
    const short = new Map(
      [...bars].map(([symbol, columns]) => [
        symbol,
        clipBars(columns, undefined, (columns.time[0]! + 6000) as OpenTime),
      ]),
    );
    const codeOf = (own: ReadonlyMap<string, BarColumns>): MinutehandError => {
      try {
        buildDataset(pairs, own, policy, quiet);
      } catch (error) {
        if (error instanceof MinutehandError) return error;
        throw error;
      }
      throw new Error('nothing was thrown');
    };
    const error = codeOf(short);
    expect(error.code).toBe('DATA_TOO_SHORT');
    expect(error.seen).toMatch(/XAUUSD_XAGUSD \d+, EURUSD_GBPUSD 100/);
    expect(codeOf(new Map()).code).toBe('DATA_MISSING');
    expect(codeOf(new Map([['BTCUSDT', bars.get('XAUUSD')!]])).code).toBe('DATA_MISSING');
  });

  it('does not depend on the order of the symbols', () => {
    const reversed = buildDataset(pairs, new Map([...bars].reverse()), policy, quiet);
    expect(reversed.train).toEqual(dataset.train);
    expect(reversed.holdoutFrom).toBe(dataset.holdoutFrom);
  });
});
