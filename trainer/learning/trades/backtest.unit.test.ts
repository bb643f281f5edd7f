import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { DecisionPolicy, ModelScores } from '../../../shared/strategies/pair_reversion/pair_input.ts';
import {
  expectedDecision,
  type ExpectedDecision,
  type HeldPosition,
} from '../../../shared/strategies/pair_reversion/decide.oracle.ts';
import type { FillCosts } from '../../../shared/core/cost/fill_cost.ts';
import { newYorkMinuteOfWeek } from '../../../shared/core/cost/new_york_time.ts';
import { FLAT } from '../../../shared/core/position/position.ts';
import { createRng } from '../../../shared/rng.ts';
import { CALM_BAR, historyOf, randomHistory, type HistoryBar } from '../history/pair_history.fixture.ts';
import type { PairHistory } from '../history/pair_history.ts';
import { backtest, runBacktest, type BacktestOptions } from './backtest.ts';

const POLICY: DecisionPolicy = {
  z_entry: 1.5,
  z_exit: 0.5,
  stop: 1.5,
  max_age_bars: 12,
  beta_min: 0.05,
  beta_max: 20,
  risk_exit: 0.95,
  require_edge: false,
  no_entry_windows: [],
  min_expected_net_bps: -Infinity,
};
const FREE = { spread_bps: 0, commission_bps: 0, slippage_bps: 0 };
const SURE: ModelScores = { return_prob: 0.99, risk_score: 0 };

function options(changes: Partial<BacktestOptions> = {}): BacktestOptions {
  return {
    thresholds: { theta1: 0.5, theta2: 0.5 },
    policy: POLICY,
    edge: true,
    costs: { a: FREE, b: FREE },
    scores: () => SURE,
    ...changes,
  };
}

/** With a profile the spread varies by minute: ten percent above its quote, otherwise base times multiple. */
function fillOf(
  { spread_bps, commission_bps, slippage_bps, profile }: FillCosts,
  time: number,
  quoted: number,
): number {
  const usual = profile === undefined ? spread_bps : spread_bps * profile[newYorkMinuteOfWeek(time)]!;
  const spread = profile === undefined || Number.isNaN(quoted) ? usual : 1.1 * quoted;
  return spread / 2 + commission_bps + slippage_bps;
}

/** Expected result between the barriers at the costs of the next minute, as PROTOCOL specifies. */
function expectedOf(history: PairHistory, t: number, how: BacktestOptions) {
  const scores = how.scores(t);
  if (scores === null) return null;
  const distance = Math.abs(history.z[t]!);
  const hedge = Math.abs(history.beta[t]!);
  const time = history.time[t]! + 60;
  const cost =
    (2 * (fillOf(how.costs.a, time, history.quotedA[t]!) + hedge * fillOf(how.costs.b, time, history.quotedB[t]!))) /
    (1 + hedge);
  const { z_entry, z_exit, stop } = how.policy;
  const sigmas = scores.return_prob * (distance - z_exit) - (1 - scores.return_prob) * stop;
  const expected_net_bps = distance >= z_entry ? (sigmas * 1e4 * history.zStd[t]!) / (1 + hedge) - cost : NaN;
  return { ...scores, expected_net_bps };
}

