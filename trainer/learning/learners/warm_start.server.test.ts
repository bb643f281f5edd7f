import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { OpenTime } from '../../../shared/bar.ts';
import { encodeTreeModel } from '../../../shared/bundle/onnx/onnx.ts';
import type { TreeModel } from '../../../shared/bundle/onnx/tree_ensemble.ts';
import { randomEnsemble } from '../../../shared/bundle/tree_kernel/random_ensemble.fixture.ts';
import { loadSettings } from '../../../shared/policy/policy.ts';
import { MODEL_NAMES, perModel, type ModelName } from '../../../shared/core/features/feature.ts';
import type { DatasetRows, RiskRows } from '../strategies/pair_reversion/dataset/dataset.ts';
import {
  checkWarmStart,
  warmStartPeriod,
  startWarm,
  withNewRows,
  type WarmStartBase,
  type WarmStartRun,
} from './warm_start.ts';

const DAY = 86_400;
const at = (iso: string): OpenTime => (Date.parse(iso) / 1000) as OpenTime;
const iso = (seconds: number): string => `${new Date(seconds * 1000).toISOString().slice(0, 16)}Z`;

const BASE: WarmStartBase = {
  version: '20190701_0300',
  market: 'live',
  feature_schema: 'abc',
  label_policy: { ai1_z_entry: 2, ai2_horizon: 60 },
  pairs: ['EURUSD_USDCHF', 'XAUUSD_XAGUSD'],
  period: { from: '2019-01-01T22:00Z', to: '2019-06-30T23:59Z', holdout_from: '2019-05-20T00:00Z' },
  engine: { name: 'gbdt', parameters: {} },
};
const RUN: WarmStartRun = {
  market: 'live',
  feature_schema: 'abc',
  label_policy: { ai2_horizon: 60, ai1_z_entry: 2 },
  pairs: ['XAUUSD_XAGUSD'],
  engine: 'gbdt',
  maxWarmStarts: 3,
};
const LENGTHS = { holdout_fraction: 0.2, warm_start_min_days: 14 };
const codeOf = (act: () => unknown): unknown => {
  try {
    return act();
  } catch (error) {
    const { code, seen } = error as { code: string; seen: string };
    return { code, seen };
  }
};

const warmStartFrom = (times: number) => ({
  version: '20190601_0300',
  times,
  learned_until: '2019-04-20T00:00Z',
  trees: { ai1: 2, ai2: 3, ai3: 1 },
});

describe('startWarm', () => {
  const modelOf = (trees: number): TreeModel => ({
    link: 'sigmoid',
    ensembles: [randomEnsemble({ trees, leaves: 5, columns: 4, seed: `start ${trees}` })],
  });
  const grown = { ai1: modelOf(5), ai2: modelOf(3), ai3: modelOf(4) };
  const models = perModel((name) => Buffer.from(encodeTreeModel(grown[name])));

  it('accepts a fully trained bundle, and records the base of the warm start', () => {
    const start = startWarm({ manifest: BASE, models }, RUN);
    for (const name of MODEL_NAMES) {
      expect(Buffer.compare(encodeTreeModel(start.models[name].trees), models[name])).toBe(0);
    }
    expect(start.from).toEqual({
      version: BASE.version,
      times: 1,
      learned_until: BASE.period.holdout_from,
      trees: { ai1: 5, ai2: 3, ai3: 4 },
    });
  });

  it('leaves out the trees of earlier warm starts', () => {
    const manifest = { ...BASE, warm_start_from: warmStartFrom(2) };
    const start = startWarm({ manifest, models }, RUN);
    expect(start.from).toEqual({ ...warmStartFrom(2), times: 3 });
    for (const [name, trees] of Object.entries(warmStartFrom(2).trees) as [ModelName, number][]) {
      const [full] = start.models[name].trees.ensembles;
      const [whole] = grown[name].ensembles;
      expect(full).toEqual({ ...whole, trees: whole!.trees.slice(0, trees) });
    }
  });
});

describe('checkWarmStart', () => {
  it('warm-starts models as often as is allowed', () => {
    const isRefused = (times: number): boolean =>
      codeOf(() => checkWarmStart({ ...BASE, warm_start_from: warmStartFrom(times) }, RUN)) !== undefined;
    expect(codeOf(() => checkWarmStart(BASE, RUN))).toBeUndefined();
    expect([1, 2, 3, 4].map(isRefused)).toEqual([false, false, true, true]);
  });

  it.each([
    ['another engine learned them', { engine: { name: 'lightgbm', parameters: {} } }, {}, 'and the engine lightgbm'],
    ['another engine is configured', {}, { engine: 'xgboost' }, 'and the engine xgboost'],
    ['they are of another market', { market: 'simulated' as const }, {}, 'was learned from a simulated market'],
    ['they have other features', { feature_schema: 'def' }, {}, 'was learned from other features'],
    [
      'a label means something else',
      { label_policy: { ...BASE.label_policy, ai1_z_entry: 1.5 } },
      {},
      'was learned with ai1_z_entry 1.5',
    ],
    [
      'a label has one rule more',
      {},
      { label_policy: { ...RUN.label_policy, ai3_horizon: 60 } },
      'was learned with ai3_horizon unset',
    ],
    ['a pair is new', {}, { pairs: ['AUDUSD_NZDUSD', 'XAUUSD_XAGUSD'] }, 'has no AUDUSD_NZDUSD'],
    ['it was done too often', { warm_start_from: warmStartFrom(3) }, {}, 'was warm-started 3 times in a row'],
  ])('refuses when %s, and reports that', (_, base, run, seen) => {
    expect(codeOf(() => checkWarmStart({ ...BASE, ...base }, { ...RUN, ...run }))).toEqual({
      code: 'WARM_START_REFUSED',
      seen: `${BASE.version} ${seen}`,
    });
  });
});

