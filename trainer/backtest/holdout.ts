import { lowerBound } from '../../shared/bar_file/bar_file.ts';
import type { HoldoutBacktest, PairEdge } from '../../shared/bundle/manifest.ts';
import type { Matrix, TreeModel } from '../../shared/bundle/onnx/tree_ensemble.ts';
import { riskRank } from '../../shared/core/decide/risk_rank.ts';
import type { Thresholds } from '../../shared/core/decide/decide.ts';
import type { Pair } from '../../shared/pair.ts';
import { decisionPolicy, type Settings, type SymbolCosts } from '../../shared/policy/policy.ts';
import type { Dataset } from '../dataset/dataset.ts';
import type { PairHistory } from '../dataset/pair_history.ts';
import { treeAnswer } from '../learn/trees/scoring.ts';
import { backtest, type LegPair } from './backtest.ts';
import { pairEdge } from './edge.ts';
import { breakEven, holdoutBacktest, type PairTrades } from './holdout_performance.ts';
import { rollovers } from './rollover.ts';

/** What decides in a backtest. */
export interface Deciders {
  readonly ai1: TreeModel;
  readonly ai2: TreeModel;
  readonly riskQuantiles: readonly number[];
  readonly thresholds: Thresholds;
}

/** What the holdout, which no choice has seen, earns after costs, overnight swaps included. */
export interface HoldoutProof {
  /** Whether each pair has an edge. */
  readonly edge: Record<string, PairEdge>;
  /** All pairs together, as if each had one. */
  readonly backtest: HoldoutBacktest;
}

/** The backtest of the holdout, evaluated as if the gate NO_EDGE were not there. */
export function proveEdge(
  dataset: Dataset,
  { ai1, ai2, riskQuantiles, thresholds }: Deciders,
  settings: Settings,
  seed: number,
  onPair: (done: number, total: number) => void,
): HoldoutProof {
  const policy = { ...decisionPolicy(settings), require_edge: false };
  const pairs = dataset.histories.map((history, index): PairTrades => {
    onPair(index + 1, dataset.histories.length);
    const from = lowerBound(history.time, dataset.holdoutFrom);
    const x = holdoutFeatures(history, from, dataset.definitions.length);
    const returns = treeAnswer(ai1, x);
    const risks = treeAnswer(ai2, x);
    const costs = symbolCosts(settings, history.pair);
    const overnight = { rolls: rollovers(dataset.holdoutFrom, history.time.at(-1) ?? 0), swaps: costs };
    const trades = backtest(history, from, history.length, {
      thresholds,
      policy,
      edge: true,
      costs,
      overnight,
      scores: (t) => ({
        return_prob: returns[t - from]!,
        risk_score: riskRank(riskQuantiles, risks[t - from]!),
      }),
    });
    return { history, from, trades, overnight };
  });
  const edges = pairs.map(({ history: { pair }, trades }) => [
    pair.id,
    { ...pairEdge(trades, `${seed}/edge/${pair.id}`), ...breakEven(trades) },
  ]);
  return { edge: Object.fromEntries(edges) as Record<string, PairEdge>, backtest: holdoutBacktest(pairs) };
}

function symbolCosts({ minutehand }: Settings, { a, b }: Pair): LegPair<SymbolCosts> {
  return { a: minutehand.symbols[a]!, b: minutehand.symbols[b]! };
}

/** Features of every bar from `from` on: the holdout keeps them all, so its rows follow one another. */
function holdoutFeatures(history: PairHistory, from: number, columns: number): Matrix {
  const rows = history.length - from;
  const first = rows === 0 ? history.rows : history.row[from]!;
  return { rows, columns, values: history.features.subarray(first * columns, (first + rows) * columns) };
}
