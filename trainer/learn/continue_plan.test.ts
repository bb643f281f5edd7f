import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { OpenTime } from '../../shared/bar.ts';
import { MODEL_NAMES } from '../../shared/core/features/feature.ts';
import type { DatasetRows, RiskRows } from '../dataset/dataset.ts';
import {
  checkContinuable,
  continuePeriod,
  continuePlan,
  type ContinueBase,
  type ContinueRun,
} from './continue_plan.ts';

const DAY = 86_400;
const at = (iso: string): OpenTime => (Date.parse(iso) / 1000) as OpenTime;
const iso = (seconds: number): string => `${new Date(seconds * 1000).toISOString().slice(0, 16)}Z`;

const BASE: ContinueBase = {
  version: '20190701_0300',
  market: 'live',
  feature_schema: 'abc',
  label_policy: { ai1_z_entry: 2, ai2_horizon: 60 },
  pairs: ['EURUSD_USDCHF', 'XAUUSD_XAGUSD'],
  period: { from: '2019-01-01T22:00Z', to: '2019-06-30T23:59Z', holdout_from: '2019-05-20T00:00Z' },
  engine: { name: 'gbdt', parameters: {} },
};
const RUN: ContinueRun = {
  market: 'live',
  feature_schema: 'abc',
  label_policy: { ai2_horizon: 60, ai1_z_entry: 2 },
  pairs: ['XAUUSD_XAGUSD'],
  engine: 'gbdt',
  most: 3,
};
const codeOf = (act: () => unknown): unknown => {
  try {
    return act();
  } catch (error) {
    const { code, seen } = error as { code: string; seen: string };
    return { code, seen };
  }
};

describe('checkContinuable', () => {
  it('counts how often models were continued in a row', () => {
    expect(checkContinuable(BASE, RUN)).toEqual({ version: BASE.version, times: 1 });
    const continued = { ...BASE, continued_from: { version: '20190601_0300', times: 2 } };
    expect(checkContinuable(continued, RUN)).toEqual({ version: BASE.version, times: 3 });
  });

  it.each([
    ['another engine learned them', { engine: { name: 'lightgbm', parameters: {} } }, {}, 'and the engine lightgbm'],
    ['another engine is configured', {}, { engine: 'xgboost' }, 'and the engine xgboost'],
    ['they are of another market', { market: 'simulated' as const }, {}, 'was learned from a simulated market'],
    ['they know other features', { feature_schema: 'def' }, {}, 'was learned from other features'],
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
    ['a pair is new', {}, { pairs: ['AUDUSD_NZDUSD', 'XAUUSD_XAGUSD'] }, 'does not know AUDUSD_NZDUSD'],
    ['it was done too often', { continued_from: { version: 'x', times: 3 } }, {}, 'was continued 3 times in a row'],
  ])('refuses when %s, and says so', (_, base, run, seen) => {
    expect(codeOf(() => checkContinuable({ ...BASE, ...base }, { ...RUN, ...run }))).toEqual({
      code: 'CONTINUE_REFUSED',
      seen: `${BASE.version} ${seen}`,
    });
  });
});