describe('warmStartPeriod', () => {
  it('learns from the holdout of the base on, and is evaluated on the last part of the new time', () => {
    const to = at('2019-07-29T00:00Z');
    expect(warmStartPeriod(BASE, to, LENGTHS)).toEqual({
      barsFrom: at('2019-05-06T00:00Z'),
      learnFrom: at('2019-05-20T00:00Z'),
      holdoutFrom: at('2019-07-15T00:00Z'),
    });
  });

  it('is evaluated on nothing that the base was evaluated on, however short that makes the holdout', () => {
    const { holdoutFrom } = warmStartPeriod(BASE, at('2019-07-02T12:00Z'), LENGTHS);
    expect(iso(holdoutFrom)).toBe('2019-07-01T00:01Z');
  });

  it('has enough with the bars of one more day, also where they end some minutes early', () => {
    const delivered = loadSettings({ env: {} }).minutehand.train;
    expect(delivered.warm_start_min_days).toBe(1);
    const end = at(BASE.period.to);
    const holdoutAfter = (bars: number): unknown =>
      codeOf(() => iso(warmStartPeriod(BASE, (end + bars * 60) as OpenTime, delivered).holdoutFrom));
    expect(holdoutAfter(1440)).toBe('2019-07-01T00:01Z');
    expect(holdoutAfter(1380)).toBe('2019-07-01T00:01Z');
    expect(holdoutAfter(1379)).toMatchObject({ code: 'DATA_TOO_SHORT' });
    // A week of daily warm starts on a full training whose holdout was one day.
    let base: WarmStartBase = { ...BASE, period: { ...BASE.period, holdout_from: '2019-06-30T00:00Z' } };
    for (let day = 1; day <= 7; day++) {
      const to = (end + day * DAY) as OpenTime;
      const { holdoutFrom, learnFrom } = warmStartPeriod(base, to, delivered);
      expect(iso(learnFrom)).toBe('2019-06-30T00:00Z');
      const learned_until = '2019-06-30T00:00Z';
      const period = { ...base.period, holdout_from: iso(holdoutFrom), to: iso(to) };
      base = { ...base, period, warm_start_from: { ...warmStartFrom(day), learned_until } };
    }
  });

  it('reports how many days there are when they are less than one', () => {
    expect(codeOf(() => warmStartPeriod(BASE, at('2019-07-01T17:59Z'), LENGTHS))).toEqual({
      code: 'DATA_TOO_SHORT',
      seen: 'bars up to 2019-07-01T17:59Z, 0.75 days of a holdout from 2019-07-01T00:01Z',
    });
    expect(codeOf(() => warmStartPeriod(BASE, at('2019-06-30T23:59Z'), LENGTHS))).toMatchObject({
      code: 'DATA_TOO_SHORT',
    });
    expect(codeOf(() => warmStartPeriod(BASE, at('2019-05-30T23:59Z'), LENGTHS))).toMatchObject({
      code: 'DATA_TOO_SHORT',
    });
  });

  it('uses a given day, unless the base was evaluated there', () => {
    const to = at('2019-07-29T00:00Z');
    expect(warmStartPeriod(BASE, to, LENGTHS, at('2019-07-10T00:00Z')).holdoutFrom).toBe(at('2019-07-10T00:00Z'));
    expect(codeOf(() => warmStartPeriod(BASE, to, LENGTHS, at('2019-07-01T00:00Z')))).toEqual({
      code: 'DATA_TOO_SHORT',
      seen: 'a holdout from 2019-07-01T00:00Z',
    });
  });

  it('trains from the end of the full run, however often models were warm-started since', () => {
    const warmStart = { ...BASE, warm_start_from: warmStartFrom(2) };
    const { learnFrom, holdoutFrom } = warmStartPeriod(warmStart, at('2019-07-02T12:00Z'), LENGTHS);
    expect([iso(learnFrom), iso(holdoutFrom)]).toEqual(['2019-04-20T00:00Z', '2019-07-01T00:01Z']);
  });

  it('reports how many days there are to learn from when they are too few', () => {
    const young = { ...BASE, period: { ...BASE.period, holdout_from: '2019-06-25T00:00Z' } };
    expect(codeOf(() => warmStartPeriod(young, at('2019-07-03T00:00Z'), LENGTHS))).toEqual({
      code: 'DATA_TOO_SHORT',
      seen: '6.40 days to learn from, 2019-06-25T00:00Z to 2019-07-01T09:36Z',
    });
    expect(warmStartPeriod(young, at('2019-07-13T00:00Z'), LENGTHS).holdoutFrom).toBeGreaterThan(
      at('2019-07-09T00:00Z'),
    );
  });

  it('moves from one to the next without evaluation on rows that were trained or evaluated on before', () => {
    fc.assert(
      fc.property(fc.array(fc.integer({ min: 1 * DAY, max: 40 * DAY }), { minLength: 1, maxLength: 6 }), (steps) => {
        let base = BASE;
        for (const step of steps) {
          const to = (at(base.period.to) + Math.ceil(step / 60) * 60 + 120) as OpenTime;
          const { learnFrom, holdoutFrom, barsFrom } = warmStartPeriod(base, to, LENGTHS);
          expect(learnFrom).toBe(at(BASE.period.holdout_from));
          expect(barsFrom).toBeLessThan(learnFrom);
          expect(holdoutFrom).toBeGreaterThan(at(base.period.to) + 60);
          expect(to - holdoutFrom).toBeGreaterThanOrEqual(DAY - 60);
          const from = { ...warmStartFrom(1), learned_until: BASE.period.holdout_from };
          base = {
            ...base,
            period: { ...base.period, holdout_from: iso(holdoutFrom), to: iso(to) },
            warm_start_from: from,
          };
        }
      }),
    );
  });
});

