import { describe, expect, it } from 'vitest';
import type { OpenTime } from '../../../../../shared/bar.ts';
import type { PairEdge } from '../../../../../shared/bundle/manifest.ts';
import { emptyTree } from '../../../../../shared/bundle/onnx/tree_ensemble.ts';
import type { Fitted } from '../../../learners/contract/fitted.ts';
import { fittedTrees } from '../../../learners/trees/fitted_trees.ts';
import { featureDefinitions } from '../../../../../shared/core/features/features.ts';
import { parsePair } from '../../../../../shared/pair.ts';
import { pairCosts, tradingCosts } from '../../../../../shared/policy/costs.ts';
import { decisionPolicy, type Settings } from '../../../../../shared/policy/policy.ts';
import { tinyBars, tinySettings } from '../../../../../test/tiny_settings.ts';
import type { Dataset } from '../dataset/dataset.ts';
import { buildPairHistory } from '../../../history/pair_history.ts';
import { backtest, type Trade } from '../../../trades/backtest.ts';
import { lookLevel, pairEdges } from '../../../backtest/edge.ts';
import { proofOf, proveEdge, type Deciders, type HoldoutProof } from './holdout.ts';

const settings = tinySettings();
const { windows, pairs, symbols } = settings.minutehand;
const definitions = featureDefinitions(windows);
// Two days: 17:00 in New York occurs twice, once on a Wednesday.
const bars = tinyBars(settings, 2900);
const histories = pairs
  .map(parsePair)
  .map((pair) => buildPairHistory(pair, bars.get(pair.a)!, bars.get(pair.b)!, windows, () => true));
const holdoutFrom = histories[0]!.time[200]! as OpenTime;

/** A model without trees: the same probability for every row. */
function constantModel(logit: number): Fitted {
  return fittedTrees('gbdt', {
    link: 'sigmoid',
    ensembles: [{ columns: definitions.length, baseScore: logit, trees: [] }],
  });
}

const deciders = {
  ai1: constantModel(4),
  ai2: constantModel(0),
  riskQuantiles: Array.from({ length: 201 }, (_, i) => i / 200),
  thresholds: { theta1: 0.5, theta2: 0.8 },
  expectation: null,
};

const firstLook = (): number => 1;

function edgesOf(own: Settings): HoldoutProof['edge'] {
  const dataset = { definitions, histories, holdoutFrom } as unknown as Dataset;
  return proveEdge(dataset, deciders, own, firstLook, () => undefined).edge;
}

function withSwaps(bps: number): Settings {
  const swaps = { swap_long_bps_per_night: bps, swap_short_bps_per_night: bps };
  const costly = Object.fromEntries(Object.entries(symbols).map(([symbol, costs]) => [symbol, { ...costs, ...swaps }]));
  return { ...settings, minutehand: { ...settings.minutehand, symbols: costly } };
}

/** Figures and p-values of the trades of all pairs, without what depends on the number of looks. */
function figuresOf(
  edges: HoldoutProof['edge'],
  trades: Readonly<Record<string, readonly Trade[]>>,
): Record<string, Partial<PairEdge>> {
  const figures: Record<string, Partial<PairEdge>> = {};
  for (const [id, edge] of Object.entries(pairEdges(trades, 0.05))) {
    const { no_edge: _n, adjusted_p: _p, bound_level: _l, lower_5_net_bps: _b, ...own } = edge;
    expect(edges[id]!.adjusted_p!).toBeGreaterThanOrEqual(own.p!);
    expect(edges[id]!.no_edge).toBe(!(edges[id]!.adjusted_p! < lookLevel(1)));
    figures[id] = own;
  }
  return figures;
}