describe('continuePeriod', () => {
  it('learns from the holdout of the base on, and is judged by the last part of the new time', () => {
    const to = at('2019-07-29T00:00Z');
    expect(continuePeriod(BASE, to, 0.2)).toEqual({
      barsFrom: at('2019-05-06T00:00Z'),
      learnFrom: at('2019-05-20T00:00Z'),
      holdoutFrom: at('2019-07-15T00:00Z'),
    });
  });

  it('is judged by nothing that the base was judged by, however short that makes the final period', () => {
    const { holdoutFrom } = continuePeriod(BASE, at('2019-07-02T12:00Z'), 0.2);
    expect(iso(holdoutFrom)).toBe('2019-07-01T00:01Z');
  });

  it('says how many days there are when they are less than one', () => {
    expect(codeOf(() => continuePeriod(BASE, at('2019-07-01T17:59Z'), 0.2))).toEqual({
      code: 'DATA_TOO_SHORT',
      seen: 'bars up to 2019-07-01T17:59Z, 0.75 days of a final period from 2019-07-01T00:01Z',
    });
    expect(codeOf(() => continuePeriod(BASE, at('2019-06-30T23:59Z'), 0.2))).toMatchObject({ code: 'DATA_TOO_SHORT' });
    expect(codeOf(() => continuePeriod(BASE, at('2019-05-30T23:59Z'), 0.2))).toMatchObject({ code: 'DATA_TOO_SHORT' });
  });

  it('takes a day that is given, unless the base was judged there', () => {
    const to = at('2019-07-29T00:00Z');
    expect(continuePeriod(BASE, to, 0.2, at('2019-07-10T00:00Z')).holdoutFrom).toBe(at('2019-07-10T00:00Z'));
    expect(codeOf(() => continuePeriod(BASE, to, 0.2, at('2019-07-01T00:00Z')))).toEqual({
      code: 'DATA_TOO_SHORT',
      seen: 'a final period from 2019-07-01T00:00Z',
    });
  });

  it('goes from one to the next without learning from or being judged by anything twice', () => {
    fc.assert(
      fc.property(fc.array(fc.integer({ min: 1 * DAY, max: 40 * DAY }), { minLength: 1, maxLength: 6 }), (steps) => {
        let base = BASE;
        for (const step of steps) {
          const to = (at(base.period.to) + Math.ceil(step / 60) * 60 + 120) as OpenTime;
          const { learnFrom, holdoutFrom, barsFrom } = continuePeriod(base, to, 0.2);
          expect(learnFrom).toBe(at(base.period.holdout_from));
          expect(barsFrom).toBeLessThan(learnFrom);
          expect(holdoutFrom).toBeGreaterThan(at(base.period.to) + 60);
          expect(to - holdoutFrom).toBeGreaterThanOrEqual(DAY - 60);
          base = { ...base, period: { ...base.period, holdout_from: iso(holdoutFrom), to: iso(to) } };
        }
      }),
    );
  });
});

describe('continuePlan', () => {
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

  it('learns from every new row whose label was known an embargo before the final period, and no other', () => {
    fc.assert(
      fc.property(fc.integer({ min: 60, max: 500 }), (every) => {
        const dataset = datasetOf(every);
        const plan = continuePlan(BASE, dataset, EMBARGO);
        for (const name of MODEL_NAMES) {
          const { time, labelEnd } = dataset.train[name];
          const expected = [...time.keys()]
            .filter((row) => time[row]! >= at(BASE.period.holdout_from))
            .filter((row) => holdoutFrom - labelEnd[row]! > EMBARGO);
          expect([...plan[name]].join()).toBe(expected.join());
        }
      }),
      { numRuns: 5 },
    );
  });

  it('says which model has too few rows to be judged by, or to learn from', () => {
    const few = {
      ...datasetOf(300),
      holdout: { ...datasetOf(300).holdout, ai3: rowsOf(holdoutFrom, holdoutFrom + 499, 1) },
    };
    expect(codeOf(() => continuePlan(BASE, few, EMBARGO))).toEqual({
      code: 'DATA_TOO_SHORT',
      seen: '499 rows of ai3 from 2019-07-02T00:00Z on',
    });
    const sparse = { ...datasetOf(300), train: { ...datasetOf(300).train, ai2: datasetOf(3600).train.ai2 } };
    expect(codeOf(() => continuePlan(BASE, sparse, EMBARGO))).toEqual({
      code: 'DATA_TOO_SHORT',
      seen: '1030 new rows to learn from for ai2',
    });
  });

  it('refuses a dataset whose final period the base has seen', () => {
    const seen = { ...datasetOf(300), holdoutFrom: at('2019-06-30T00:00Z') };
    expect(codeOf(() => continuePlan(BASE, seen, EMBARGO))).toMatchObject({ code: 'DATA_TOO_SHORT' });
  });
});
