import { describe, expect, it } from 'vitest';
import { createRng } from '../../shared/rng.ts';
import type { LabelledRows } from '../dataset/dataset.ts';
import { fitRounds, fitUntilItStopsHelping, takeLabels, takeRows } from './fit.ts';
import { GBDT_DEFAULTS, trainGbdt, type GbdtParams } from './gbdt.ts';

const PARAMS: GbdtParams = {
  ...GBDT_DEFAULTS,
  rounds: 120,
  learningRate: 0.3,
  leaves: 15,
  minDataInLeaf: 10,
  seed: 'fit',
};
const silent = (): void => undefined;

/** One row a minute whose label is known an hour later and follows the first column with probability `skill`, else a coin. */
function rowsOf(seed: string, count: number, skill: number): LabelledRows {
  const rng = createRng(seed);
  const values = Float32Array.from({ length: count * 4 }, () => rng.uniform());
  const time = Float64Array.from({ length: count }, (_, row) => row * 60);
  return {
    x: { rows: count, columns: 4, values },
    y: Float64Array.from({ length: count }, (_, row) =>
      rng.uniform() < skill ? (values[row * 4]! > 0.5 ? 1 : 0) : rng.integer(2),
    ),
    time,
    labelEnd: time.map((from) => from + 3600),
    pair: new Int32Array(count),
  };
}
const all = (rows: LabelledRows): Int32Array => Int32Array.from(rows.y.keys());

describe('fitUntilItStopsHelping', () => {
  it('keeps few trees when there is little to learn and more when there is much', () => {
    const coin = rowsOf('coin', 4000, 0);
    const rule = rowsOf('rule', 4000, 0.9);
    const fewTrees = fitUntilItStopsHelping(coin, all(coin), PARAMS, silent).trees.length;
    const moreTrees = fitUntilItStopsHelping(rule, all(rule), PARAMS, silent).trees.length;
    expect(fewTrees).toBeLessThan(10);
    expect(moreTrees).toBeGreaterThan(fewTrees);
    expect(moreTrees).toBeLessThan(PARAMS.rounds);
  });

  it('trains on no row whose label was unknown when the stopping part began, nor on that part', () => {
    const rows = rowsOf('purged', 4000, 0.5);
    const stoppingFrom = rows.time[3400]!;
    const train = all(rows).filter((row) => rows.labelEnd[row]! < stoppingFrom);
    const stopping = all(rows).filter((row) => rows.time[row]! >= stoppingFrom);
    const expected = trainGbdt(takeRows(rows.x, train), takeLabels(rows.y, train), null, PARAMS, {
      validation: { x: takeRows(rows.x, stopping), y: takeLabels(rows.y, stopping) },
      earlyStoppingRounds: 20,
    });
    expect(fitUntilItStopsHelping(rows, all(rows), PARAMS, silent)).toEqual(expected);
  });

  it('takes the configured number of trees when there are too few rows to ask', () => {
    const rows = rowsOf('few', 500, 0.5);
    expect(fitUntilItStopsHelping(rows, all(rows), PARAMS, silent)).toEqual(fitRounds(rows, all(rows), PARAMS, silent));
  });
});
