import { beforeEach, describe, expect, it } from 'vitest';
import { createRng } from '../../../shared/rng.ts';
import { detailedMetrics } from '../measures/model_metrics.ts';
import { splitAuc } from '../measures/split_auc.ts';
import {
  calibrationTable,
  spreadOverFolds,
  validationReport,
  type EvaluatedRows,
  type ValidationReport,
} from './report.ts';

const PAIRS = ['AAA_BBB', 'CCC_DDD'];

function evaluatedRows(seed: string, rows = 600): Required<EvaluatedRows> {
  const rng = createRng(seed);
  const y = Float64Array.from({ length: rows }, () => rng.integer(2));
  return {
    y,
    scores: y.map((label) => Math.min(1, Math.max(0, 0.5 + 0.2 * (label - 0.5) + 0.2 * rng.normal()))),
    time: Float64Array.from({ length: rows }, () => 1_546_819_200 + rng.integer(10 * 1440) * 60),
    pair: Int32Array.from({ length: rows }, () => rng.integer(2)),
    pairs: PAIRS,
    split: Int32Array.from({ length: rows }, () => rng.integer(4) - 1),
    regime: Int8Array.from({ length: rows }, () => rng.integer(3) - 1),
    scenarios: {
      trend: Int8Array.from({ length: rows }, () => rng.integer(4) - 1),
      volatility: Int8Array.from({ length: rows }, () => rng.integer(4) - 1),
    },
    z: Float64Array.from({ length: rows }, () => 3 * rng.normal()),
    threshold: 0.55,
  };
}

/** The rows for which `is` holds, measured alone. */
function alone(evaluated: Required<EvaluatedRows>, is: (row: number) => boolean) {
  const own = [...evaluated.y.keys()].filter((row) => evaluated.split[row]! >= 0 && is(row));
  const take = (values: Float64Array, of = own): Float64Array => Float64Array.from(of, (row) => values[row]!);
  const bySplit = [0, 1, 2].map((index) => {
    const rows = own.filter((row) => evaluated.split[row] === index);
    return { scores: take(evaluated.scores, rows), labels: take(evaluated.y, rows) };
  });
  return {
    ...detailedMetrics(take(evaluated.scores), take(evaluated.y), evaluated.threshold),
    auc: expect.closeTo(splitAuc(bySplit)!, 12) as number,
  };
}

describe('validationReport', () => {
  const evaluated = evaluatedRows('report');
  let report: ValidationReport;
  beforeEach(() => {
    report = validationReport(evaluated);
  });

  it('measures every part on exactly its tested rows', () => {
    expect(report.pooled).toEqual(alone(evaluated, () => true));
    report.folds.forEach((fold, i) => expect(fold).toEqual(alone(evaluated, (row) => evaluated.split[row] === i)));
    expect(report.folds.length).toBe(3);
    const hourOf = (row: number): string => new Date(evaluated.time[row]! * 1000).toISOString().slice(11, 13);
    expect(Object.keys(report.by_hour).length).toBe(24);
    for (const [hour, part] of Object.entries(report.by_hour))
      expect(alone(evaluated, (row) => hourOf(row) === hour)).toMatchObject(part);
    for (const [index, id] of PAIRS.entries())
      expect(alone(evaluated, (row) => evaluated.pair[row] === index)).toMatchObject(report.by_pair[id]!);
    for (const [index, regime] of ['bear', 'flat', 'bull'].entries())
      expect(alone(evaluated, (row) => evaluated.regime[row] === index - 1)).toMatchObject(report.by_regime[regime]!);
    expect(alone(evaluated, (row) => evaluated.z[row]! > 0)).toMatchObject(report.by_side['z_above']!);
    expect(alone(evaluated, (row) => evaluated.z[row]! <= 0)).toMatchObject(report.by_side['z_below']!);
  });

  it('has a table of scenarios, of which a row is in one market and in at most one third of the volatility', () => {
    expect(Object.keys(report.by_scenario)).toEqual(['bull', 'bear', 'range', 'high_volatility', 'low_volatility']);
    const { trend, volatility } = evaluated.scenarios;
    for (const [name, value] of [['bull', 1] as const, ['bear', -1] as const, ['range', 0] as const])
      expect(alone(evaluated, (row) => trend[row] === value)).toMatchObject(report.by_scenario[name]!);
    expect(alone(evaluated, (row) => volatility[row] === 1)).toMatchObject(report.by_scenario['high_volatility']!);
    expect(alone(evaluated, (row) => volatility[row] === -1)).toMatchObject(report.by_scenario['low_volatility']!);
  });

  it('counts each tested row once in every split', () => {
    const tested = evaluated.split.filter((split) => split >= 0).length;
    for (const parts of [report.by_hour, report.by_pair, report.by_regime, report.by_side])
      expect(Object.values(parts).reduce((sum, { rows }) => sum + rows, 0)).toBe(tested);
    expect(report.calibration.reduce((sum, { rows }) => sum + rows, 0)).toBe(tested);
    expect(report.predictions.rows).toBe(tested);
  });

  it('has a root of the mean squared error for each part, in order of the splits', () => {
    for (const part of Object.values(report.by_pair)) expect(part.rmse).toBeCloseTo(Math.sqrt(part.brier!), 12);
    const last = { ...evaluated, split: evaluated.split.map((split) => (split < 0 ? split : 2 - split)) };
    expect(validationReport(last).folds).toEqual([...report.folds].reverse());
  });

  it('survives JSON unchanged', () => {
    expect(JSON.parse(JSON.stringify(report))).toEqual(report);
  });

  it('works with one fold and without regime or side', () => {
    const { scores, y, time, pair } = evaluated;
    const bare = validationReport({ scores, y, time, pair, pairs: PAIRS });
    expect(bare.folds).toEqual([bare.pooled]);
    expect(bare.pooled.rows).toBe(600);
    expect([bare.by_regime, bare.by_side, bare.by_scenario]).toEqual([{}, {}, {}]);
    expect(bare.pooled.threshold).toBe(0.5);
  });

  it('reports soft labels by their error alone', () => {
    const soft = validationReport({ ...evaluated, y: evaluated.y.map((label) => 0.2 + 0.5 * label) });
    expect(soft.pooled).toMatchObject({ auc: null, f1: null, confusion: null });
    expect(soft.pooled.rmse).toBeGreaterThan(0);
    expect(soft.pooled.r2).not.toBeNull();
    expect(soft.calibration).toEqual([]);
  });

  it('has only nulls without rows', () => {
    const none = validationReport({
      scores: new Float64Array(),
      y: new Float64Array(),
      time: new Float64Array(),
      pair: new Int32Array(),
      pairs: PAIRS,
    });
    expect(none.pooled).toMatchObject({ rows: 0, auc: null, f1: null, rmse: null, f1_all_positive: null });
    expect([none.by_hour, none.by_pair, none.calibration]).toEqual([{}, {}, []]);
  });
});

