import { describe, expect, it } from 'vitest';
import type { OpenTime } from '../../../shared/bar.ts';
import { ExposureMeter, type ExposurePolicy } from '../../../shared/core/position/exposure.ts';
import { FLAT, type Position } from '../../../shared/core/position/position.ts';
import { parsePair } from '../../../shared/pair.ts';
import { createRng } from '../../../shared/rng.ts';
import { candidateExposure } from '../../../shared/strategies/pair_reversion/candidate_exposure.ts';
import type { DecisionPolicy } from '../../../shared/strategies/pair_reversion/pair_input.ts';
import { scoresOf } from '../../../shared/strategies/pair_reversion/scores.ts';
import { step } from '../../../shared/strategies/pair_reversion/step.ts';
import { randomHistory } from '../history/pair_history.fixture.ts';
import { marketAt } from '../history/pair_history.ts';
import { runBacktest } from './backtest.ts';
import { jointBacktest, type JointPair } from './joint_backtest.ts';

const POLICY: DecisionPolicy = {
  z_entry: 1.2,
  z_exit: 0.5,
  stop: 1.5,
  max_age_bars: 12,
  beta_min: 0.05,
  beta_max: 20,
  risk_exit: 0.95,
  require_edge: false,
  no_entry_windows: [],
  min_expected_net_bps: -1e9,
};
const FREE = { spread_bps: 0, commission_bps: 0, slippage_bps: 0 };
const costs = { a: FREE, b: FREE };
const PAIRS = ['EURUSD_GBPUSD', 'EURUSD_AUDUSD', 'GBPUSD_NZDUSD', 'EURUSD_USDJPY'].map(parsePair);
const THRESHOLDS = { theta1: 0.4, theta2: 0.9 };

function pairsOf(seed: number): JointPair[] {
  const rng = createRng(`scores ${seed}`);
  return PAIRS.map((pair, i): JointPair => {
    const history = { ...randomHistory(`${seed} ${i}`, 300, i === 2 ? -1 : 1), pair };
    // Pairs do not have all minutes in common.
    const time = history.time.map((at) => at + 60 * 7 * i);
    const scores = Float64Array.from({ length: 300 }, () => rng.uniform());
    return {
      history: { ...history, time },
      from: 3,
      to: 300,
      options: {
        thresholds: THRESHOLDS,
        policy: POLICY,
        edge: true,
        costs,
        scores: (t) => ({ return_prob: scores[t]!, risk_score: 0.1 }),
      },
    };
  });
}

/** Every bar of every pair in the order of time, each with the positions of all at that moment, as a daemon answers. */
function obvious(pairs: readonly JointPair[], exposure: ExposurePolicy): string[][] {
  const meter = new ExposureMeter(PAIRS);
  const policy = { ...POLICY, exposure };
  const positions: Position[] = pairs.map(() => FLAT);
  const told: string[][] = pairs.map(() => []);
  const bars = pairs.flatMap(({ history, from, to }, i) =>
    Array.from({ length: to - from - 1 }, (_, k) => ({ i, t: from + k, time: history.time[from + k]! })),
  );
  for (const { i, t, time } of bars.sort((x, y) => x.time - y.time || x.i - y.i)) {
    const { history, options } = pairs[i]!;
    const market = marketAt(history, t);
    const { return_prob, risk_score } = options.scores(t)!;
    const at = time as OpenTime;
    const scores = scoresOf(market, return_prob, risk_score, policy, null, costs, at, NaN, NaN, NaN);
    const terms = {
      ...THRESHOLDS,
      hasEdge: true,
      isHalted: false,
      exposure: candidateExposure(policy, meter, positions, i, market),
    };
    const { decision, position } = step(market, scores, terms, policy, positions[i]!, '', at);
    positions[i] = position;
    if (decision.action !== 'HOLD' || decision.reason === 'EXPOSURE') told[i]!.push(`${t} ${decision.reason}`);
  }
  return told;
}

describe('a joint backtest', () => {
  it('trades as a daemon that answers all bars in their order', () => {
    let refused = 0;
    for (const seed of [1, 2, 3, 4, 5, 6]) {
      const pairs = pairsOf(seed);
      for (const exposure of [
        { symbol: null, currency: 0.6 },
        { symbol: 0.5, currency: null },
        { symbol: 0.9, currency: 0.8 },
        { symbol: 0.01, currency: 0.01 },
      ]) {
        const runs = jointBacktest(pairs, exposure);
        const expected = obvious(pairs, exposure);
        const told = runs.map(({ trades }) =>
          trades.flatMap(({ entrySignal, exitSignal, reason }) => [
            `${entrySignal} ENTRY`,
            ...(exitSignal < 0 ? [] : [`${exitSignal} ${reason}`]),
          ]),
        );
        // An entry at the last bar but one is dropped: its fill would be its exit.
        const kept = expected.map((own) => own.filter((line) => !line.endsWith('EXPOSURE') && line !== '298 ENTRY'));
        expect(told).toEqual(kept);
        const counts = expected.map((own) => own.filter((line) => line.endsWith('EXPOSURE')).length);
        expect(runs.map(({ refusals }) => refusals.EXPOSURE ?? 0)).toEqual(counts);
        refused += counts.reduce((sum, own) => sum + own, 0);
      }
    }
    expect(refused).toBeGreaterThan(100);
  });

  it('equals the run of each pair alone where no limit is reached', () => {
    const pairs = pairsOf(7);
    const alone = pairs.map(({ history, from, to, options }) => runBacktest(history, from, to, options));
    expect(alone.every(({ trades }) => trades.length > 3)).toBe(true);
    expect(jointBacktest(pairs, { symbol: 100, currency: 100 })).toEqual(alone);
  });
});