describe('proveEdge', () => {
  it('charges overnight swaps to every trade held over a rollover: three days on a Wednesday', () => {
    const free = edgesOf(withSwaps(0));
    const costly = edgesOf(withSwaps(5));
    const unpaid: Record<string, Trade[]> = {};
    const paid: Record<string, Trade[]> = {};
    for (const history of histories) {
      const { id } = history.pair;
      const from = history.time.indexOf(history.time.find((time) => time >= holdoutFrom)!);
      const trades = backtest(history, from, history.length, {
        thresholds: deciders.thresholds,
        policy: { ...decisionPolicy(settings), require_edge: false },
        edge: true,
        costs: pairCosts(tradingCosts(settings), history.pair),
        scores: () => ({ return_prob: 0.98, risk_score: 0.5 }),
      });
      unpaid[id] = trades;
      const rolls = [Date.UTC(2024, 0, 2, 22), Date.UTC(2024, 0, 3, 22)].map((ms) => ms / 1000);
      const swapDays = trades.map(({ entryTime, exitTime }) =>
        rolls.reduce((sum, roll, i) => sum + (roll > entryTime && roll <= exitTime ? [1, 3][i]! : 0), 0),
      );
      // Both legs pay 5 bps per night on either side, so their shares do not matter.
      paid[id] = trades.map((trade, i) => ({ ...trade, netBps: trade.netBps - 5 * swapDays[i]! }));
    }
    expect(free).toMatchObject(figuresOf(free, unpaid));
    for (const [id, edge] of Object.entries(figuresOf(costly, paid))) {
      expect(costly[id]!.trades).toBe(paid[id]!.length);
      expect(costly[id]!.mean_net_bps).toBeCloseTo(edge.mean_net_bps!, 9);
      expect(costly[id]!.p).toBeCloseTo(edge.p!, 9);
      expect(costly[id]!.mean_gross_bps).toBe(edge.mean_gross_bps);
    }
    const less = histories.filter(({ pair: { id } }) => costly[id]!.mean_net_bps! < free[id]!.mean_net_bps!);
    expect(less.length).toBeGreaterThan(0);
  });

  it('scores the features of each bar of the holdout, and reports progress after each pair', () => {
    // AI1 accepts only z-scores above 0: entries that sell leg A remain.
    const column = definitions.findIndex(({ name }) => name === 'z_score');
    const tree = emptyTree(3);
    tree.feature[0] = column;
    tree.left[0] = 1;
    tree.right[0] = 2;
    tree.value[1] = -4;
    tree.value[2] = 4;
    const ai1 = fittedTrees('gbdt', {
      link: 'sigmoid',
      ensembles: [{ columns: definitions.length, baseScore: 0, trees: [tree] }],
    });
    const dataset = { definitions, histories, holdoutFrom } as unknown as Dataset;
    const progress: number[][] = [];
    const { edge: edges } = proveEdge(dataset, { ...deciders, ai1 }, withSwaps(0), firstLook, (...done) =>
      progress.push(done),
    );
    expect(progress).toEqual([
      [1, 3],
      [2, 3],
      [3, 3],
    ]);
    const all: Record<string, Trade[]> = {};
    for (const history of histories) {
      const { id } = history.pair;
      const from = history.time.findIndex((time) => time >= holdoutFrom);
      const trades = backtest(history, from, history.length, {
        thresholds: deciders.thresholds,
        policy: { ...decisionPolicy(settings), require_edge: false },
        edge: true,
        costs: pairCosts(tradingCosts(settings), history.pair),
        scores: (t) => ({ return_prob: history.z[t]! > 0 ? 0.98 : 0.02, risk_score: 0.5 }),
      });
      expect(trades.length).toBeGreaterThan(5);
      expect(new Set(trades.map(({ side }) => side))).toEqual(new Set([-1]));
      all[id] = trades;
    }
    expect(edges).toMatchObject(figuresOf(edges, all));
  });

  it('decides by the calibrated expectation, or by the model of the result', () => {
    const dataset = { definitions, histories, holdoutFrom } as unknown as Dataset;
    const strict = tinySettings({ core: { min_expected_net_bps: 0 } });
    const tradesBy = (changes: Partial<Deciders>): number =>
      proveEdge(dataset, { ...deciders, ...changes }, strict, firstLook, () => undefined).backtest.trades;
    // Ten deviations of the spread pay any cost; none pays no cost. The model of the result answers with ±3.93.
    const expectation = (earned: number) => ({ promised: [0, 1], earned: [earned, earned] });
    const all = tradesBy({ expectation: expectation(10) });
    expect(all).toBeGreaterThan(20);
    expect(tradesBy({ expectation: expectation(0) })).toBe(0);
    expect(tradesBy({ expectation: expectation(10), net: constantModel(-4) })).toBe(0);
    expect(tradesBy({ expectation: expectation(0), net: constantModel(4) })).toBeGreaterThan(20);
    expect(tradesBy({ expectation: expectation(10), ai2: constantModel(4) })).toBe(0);
  });

  it('has the figures of all pairs, and those of the pairs with an edge', () => {
    const dataset = { definitions, histories, holdoutFrom } as unknown as Dataset;
    const proof = proveEdge(dataset, deciders, settings, firstLook, () => undefined);
    const { pairs: proven, edge, backtest: whole, executability } = proof;
    const trades = proven.map(({ pair }) => pair.trades);
    expect(proven.map(({ id }) => id)).toEqual(pairs);
    expect(whole.trades).toBe(trades.flat().length);
    expect(executability.all_pairs.trades).toBe(whole.trades);
    const mean = (values: number[]): number => values.reduce((sum, value) => sum + value, 0) / values.length;
    proven.forEach(({ id }, i) => {
      expect(edge[id]!.mean_cost_bps).toBeCloseTo(mean(trades[i]!.map(({ costBps }) => costBps)), 9);
      const free = trades[i]!.map(({ grossBps, swapBps }) => grossBps - swapBps);
      expect(edge[id]!.break_even_cost_bps).toBeCloseTo(mean(free), 9);
    });
    const withEdge = (isEdge: readonly boolean[]) => {
      const own = proven.map((one, i) => {
        const moved = one.pair.trades.map((trade, k) => ({ ...trade, netBps: (isEdge[i]! ? 50 : -50) + (k % 3) }));
        return { ...one, pair: { ...one.pair, trades: moved } };
      });
      return proofOf(own, 1).executability.edge_pairs.trades;
    };
    expect(withEdge([false, false, false])).toBe(0);
    expect(withEdge([true, false, true])).toBe(trades[0]!.length + trades[2]!.length);
    expect(proofOf(proven, 1)).toEqual(proof);
    expect(proofOf(proven, 3).edge).toEqual(
      Object.fromEntries(
        Object.entries(pairEdges(Object.fromEntries(proven.map(({ id }, i) => [id, trades[i]!])), lookLevel(3))).map(
          ([id, own]) => [id, expect.objectContaining({ ...own })],
        ),
      ),
    );
  });

  it('has no trades of a pair whose bars end before the holdout', () => {
    const late = (Number(histories[0]!.time.at(-1)) + 60) as OpenTime;
    const dataset = { definitions, histories, holdoutFrom: late } as unknown as Dataset;
    const { backtest: whole, edge } = proveEdge(dataset, deciders, settings, firstLook, () => undefined);
    expect(whole).toMatchObject({ trades: 0, max_drawdown: 0 });
    expect(Object.values(edge).map(({ no_edge }) => no_edge)).toEqual([true, true, true]);
  });
});