describe('withNewRows', () => {
  const EMBARGO = 3600;
  const from = at('2019-05-06T00:00Z');
  const holdoutFrom = at('2019-07-02T00:00Z');

  /** A row every so many seconds up to `to`, whose label is known an hour later. */
  function rowsOf(first: number, to: number, every: number): DatasetRows & Pick<RiskRows, 'parts'> {
    const count = Math.max(0, Math.ceil((to - first) / every));
    const time = Float64Array.from({ length: count }, (_, i) => first + i * every);
    const none = new Float64Array(count);
    return {
      x: { rows: count, columns: 0, values: new Float32Array() },
      y: none,
      time,
      labelEnd: time.map((own) => own + 3600),
      pair: new Int32Array(count),
      weights: none,
      effectiveRows: count,
      parts: { drawdown: none, volatility: none, correlation: none },
    };
  }
  function datasetOf(every: number, to = at('2019-07-05T00:00Z')) {
    const train = rowsOf(from, holdoutFrom - 3600, every);
    const holdout = rowsOf(holdoutFrom, to, every);
    const perName = (rows: typeof train) => ({ ai1: rows, ai2: rows, ai3: rows });
    return { train: perName(train), holdout: perName(holdout), evaluation: { train, holdout }, holdoutFrom };
  }

  it('learns from every new row whose label was known an embargo before the holdout, and no other', () => {
    fc.assert(
      fc.property(fc.integer({ min: 60, max: 500 }), (every) => {
        const dataset = datasetOf(every);
        const { train } = withNewRows(BASE, dataset, EMBARGO);
        for (const name of MODEL_NAMES) {
          const { time, labelEnd } = dataset.train[name];
          const expected = [...time.keys()]
            .filter((row) => time[row]! >= at(BASE.period.holdout_from))
            .filter((row) => holdoutFrom - labelEnd[row]! > EMBARGO)
            .map((row) => time[row]!);
          expect([...train[name].time].join()).toBe(expected.join());
          expect(train[name].effectiveRows).toBeGreaterThan(0);
        }
      }),
      { numRuns: 5 },
    );
  });

  it('reports which model has too few rows to evaluate or train on', () => {
    const few = {
      ...datasetOf(300),
      holdout: { ...datasetOf(300).holdout, ai3: rowsOf(holdoutFrom, holdoutFrom + 49, 1) },
    };
    expect(codeOf(() => withNewRows(BASE, few, EMBARGO))).toEqual({
      code: 'DATA_TOO_SHORT',
      seen: '49 rows of ai3 from 2019-07-02T00:00Z on',
    });
    const sparse = { ...datasetOf(300), train: { ...datasetOf(300).train, ai2: datasetOf(3600).train.ai2 } };
    expect(codeOf(() => withNewRows(BASE, sparse, EMBARGO))).toEqual({
      code: 'DATA_TOO_SHORT',
      seen: '1030 new rows to learn from for ai2',
    });
  });

  it('refuses a dataset whose holdout the base was trained on', () => {
    const seen = { ...datasetOf(300), holdoutFrom: at('2019-06-30T00:00Z') };
    expect(codeOf(() => withNewRows(BASE, seen, EMBARGO))).toMatchObject({ code: 'DATA_TOO_SHORT' });
  });
});