describe('spreadOverFolds', () => {
  it('is mean, sample variance, extremes and coefficient of variation over the folds that have the measure', () => {
    const spread = spreadOverFolds([
      { auc: 0.5, ece: null, confusion: {} },
      { auc: 0.6, ece: 0.2, confusion: {} },
      { auc: 0.7, ece: null, confusion: {} },
    ]);
    expect(Object.keys(spread)).toEqual(['auc', 'ece']);
    expect(spread['auc']!.mean).toBeCloseTo(0.6, 15);
    expect(spread['auc']!.var).toBeCloseTo(0.01, 15);
    expect(spread['auc']!.cv).toBeCloseTo(1 / 6, 12);
    expect(spread['auc']).toMatchObject({ folds: 3, min: 0.5, max: 0.7 });
    expect(spread['ece']).toEqual({ folds: 1, mean: 0.2, var: null, min: 0.2, max: 0.2, cv: null });
    expect(spreadOverFolds([{ a: -1 }, { a: 1 }])['a']).toMatchObject({ mean: 0, var: 2, cv: null });
  });
});

describe('calibrationTable', () => {
  it('has ten cells with the mean probability and the share of positives of each', () => {
    const table = calibrationTable([0.05, 0.15, 0.19, 1], [0, 1, 0, 1]);
    expect(table.length).toBe(10);
    expect(table[0]).toEqual({ from: 0, to: 0.1, rows: 1, confidence: 0.05, frequency: 0 });
    expect(table[1]).toMatchObject({ rows: 2, frequency: 0.5 });
    expect(table[1]!.confidence).toBeCloseTo(0.17, 15);
    expect(table[5]).toEqual({ from: 0.5, to: 0.6, rows: 0, confidence: null, frequency: null });
    expect(table[9]).toMatchObject({ rows: 1, confidence: 1, frequency: 1 });
  });
});

describe('the predictions in a report', () => {
  it('are those of the tested rows, each of its own pair', () => {
    // Twelve answers of each pair: the first always answers 0.25, the second alternates.
    const rows = Array.from({ length: 24 }, (_, row) => row);
    const { predictions, by_side } = validationReport({
      scores: Float64Array.from(rows, (row) => (row % 2 === 0 ? 0.25 : row % 4 === 1 ? 0.5 : 1)),
      y: Float64Array.from(rows, (row) => Number(row % 3 === 0)),
      time: Float64Array.from(rows, (row) => 1_546_819_200 + row),
      pair: Int32Array.from(rows, (row) => row % 2),
      pairs: PAIRS,
      z: new Float64Array(24),
    });
    const same = (variance: number) => ({ days: 1, min: variance, median: variance, max: variance, last: variance });
    expect(predictions.rows).toBe(24);
    expect(predictions.variance_24h_by_pair).toEqual({
      AAA_BBB: same(0),
      CCC_DDD: same(expect.closeTo(0.75 / 11, 12) as number),
    });
    // A row on neither side counts as below.
    expect(Object.keys(by_side)).toEqual(['z_below']);
  });
});
