import { describe, expect, it } from 'vitest';
import { lowerBound } from '../../../shared/bar_file/bar_file.ts';
import { SECONDS_PER_BAR } from '../../../shared/bar.ts';
import { resultOfShare, RESULT_CLIP, shareOfResult, sigmaBps } from '../../../shared/core/cost/expected_net.ts';
import { parsePair } from '../../../shared/pair.ts';
import { decisionPolicy } from '../../../shared/policy/policy.ts';
import { tinyBars, tinySettings } from '../../../test/tiny_settings.ts';
import { backtest } from '../trades/backtest.ts';
import { buildDataset } from '../strategies/pair_reversion/dataset/dataset.ts';
import { datasetPolicy } from '../strategies/pair_reversion/dataset/dataset_policy.ts';
import { wholeHistory } from '../history/kept_history.ts';
import { marketAt } from '../history/pair_history.ts';
import { resultRows } from './result_model.ts';

const settings = tinySettings();
const dataset = await buildDataset(
  settings.minutehand.pairs.map(parsePair),
  tinyBars(settings),
  datasetPolicy(settings),
  { workers: 0, cache: null, onProgress: () => undefined },
);
const FREE = { spread_bps: 0, commission_bps: 0, slippage_bps: 0 };

describe('rows of the result', () => {
  const { rows, clipped } = resultRows(dataset, dataset.holdoutFrom, settings);

  it('have what a backtest earns before costs that enters at the candidate, in deviations of the spread', () => {
    const policy = {
      ...decisionPolicy(settings),
      risk_exit: 2,
      min_expected_net_bps: -Infinity,
      beta_min: 0,
      beta_max: Infinity,
    };
    const own = { ...policy, leverage: undefined };
    expect(rows.y.length).toBeGreaterThan(200);
    for (let row = 0; row < rows.y.length; row += 7) {
      const history = wholeHistory(dataset.histories[rows.pair[row]!]!);
      const at = lowerBound(history.time, rows.time[row]! - SECONDS_PER_BAR);
      const [trade] = backtest(history, at, history.length, {
        thresholds: { theta1: 0, theta2: 1 },
        policy: own as unknown as typeof policy,
        edge: true,
        costs: { a: FREE, b: FREE },
        scores: () => ({ return_prob: 1, risk_score: 0 }),
      });
      expect(trade!.entrySignal).toBe(at);
      expect(rows.labelEnd[row]).toBe(trade!.exitTime + SECONDS_PER_BAR);
      const sigmas = trade!.grossBps / sigmaBps(marketAt(history, at));
      expect(resultOfShare(rows.y[row]!)).toBeCloseTo(Math.min(RESULT_CLIP, Math.max(-RESULT_CLIP, sigmas)), 9);
    }
    expect(clipped).toBeGreaterThanOrEqual(0);
  });

  it('are known before the holdout begins, the fill of the exit included', () => {
    expect(Math.max(...rows.labelEnd)).toBeLessThanOrEqual(dataset.holdoutFrom);
    const last = Math.max(...rows.labelEnd) - SECONDS_PER_BAR;
    const fewer = resultRows(dataset, last, settings);
    expect(fewer.rows.y.length).toBeLessThan(rows.y.length);
  });
});

it('a result and its share of the clipped range are each other’s inverse', () => {
  for (const sigmas of [-RESULT_CLIP, -1.5, 0, 0.3, RESULT_CLIP])
    expect(resultOfShare(shareOfResult(sigmas))).toBeCloseTo(sigmas, 12);
  expect(shareOfResult(99)).toBe(1);
  expect(shareOfResult(-99)).toBe(0);
});
