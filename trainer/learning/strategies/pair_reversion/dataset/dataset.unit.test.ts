import { beforeAll, describe, expect, it } from 'vitest';
import { wholeHistory } from '../../../history/kept_history.ts';
import { barAt, clipBars, type BarColumns } from '../../../../../shared/bar_file/bar_file.ts';
import type { OpenTime } from '../../../../../shared/bar.ts';
import { PairFeatures } from '../../../../../shared/core/features/features.ts';
import { MODEL_NAMES } from '../../../../../shared/core/features/feature.ts';
import { MinutehandError } from '../../../../../shared/errors.ts';
import { parsePair } from '../../../../../shared/pair.ts';
import { tinyBars, tinySettings } from '../../../../../test/tiny_models.ts';
import { datasetPolicy } from './dataset_policy.ts';
import { RISK_PARTS } from '../label/pair_labels.ts';
import { EVALUATION_BARRIERS, isCandidate } from '../label/reversion.ts';
import { averageUniqueness } from '../../../label/uniqueness.ts';
import { columnsOf } from '../../../learners/learning.ts';
import { buildDataset, type Dataset, type DatasetOptions, type DatasetPolicy } from './dataset.ts';
import { commonMinutes } from '../../../history/pair_history.ts';

const settings = tinySettings();
const policy: DatasetPolicy = datasetPolicy(settings);
const pairs = settings.minutehand.pairs.map(parsePair);
const QUIET: DatasetOptions = { workers: 0, cache: null, onProgress: () => undefined };

let bars: Map<string, BarColumns>;
let dataset: Dataset;

/** The columns without the minutes selected by `drop`. */
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

beforeAll(async () => {
  bars = tinyBars(settings);
  // Gaps, and minutes of one leg only.
  bars.set(
    'XAUUSD',
    without(bars.get('XAUUSD')!, (_, i) => i % 41 === 0),
  );
  bars.set(
    'XAGUSD',
    without(bars.get('XAGUSD')!, (_, i) => i % 53 === 0 || (i > 900 && i < 940)),
  );
  dataset = await buildDataset(pairs, bars, policy, QUIET);
});

