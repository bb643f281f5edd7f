import { promisedSigmas, type Expectation } from '../../../shared/core/cost/expected_net.ts';
import { decisionPolicy, type Settings } from '../../../shared/policy/policy.ts';
import type { Dataset } from '../strategies/pair_reversion/dataset/dataset.ts';
import { historiesInTurn } from '../history/kept_history.ts';
import { HISTORY_COLUMNS } from '../history/pair_history.ts';
import { resultBefore } from '../strategies/pair_reversion/label/result.ts';
import { outOfFold } from '../learners/cross_validation.ts';
import type { LearnedModel } from './calibrate_model.ts';

const BINS = 10;
/** With fewer candidates in a bin their mean is noise. */
const MIN_ROWS_PER_BIN = 50;

/** Candidates with the result expected from the barriers and the realized one, in standard deviations of the spread. */
export interface Outcomes {
  readonly promised: Float64Array;
  readonly earned: Float64Array;
}

/**
 * Calibrates the expected result on AI1's training candidates, each scored by the fold model that had not seen its
 * time, filled as in a backtest before the holdout begins, before costs.
 * @returns null with fewer than 100 candidates
 */
export function calibrateExpectation(
  { histories, train, holdoutFrom }: Pick<Dataset, 'histories' | 'train' | 'holdoutFrom'>,
  { folds }: Pick<LearnedModel, 'folds'>,
  settings: Settings,
): Expectation | null {
  const policy = decisionPolicy(settings);
  const { z_entry, z_exit, stop, max_age_bars } = policy;
  const barriers = { z_entry, z_exit, stop, horizon: max_age_bars };
  const probability = outOfFold(folds, train.ai1);
  const promised: number[] = [];
  const earned: number[] = [];
  let barsHeld = 0;
  const historyOf = historiesInTurn(histories, ...HISTORY_COLUMNS);
  train.ai1.time.forEach((close, row) => {
    const history = historyOf(train.ai1.pair[row]!);
    const result = Number.isNaN(probability[row]!) ? null : resultBefore(holdoutFrom, history, close, barriers);
    if (result === null) return;
    promised.push(promisedSigmas(history.z[result.t]!, probability[row]!, policy));
    earned.push(result.sigmas);
    barsHeld += result.barsHeld;
  });
  const fitted = fitExpectation({ promised: Float64Array.from(promised), earned: Float64Array.from(earned) });
  return fitted === null ? null : { ...fitted, bars_held: barsHeld / earned.length };
}

/**
 * Means of ten bins of equal size, ordered by the expected result; bins in descending order are pooled (pool adjacent
 * violators, Ayer et al. 1955).
 */
export function fitExpectation({ promised, earned }: Outcomes): Expectation | null {
  const order = Array.from(promised.keys()).sort((a, b) => promised[a]! - promised[b]! || a - b);
  const bins = Math.min(BINS, Math.floor(order.length / MIN_ROWS_PER_BIN));
  if (bins < 2) return null;
  const pools: Pool[] = [];
  for (let bin = 0; bin < bins; bin++) {
    const own = order.slice(Math.floor((bin * order.length) / bins), Math.floor(((bin + 1) * order.length) / bins));
    let pool: Pool = { rows: own.length, promised: sumOf(own, promised), earned: sumOf(own, earned) };
    for (let last = pools.at(-1); last !== undefined && !isBelow(last, pool);) {
      pool = {
        rows: last.rows + pool.rows,
        promised: last.promised + pool.promised,
        earned: last.earned + pool.earned,
      };
      pools.pop();
      last = pools.at(-1);
    }
    pools.push(pool);
  }
  return {
    promised: pools.map((pool) => pool.promised / pool.rows),
    earned: pools.map((pool) => pool.earned / pool.rows),
  };
}

interface Pool {
  readonly rows: number;
  readonly promised: number;
  readonly earned: number;
}

function isBelow(a: Pool, b: Pool): boolean {
  return a.promised / a.rows < b.promised / b.rows && a.earned / a.rows < b.earned / b.rows;
}

function sumOf(rows: readonly number[], values: Float64Array): number {
  return rows.reduce((sum, row) => sum + values[row]!, 0);
}