/** Bar by bar: the decisions first, then the cash flow of each, with holdings in both legs. */
function obviousTrades(history: PairHistory, from: number, to: number, how: BacktestOptions) {
  const flat: HeldPosition = { side: 0, entryZ: 0, alpha: 0, beta: 0, zMean: 0, zStd: 0, ageBars: 0 };
  const decisions: ExpectedDecision[] = [];
  let entered = -1;
  for (let t = from; t < to; t++) {
    const at = (k: number) => ({
      z: history.z[k]!,
      alpha: history.alpha[k]!,
      beta: history.beta[k]!,
      zMean: history.zMean[k]!,
      zStd: history.zStd[k]!,
      lnA: history.lnA[k]!,
      lnB: history.lnB[k]!,
    });
    const frozen = entered < 0 ? null : at(entered);
    const side = frozen === null ? 0 : frozen.z > 0 ? -1 : 1;
    const decision = expectedDecision({
      bar: at(t),
      scores: expectedOf(history, t, how),
      time: history.time[t]!,
      noEntryWindows: [],
      hasEdge: how.edge,
      isHalted: false,
      ...how.thresholds,
      policy: how.policy,
      position: frozen === null ? flat : { ...frozen, side, entryZ: frozen.z, ageBars: t - entered },
    });
    decisions.push(decision);
    if (decision.action === 'ENTER') entered = t;
    if (decision.action === 'EXIT') entered = -1;
  }
  const trades = [];
  for (let at = 0; at < decisions.length; at++) {
    if (decisions[at]!.action !== 'ENTER') continue;
    const signal = from + at;
    const exit = decisions.findIndex((decision, k) => k > at && decision.action === 'EXIT');
    const entryFill = signal + 1;
    const known = exit >= 0 && from + exit + 1 < to;
    const exitFill = known ? from + exit + 1 : to - 1;
    if (exitFill <= entryFill) continue;
    const beta = history.beta[signal]!;
    const gross = 1 + Math.abs(beta);
    // Money earned by one unit of capital, split over the legs.
    const legA = decisions[at]!.target / gross;
    const legB = (-decisions[at]!.target * beta) / gross;
    const earnedAt = (bar: number): number =>
      (legA / history.openA[entryFill]!) * (history.openA[bar]! - history.openA[entryFill]!) +
      (legB / history.openB[entryFill]!) * (history.openB[bar]! - history.openB[entryFill]!);
    const earned = earnedAt(exitFill);
    const held = Array.from({ length: exitFill - entryFill + 1 }, (_, i) => earnedAt(entryFill + i));
    const paidAt = (bar: number): number =>
      Math.abs(legA) * fillOf(how.costs.a, history.time[bar]!, history.quotedA[bar]!) +
      Math.abs(legB) * fillOf(how.costs.b, history.time[bar]!, history.quotedB[bar]!);
    const entryCostBps = paidAt(entryFill);
    const exitCostBps = paidAt(exitFill);
    trades.push({
      pairId: history.pair.id,
      side: decisions[at]!.target,
      entryTime: history.time[entryFill],
      exitTime: history.time[exitFill],
      reason: known ? decisions[exit]!.reason : 'END_OF_DATA',
      entrySignal: signal,
      exitSignal: known ? from + exit : -1,
      entryBar: entryFill,
      exitBar: exitFill,
      beta,
      scale: 1,
      fullScale: 1,
      swapBps: 0,
      grossBps: earned * 1e4,
      entryCostBps,
      // The stop as many deviations of the spread from its mean, split over the legs, and the costs of both fills.
      stopBps: (how.policy.stop * history.zStd[signal]! * 1e4) / gross + entryCostBps + exitCostBps,
      netBps: earned * 1e4 - entryCostBps - exitCostBps,
      adverseBps: -1e4 * Math.min(...held),
    });
  }
  return trades;
}

/** A path of z with alpha 0, mean 0, std 1; leg B constant; each open equals the previous close. */
function pathOf(z: readonly number[], change: Partial<HistoryBar> = {}): PairHistory {
  return historyOf(z.map((lnA) => ({ ...CALM_BAR, lnA, ...change })));
}

/** Results in money are compared to the eighth digit. */
const IN_MONEY = ['grossBps', 'netBps', 'costBps', 'entryCostBps', 'stopBps', 'adverseBps'];
const exactOf = (trade: object): object =>
  Object.fromEntries(Object.entries(trade).filter(([name]) => !IN_MONEY.includes(name)));