describe('buildDataset', () => {
  it('separates the holdout: every training label was known before the first minute of the holdout', () => {
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

  it('shares no row times between training period and holdout', () => {
    const timesOf = (part: 'train' | 'holdout') =>
      new Set(MODEL_NAMES.flatMap((model) => [...dataset[part][model].time]));
    const held = timesOf('holdout');
    expect([...timesOf('train')].filter((time) => held.has(time))).toEqual([]);
  });

  it('has in every row, bit for bit, the features that the daemon would have with data up to that time', () => {
    for (const part of [dataset.train, dataset.holdout]) {
      for (const model of MODEL_NAMES) {
        const { x, time, pair } = part[model];
        for (let row = 0; row < x.rows; row += Math.ceil(x.rows / 7)) {
          const { a, b } = dataset.histories[pair[row]!]!.pair;
          const knownAt = time[row]! as OpenTime;
          const legA = clipBars(bars.get(a)!, undefined, knownAt);
          const legB = clipBars(bars.get(b)!, undefined, knownAt);
          const engine = new PairFeatures(policy.windows);
          for (const [i, j] of commonMinutes(legA, legB)) engine.step(barAt(legA, i), barAt(legB, j));
          expect(engine.frame.a.time + 60).toBe(knownAt);
          const own = x.values.subarray(row * x.columns, (row + 1) * x.columns);
          expect(own).toEqual(Float32Array.from(engine.values));
        }
      }
    }
  });

  it('gives AI1 every candidate whose label is known, and AI2 and AI3 the same bars', () => {
    const expected = dataset.histories
      .map(wholeHistory)
      .reduce(
        (sum, history) =>
          sum + Array.from(history.time).filter((_, t) => isCandidate(history, t, policy.barriers)).length,
        0,
      );
    const { train, holdout } = dataset;
    const rows = train.ai1.x.rows + holdout.ai1.x.rows;
    expect(rows).toBeLessThanOrEqual(expected);
    // Only labels cut off by the end of a period are lost: at most a horizon's bars per pair and period.
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

  it('has rows in memory that all threads read, and columns in which nothing is known in one memory', async () => {
    for (const { ai1, ai2, ai3 } of [dataset.train, dataset.holdout])
      for (const { x } of [ai1, ai2, ai3]) expect(x.values.buffer).toBeInstanceOf(SharedArrayBuffer);
    const quoteless = new Map([...bars].map(([symbol, columns]) => [symbol, { ...columns, spread: null }]));
    const { histories } = await buildDataset(pairs, quoteless, policy, QUIET);
    const unknown = histories.map(wholeHistory).flatMap(({ quotedA, quotedB }) => [quotedA, quotedB]);
    expect(unknown.every((column) => column.every(Number.isNaN))).toBe(true);
    expect(new Set(unknown.map(({ buffer }) => buffer)).size).toBe(1);
    expect(unknown.map(({ length }) => length)).toEqual(histories.flatMap(({ length }) => [length, length]));
    for (const { quotedA } of dataset.histories.map(wholeHistory)) expect(quotedA.some(Number.isNaN)).toBe(false);
  });

  it('keeps the features of every bar of the holdout, in contiguous rows', () => {
    for (const history of dataset.histories.map(wholeHistory)) {
      const first = history.time.findIndex((time) => time >= dataset.holdoutFrom);
      expect(first).toBeGreaterThan(0);
      for (let t = first; t < history.length; t++) expect(history.row[t]).toBe(history.row[first]! + t - first);
      expect(history.row[history.length - 1]).toBe(history.rows - 1);
    }
  });

  it('thins AI2 and AI3 to at most max_rows without favoring any minute of the hour', async () => {
    const thinned = await buildDataset(pairs, bars, { ...policy, maxRows: 700 }, QUIET);
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
    // Evenly spaced: 7.5 minutes apart on average, never more than 13 except at gaps.
    expect(gaps.filter((gap) => gap > 16).length).toBeLessThan(10);
  });

  it('thins AI1 evenly when there are more candidates than max_rows', async () => {
    const thinned = await buildDataset(pairs, bars, { ...policy, maxRows: 100 }, QUIET);
    expect(thinned.train.ai1.x.rows).toBe(100);
    expect(new Set(thinned.train.ai1.pair).size).toBe(dataset.histories.length);
  });

  it('counts each part of AI2’s label separately', () => {
    const { drawdown, volatility, correlation } = dataset.riskParts;
    const share = dataset.train.ai2.y.reduce((sum, label) => sum + label, 0) / dataset.train.ai2.y.length;
    for (const part of [drawdown, volatility, correlation]) {
      expect(part).toBeGreaterThan(0);
      expect(part).toBeLessThanOrEqual(share);
    }
    expect(drawdown + volatility + correlation).toBeGreaterThanOrEqual(share);
  });

  it('has each part of AI2’s label for every row; the label is their disjunction', () => {
    for (const { y, parts } of [dataset.train.ai2, dataset.holdout.ai2]) {
      for (const part of RISK_PARTS) expect(parts[part].length).toBe(y.length);
      y.forEach((label, row) => expect(label).toBe(RISK_PARTS.some((part) => parts[part][row] === 1) ? 1 : 0));
    }
    const { parts } = dataset.train.ai2;
    for (const part of RISK_PARTS)
      expect(dataset.riskParts[part]).toBe(parts[part].filter((is) => is === 1).length / parts[part].length);
  });

  it('weighs rows by how unique their labels are among them, pair by pair, with mean 1', () => {
    for (const rows of [...MODEL_NAMES.map((model) => dataset.train[model]), dataset.holdout.ai1]) {
      const { pair, time, labelEnd, weights, effectiveRows } = rows;
      const shares = dataset.histories.map(wholeHistory).flatMap((history, index) => {
        const own = [...pair.keys()].filter((row) => pair[row] === index);
        const barOf = (closed: number): number => history.time.indexOf(closed - 60);
        const from = Int32Array.from(own, (row) => barOf(time[row]!));
        const end = Int32Array.from(own, (row) => barOf(labelEnd[row]!));
        return [...averageUniqueness(from, end, history.length)];
      });
      expect(effectiveRows).toBeCloseTo(
        shares.reduce((total, share) => total + share, 0),
        9,
      );
      expect(effectiveRows).toBeLessThan(rows.x.rows);
      const meanRoot = shares.reduce((total, share) => total + Math.sqrt(share), 0) / shares.length;
      weights.forEach((weight, row) => expect(weight).toBeCloseTo(Math.sqrt(shares[row]!) / meanRoot, 9));
    }
  });

  it('trains on the evaluation label’s rows when it is the trained label', () => {
    expect(dataset.evaluation.train).toBe(dataset.train.ai1);
    expect(dataset.evaluation.holdout).toBe(dataset.holdout.ai1);
  });

  it('gives the same evaluation rows with any other label and any thinning', async () => {
    const barriers = { z_entry: 1.6, z_exit: 0.2, stop: 2, horizon: 30 };
    for (const variant of [{ barriers }, { barriers: { ...barriers, z_entry: 2.5 } }, { maxRows: 100 }]) {
      const other = await buildDataset(pairs, bars, { ...policy, ...variant }, QUIET);
      expect(other.evaluation).toEqual(dataset.evaluation);
      expect(other.train.ai1.y).not.toEqual(dataset.train.ai1.y);
      expect(other.snapshotId).not.toBe(dataset.snapshotId);
    }
  });

  it('has the features of every candidate of the evaluation label, even if the trained label has fewer', async () => {
    const barriers = { ...EVALUATION_BARRIERS, z_entry: 2.5 };
    const { evaluation, train } = await buildDataset(pairs, bars, { ...policy, barriers }, QUIET);
    const zAt = dataset.definitions.findIndex(({ name }) => name === 'z_score');
    const zOf = ({ x }: Dataset['train']['ai1']): number[] =>
      Array.from({ length: x.rows }, (_, row) => Math.abs(x.values[row * x.columns + zAt]!));
    expect(Math.min(...zOf(train.ai1))).toBeGreaterThanOrEqual(Math.fround(2.5));
    expect(Math.min(...zOf(evaluation.train))).toBeLessThan(2.1);
  });

  it('has one snapshot id for the same rows and another for other bars, windows or labels', async () => {
    const idOf = async (
      own: Partial<DatasetPolicy>,
      ownBars: ReadonlyMap<string, BarColumns> = bars,
    ): Promise<string> => (await buildDataset(pairs, ownBars, { ...policy, ...own }, QUIET)).snapshotId;
    expect(dataset.snapshotId).toMatch(/^[0-9a-f]{64}$/);
    expect(await idOf({})).toBe(dataset.snapshotId);
    const gold = bars.get('XAUUSD')!;
    const close = gold.close.slice();
    close[1500] = close[1500]! * (1 + 1e-6);
    const ids = [
      dataset.snapshotId,
      await idOf({}, new Map(bars).set('XAUUSD', { ...gold, close })),
      await idOf({ windows: { ...policy.windows, z_window: 21 } }),
      await idOf({ risk: { ...policy.risk, dd_threshold: 0.03 } }),
      await idOf({ scale: { ...policy.scale, target_sigma: 0.004 } }),
    ];
    expect(new Set(ids).size).toBe(ids.length);
  });

  it('gives a model no column that it is to leave out, and refuses a name that it does not have', async () => {
    const leaving = tinySettings({ minutehand: { train: { left_out: { ai1: ['z_score'] } } } });
    const { definitions } = await buildDataset(pairs, bars, datasetPolicy(leaving), QUIET);
    const before = columnsOf(dataset.definitions, 'ai1');
    const zScore = definitions.findIndex(({ name }) => name === 'z_score');
    expect(columnsOf(definitions, 'ai1')).toEqual(before.filter((column) => column !== zScore));
    expect(before).toContain(zScore);
    expect(columnsOf(definitions, 'ai2')).toEqual(columnsOf(dataset.definitions, 'ai2'));
    // `spread` is a column that no model has.
    const unknown = { ...policy, leftOut: { ai2: ['spread'] } };
    await expect(buildDataset(pairs, bars, unknown, QUIET)).rejects.toMatchObject({ code: 'CONFIG_INVALID' });
  });

  it('starts the holdout at a given minute, and refuses one before the first bar', async () => {
    const holdoutFrom = (dataset.from + 1000 * 60) as OpenTime;
    const given = await buildDataset(pairs, bars, { ...policy, holdoutFrom }, QUIET);
    expect(given.holdoutFrom).toBe(holdoutFrom);
    expect(Math.max(...given.train.ai2.labelEnd)).toBeLessThanOrEqual(holdoutFrom);
    expect(Math.min(...given.holdout.ai2.time)).toBeGreaterThan(holdoutFrom);
    expect(Math.min(...given.holdout.ai2.time)).toBeLessThan(holdoutFrom + 3600);
    await expect(buildDataset(pairs, bars, { ...policy, holdoutFrom: dataset.from }, QUIET)).rejects.toMatchObject({
      code: 'DATA_TOO_SHORT',
    });
  });

  it('reports every completed pair', async () => {
    const told: unknown[] = [];
    await buildDataset(pairs, bars, policy, { ...QUIET, onProgress: (...progress) => told.push(progress) });
    expect(told).toEqual([
      [0, 3, ''],
      [1, 3, 'XAUUSD_XAGUSD'],
      [2, 3, 'EURUSD_GBPUSD'],
      [3, 3, 'AUDUSD_USDCAD'],
    ]);
  });

  it('excludes a pair whose legs have too few minutes in common, though each has enough bars', async () => {
    const apart = new Map(bars);
    apart.set(
      'EURUSD',
      without(bars.get('EURUSD')!, (_, i) => i > 2 && i % 2 === 0),
    );
    apart.set(
      'GBPUSD',
      without(bars.get('GBPUSD')!, (_, i) => i > 2 && i % 2 === 1),
    );
    expect(apart.get('GBPUSD')!.length).toBeGreaterThan(policy.minBars);
    const { histories } = await buildDataset(pairs, apart, policy, QUIET);
    expect(histories.map(({ pair }) => pair.id)).toEqual(['XAUUSD_XAGUSD', 'AUDUSD_USDCAD']);
  });

  it('excludes a pair that has enough bars of years ago alone, and says where its history was broken', async () => {
    const gapS = 7 * 365 * 86_400;
    const brokenAtLast = (symbol: string): BarColumns => {
      const { length, time, ...others } = bars.get(symbol)!;
      return { ...others, length, time: time.map((own, i) => (i < length - 1 ? own - gapS : own)) };
    };
    const own = new Map(bars);
    for (const symbol of ['EURUSD', 'GBPUSD']) own.set(symbol, brokenAtLast(symbol));
    for (const symbol of ['AUDUSD', 'USDCAD']) own.delete(symbol);
    const { histories } = await buildDataset(pairs, own, policy, QUIET);
    expect(histories.map(({ pair }) => pair.id)).toEqual(['XAUUSD_XAGUSD']);
    own.delete('XAUUSD');
    await expect(buildDataset(pairs, own, policy, QUIET)).rejects.toMatchObject({
      code: 'DATA_TOO_SHORT',
      seen: expect.stringMatching(
        /EURUSD_GBPUSD 1 \(bars up to \d{4}-\d\d-\d\dT\d\d:\d\dZ are before a gap of more than five days\)/,
      ) as string,
    });
  });

  it('excludes a pair with a leg without bars', async () => {
    const lacking = new Map(bars);
    lacking.delete('XAGUSD');
    const { histories } = await buildDataset(pairs, lacking, policy, QUIET);
    expect(histories.map(({ pair }) => pair.id)).toEqual(['EURUSD_GBPUSD', 'AUDUSD_USDCAD']);
  });

  it('reports DATA_TOO_SHORT with the rows of every pair, and DATA_MISSING when no symbol has a bar', async () => {
    const short = new Map(
      [...bars].map(([symbol, columns]) => [
        symbol,
        clipBars(columns, undefined, (columns.time[0]! + 6000) as OpenTime),
      ]),
    );
    const codeOf = async (own: ReadonlyMap<string, BarColumns>): Promise<MinutehandError> => {
      try {
        await buildDataset(pairs, own, policy, QUIET);
      } catch (error) {
        if (error instanceof MinutehandError) return error;
        throw error;
      }
      throw new Error('nothing was thrown');
    };
    const error = await codeOf(short);
    expect(error.code).toBe('DATA_TOO_SHORT');
    expect(error.seen).toMatch(/XAUUSD_XAGUSD \d+, EURUSD_GBPUSD 100/);
    expect((await codeOf(new Map())).code).toBe('DATA_MISSING');
    expect((await codeOf(new Map([['BTCUSDT', bars.get('XAUUSD')!]]))).code).toBe('DATA_MISSING');
  });

  it('does not depend on the order of the symbols', async () => {
    const reversed = await buildDataset(pairs, new Map([...bars].reverse()), policy, QUIET);
    expect(reversed.train).toEqual(dataset.train);
    expect(reversed.holdoutFrom).toBe(dataset.holdoutFrom);
  });
});