describe('backtest', () => {
  it('equals the reference decision evaluated bar by bar, with cash flows counted leg by leg', () => {
    let trades = 0;
    const reasons = new Set<string>();
    fc.assert(
      fc.property(
        fc.string(),
        fc.constantFrom(-1 as const, 1 as const),
        fc.integer({ min: 0, max: 20 }),
        fc.integer({ min: 0, max: 20 }),
        fc.record({
          spread_bps: fc.double({ min: 0, max: 9, noNaN: true }),
          commission_bps: fc.double({ min: 0, max: 1, noNaN: true }),
          slippage_bps: fc.double({ min: 0, max: 1, noNaN: true }),
        }),
        (seed, sign, skipped, cut, costs) => {
          const rng = createRng(`${seed} scores`);
          const quotes = (): Float64Array =>
            Float64Array.from({ length: 250 }, () => (rng.uniform() < 0.3 ? NaN : 9 * rng.uniform()));
          const history = { ...randomHistory(seed, 250, sign), quotedA: quotes(), quotedB: quotes() };
          const scores = Array.from({ length: 250 }, () =>
            rng.uniform() < 0.05 ? null : { return_prob: rng.uniform() * 1.2, risk_score: rng.uniform() },
          );
          const how = options({
            costs: {
              a: { ...costs, profile: Float64Array.from({ length: 10_080 }, () => 9 * rng.uniform()) },
              b: FREE,
            },
            scores: (t) => scores[t]!,
            thresholds: { theta1: 0.3, theta2: 0.8 },
            policy: { ...POLICY, min_expected_net_bps: rng.uniform() < 0.5 ? 0 : -Infinity },
          });
          const fast = backtest(history, skipped, 250 - cut, how);
          const slow = obviousTrades(history, skipped, 250 - cut, how);
          expect(fast.map(exactOf)).toEqual(slow.map(exactOf));
          fast.forEach(({ grossBps, netBps, entryCostBps, stopBps, adverseBps }, i) => {
            expect(adverseBps).toBeCloseTo(slow[i]!.adverseBps, 8);
            expect(stopBps).toBeCloseTo(slow[i]!.stopBps, 8);
            expect(entryCostBps).toBeCloseTo(slow[i]!.entryCostBps, 8);
            expect(grossBps).toBeCloseTo(slow[i]!.grossBps, 8);
            expect(netBps).toBeCloseTo(slow[i]!.netBps, 8);
          });
          trades += fast.length;
          for (const { reason } of fast) reasons.add(reason);
        },
      ),
      { numRuns: 60, seed: 1 },
    );
    expect(trades).toBeGreaterThan(500);
    expect([...reasons].sort()).toEqual(['END_OF_DATA', 'MAX_AGE', 'RISK_EXIT', 'STOP', 'Z_EXIT']);
  });

  it('fills at the open of the bar after the decision, not at the close that made it', () => {
    const bars: HistoryBar[] = [
      { ...CALM_BAR, lnA: 2 },
      { ...CALM_BAR, lnA: 1.5, lnOpenA: 1.9, lnOpenB: 0.01 },
      { ...CALM_BAR, lnA: 0.2, lnOpenA: 1.4, lnOpenB: 0.02 },
      { ...CALM_BAR, lnA: 0, lnOpenA: 0.3, lnOpenB: 0.05 },
    ];
    const history = historyOf(bars);
    const [trade, ...more] = backtest(history, 0, 4, options());
    expect(more).toEqual([]);
    expect(trade).toMatchObject({ side: -1, reason: 'Z_EXIT', entryTime: history.time[1], exitTime: history.time[3] });
    // Sells half a unit of A at e^1.9 and buys it back at e^0.3; buys half a unit of B at e^0.01, sells at e^0.05.
    expect(trade!.grossBps).toBeCloseTo(1e4 * (0.5 * (1 - Math.exp(-1.6)) + 0.5 * (Math.exp(0.04) - 1)), 8);
  });

  it('charges the spread once, commission and slippage per side, each leg by its share', () => {
    const gold = { spread_bps: 0.9, commission_bps: 0.2, slippage_bps: 0.2 };
    const silver = { spread_bps: 6, commission_bps: 0.3, slippage_bps: 0.6 };
    const history = pathOf([2, 2, 0, 0], { beta: 3 });
    const [trade] = backtest(history, 0, 4, options({ costs: { a: gold, b: silver } }));
    // beta 3: a quarter of the capital in gold, three quarters in silver.
    expect(trade!.grossBps - trade!.netBps).toBeCloseTo(0.25 * 1.7 + 0.75 * 7.8, 10);
  });

  it('charges the whole spread of each leg that is bought where prices are bids, at the entry and at the exit', () => {
    const bids = (spread_bps: number): FillCosts => ({ ...FREE, spread_bps, price: 'bid' });
    const [trade] = backtest(pathOf([2, 2, 0, 0]), 0, 4, options({ costs: { a: bids(4), b: bids(2) } }));
    // Buys half a unit of B, and later half a unit of A.
    expect([trade!.side, trade!.entryCostBps, trade!.costBps]).toEqual([-1, 1, 3]);
  });

  it('has both legs on the same side when beta is negative', () => {
    const history = historyOf([
      { ...CALM_BAR, lnA: 2, beta: -1 },
      { ...CALM_BAR, lnA: 2, beta: -1 },
      { ...CALM_BAR, lnA: 0.9, lnB: -0.9, beta: -1, lnOpenA: 2, lnOpenB: 0 },
      { ...CALM_BAR, lnOpenA: 0.9, lnOpenB: -0.9, beta: -1 },
    ]);
    const [trade] = backtest(history, 0, 4, options());
    // Sold half a unit of each; A fell by 1.1, B by 0.9.
    expect(trade).toMatchObject({ side: -1, reason: 'Z_EXIT' });
    expect(trade!.grossBps).toBeCloseTo(5000 * (2 - Math.exp(-1.1) - Math.exp(-0.9)), 8);
  });

  it('holds no position over a hole in the bars: closed at the last open before it, and flat behind it', () => {
    const path = pathOf([2, 2, 2, 2, 2, 2, 2, 0, 0]);
    const time = path.time.map((at, t) => at + (t < 4 ? 0 : 6 * 86_400));
    const trades = backtest({ ...path, time }, 0, 9, options());
    expect(trades).toMatchObject([
      { reason: 'HOLE', entryBar: 1, exitBar: 3, exitSignal: -1 },
      { reason: 'Z_EXIT', entryBar: 5, exitBar: 8 },
    ]);
    // A weekend with holidays is none.
    const weekend = path.time.map((at, t) => at + (t < 4 ? 0 : 4 * 86_400));
    expect(backtest({ ...path, time: weekend }, 0, 9, options())).toMatchObject([{ entryBar: 1, exitBar: 8 }]);
    // Filled behind the hole, or at the open where it would be closed, it is no trade.
    for (const cut of [1, 2]) {
      const apart = path.time.map((at, t) => at + (t < cut ? 0 : 6 * 86_400));
      expect(backtest({ ...path, time: apart }, 0, 9, options())).toMatchObject([{ entryBar: cut + 1, exitBar: 8 }]);
    }
  });

  it('settles the virtual account at a hole', () => {
    const policy = {
      ...POLICY,
      leverage: { drawdown: [[0.001, 0.5]], risk_score: [], costs: { AAA: FREE, BBB: FREE } },
    };
    const path = pathOf([2, 2, 3, 3, 2, 2, 2, 0, 0]);
    const time = path.time.map((at, t) => at + (t < 4 ? 0 : 6 * 86_400));
    const trades = backtest({ ...path, time }, 0, 9, options({ policy: policy as never }));
    expect(trades.map(({ scale }) => scale)).toEqual([1, 0.5]);
  });

  it('closes what is open at the last open of the data, and drops an entry whose fill would be its exit', () => {
    const open = pathOf([2, 2, 2, 2]);
    expect(backtest(open, 0, 4, options())).toMatchObject([
      { reason: 'END_OF_DATA', entryTime: open.time[1], exitTime: open.time[3] },
    ]);
    expect(backtest(pathOf([0, 0, 2, 2]), 0, 4, options())).toEqual([]);
    expect(backtest(pathOf([0, 0, 0, 2]), 0, 4, options())).toEqual([]);
    expect(backtest(open, 3, 4, options())).toEqual([]);
    expect(backtest(open, 4, 4, options())).toEqual([]);
  });

  it('opens nothing on the bar that closes a position, nor if scores, thresholds or edge forbid it', () => {
    const history = pathOf([2, 0, 2, 0, 0]);
    const trades = backtest(history, 0, 5, options());
    expect(trades.map(({ entryTime, exitTime }) => [entryTime, exitTime])).toEqual([
      [history.time[1], history.time[2]],
      [history.time[3], history.time[4]],
    ]);
    expect(backtest(history, 0, 5, options({ scores: () => null }))).toEqual([]);
    expect(backtest(history, 0, 5, options({ thresholds: { theta1: 0.99, theta2: 0.5 } }))).toEqual([]);
    expect(backtest(history, 0, 5, options({ edge: false, policy: { ...POLICY, require_edge: true } }))).toEqual([]);
  });

  it('counts flat bars with |z| ≥ z_entry as candidates, with the reason of each refusal', () => {
    const history = historyOf([
      { ...CALM_BAR, lnA: 2 },
      { ...CALM_BAR, lnA: 2 },
      { ...CALM_BAR, lnA: 0 },
      { ...CALM_BAR, lnA: -2, beta: 0.01 },
      { ...CALM_BAR, lnA: -2 },
      { ...CALM_BAR, lnA: -2 },
      { ...CALM_BAR, lnA: 1 },
      { ...CALM_BAR, lnA: 1 },
    ]);
    const asked: Record<number, ModelScores> = {
      4: { return_prob: 0.1, risk_score: 0 },
      5: { return_prob: 0.9, risk_score: 0.8 },
    };
    const run = runBacktest(history, 0, 8, options({ scores: (t) => asked[t] ?? SURE }));
    expect(run.trades).toHaveLength(1);
    expect(run.candidates).toBe(4);
    expect(run.refusals).toEqual({ BETA_RANGE: 1, PROB_LOW: 1, RISK_HIGH: 1 });
    expect([run.riskRefused, run.riskAdmitted]).toEqual([[5], [run.trades[0]!.entrySignal]]);
    const gated = runBacktest(history, 0, 8, options({ edge: false, policy: { ...POLICY, require_edge: true } }));
    expect(gated).toMatchObject({
      trades: [],
      candidates: 5,
      refusals: { NO_EDGE: 5 },
      riskRefused: [],
      riskAdmitted: [],
    });
  });

  it('counts a bar exactly at the entry as a candidate', () => {
    const history = pathOf([1.5, 0, -1.5, 0, 1.4999, 0]);
    const run = runBacktest(history, 0, 6, options({ scores: () => ({ return_prob: 0.1, risk_score: 0 }) }));
    expect([run.candidates, run.refusals]).toEqual([2, { PROB_LOW: 2 }]);
  });

  it('gives the same run with a step at each bar, as with an observer, as with steps only where needed', () => {
    let skipped = 0;
    let trades = 0;
    fc.assert(
      fc.property(fc.string(), fc.boolean(), (seed, isReduced) => {
        const rng = createRng(`${seed} steps`);
        const history = randomHistory(seed, 200, 1);
        const answers = Array.from({ length: 400 }, () => rng.uniform());
        const leverage = {
          drawdown: [[0.01, 0.5]] as const,
          risk_score: [[0.3, 0.7]] as const,
          costs: { [history.pair.a]: FREE, [history.pair.b]: FREE },
        };
        const how = options({
          policy: isReduced ? { ...POLICY, leverage } : POLICY,
          scores: (t) => ({ return_prob: answers[2 * t]!, risk_score: answers[2 * t + 1]! }),
        });
        let steps = 0;
        const observed = runBacktest(history, 0, 200, {
          ...how,
          observe: (_, { decision, position }) => {
            steps++;
            if (decision.reason === 'NO_SETUP') skipped++;
            return position;
          },
        });
        expect(runBacktest(history, 0, 200, how)).toEqual(observed);
        expect(steps).toBe(199);
        trades += observed.trades.length;
      }),
      { numRuns: 40 },
    );
    expect(skipped).toBeGreaterThan(100);
    expect(trades).toBeGreaterThan(40);
  });

  it('uses only scores within its bars', () => {
    const asked: number[] = [];
    backtest(pathOf([2, 2, 2, 0, 2, 2, 2]), 2, 6, options({ scores: (t) => (asked.push(t), SURE) }));
    expect(Math.min(...asked)).toBe(2);
    expect(Math.max(...asked)).toBeLessThan(6);
  });

  it('charges the swap of every end of a trading day after the entry and up to the exit', () => {
    const history = pathOf([2, 2, 2, 0, 0]);
    const rolls = [100, 1, 3, 1, 100].map((swapDays, i) => ({ time: history.time[1]! + 60 * i, swapDays }));
    // Sold half a unit of A, bought half a unit of B: (2 + 3) / 2 a night, of five nights.
    const swaps = {
      a: { swap_long_bps_per_night: 1, swap_short_bps_per_night: 2 },
      b: { swap_long_bps_per_night: 3, swap_short_bps_per_night: 4 },
    };
    const [trade] = backtest(history, 0, 5, options({ overnight: { rolls, swaps } }));
    expect([trade!.entryBar, trade!.exitBar, trade!.swapBps]).toEqual([1, 4, 12.5]);
    expect(trade!.grossBps - trade!.netBps).toBeCloseTo(12.5, 9);
    expect(trade!.costBps).toBe(0);
    const [early] = backtest(history, 0, 5, options({ overnight: { rolls: rolls.slice(0, 1), swaps } }));
    expect(early!.swapBps).toBe(0);
  });

  it('has the scale of the entry, reduced by leverage_reduction_rate', () => {
    const history = pathOf([2, 2, 0, 0]);
    const scale = (t: number): number => (t === 0 ? 0.25 : 1);
    const scores = () => ({ return_prob: 0.99, risk_score: 0.4 });
    expect(backtest(history, 0, 4, options({ scale, scores }))).toMatchObject([{ scale: 0.25, fullScale: 0.25 }]);
    const leverage = { drawdown: [], risk_score: [[0.3, 0.5]] as const, costs: { AAA: FREE, BBB: FREE } };
    const policy = { ...POLICY, leverage };
    expect(backtest(history, 0, 4, options({ scale, scores, policy }))).toMatchObject([
      { scale: 0.125, fullScale: 0.25 },
    ]);
    expect(backtest(history, 0, 4, options({ scores, policy }))).toMatchObject([{ scale: 0.5, fullScale: 1 }]);
  });

  it('continues from a given position, whose trade is not recorded, and with the observed position', () => {
    const history = pathOf([2, 2, 0, 2, 0, 0]);
    let start = FLAT;
    runBacktest(history, 0, 2, options({ observe: (_, { position }) => (start = position) }));
    expect(start.side).toBe(-1);
    const run = runBacktest(history, 1, 6, options({ start }));
    expect([run.candidates, run.trades.map(({ entrySignal, exitSignal }) => [entrySignal, exitSignal])]).toEqual([
      ...[1, [[3, 4]]],
    ]);
    expect(backtest(pathOf([2, 2, 2, 2]), 1, 4, options({ start }))).toEqual([]);
    const kept = runBacktest(history, 0, 6, options({ observe: () => FLAT }));
    expect([kept.trades, kept.candidates]).toEqual([[], 3]);
  });

  it('enters by the calibrated expectation, or by the model of the result where there is one', () => {
    const history = pathOf([2, 2, 0, 0]);
    const policy = { ...POLICY, min_expected_net_bps: 0 };
    const expectation = (earned: number) => ({ promised: [0, 1], earned: [earned, earned] });
    const scores = (result_sigmas: number) => () => ({ ...SURE, result_sigmas });
    const countOf = (changes: Partial<BacktestOptions>): number =>
      backtest(history, 0, 4, options({ policy, ...changes })).length;
    expect(countOf({})).toBe(1);
    expect(countOf({ expectation: expectation(1) })).toBe(1);
    expect(countOf({ expectation: expectation(-1) })).toBe(0);
    expect(countOf({ expectation: expectation(-1), scores: scores(1) })).toBe(1);
    expect(countOf({ expectation: expectation(1), scores: scores(-1) })).toBe(0);
    expect(countOf({ expectation: expectation(-1), scores: scores(NaN) })).toBe(0);
  });
});
