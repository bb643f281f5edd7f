import { lowerBound } from '../../../../../shared/bar_file/bar_file.ts';
import type { HoldoutBacktest, Manifest, PairEdge } from '../../../../../shared/bundle/manifest.ts';
import type { InputDescription } from '../../../../../shared/bundle/input_novelty.ts';
import type { Matrix } from '../../../../../shared/bundle/onnx/tree_ensemble.ts';
import { sequenceBars } from '../../../../../shared/core/features/windows.ts';
import { resultOfShare, type Expectation } from '../../../../../shared/core/cost/expected_net.ts';
import { riskRank } from '../../../../../shared/strategies/pair_reversion/risk_rank.ts';
import type { Thresholds } from '../../../../../shared/strategies/pair_reversion/pair_input.ts';
import { pairCosts, tradingCosts } from '../../../../../shared/policy/costs.ts';
import { decisionPolicy, type Settings } from '../../../../../shared/policy/policy.ts';
import type { Dataset } from '../dataset/dataset.ts';
import { wholeHistory } from '../../../history/kept_history.ts';
import type { PairHistory } from '../../../history/pair_history.ts';
import type { Fitted } from '../../../learners/contract/fitted.ts';
import { rowNovelties } from '../../../novelty/row_novelties.ts';
import { rowsOfTable } from '../../../learners/contract/past_rows.ts';
import { backtest, type FilledTrade } from '../../../trades/backtest.ts';
import { lookLevel, pairEdges } from '../../../backtest/edge.ts';
import { executabilityOf, tallyExecutability, type ExecutabilityTally } from '../../../backtest/executability.ts';
import { breakEven, holdoutBacktest, type PairTrades } from '../../../backtest/holdout_performance.ts';
import { rollovers } from '../../../../../shared/core/cost/rollover.ts';

/** Models and thresholds that decide in a backtest. */
export interface Deciders {
  readonly ai1: Fitted;
  readonly ai2: Fitted;
  readonly riskQuantiles: readonly number[];
  readonly thresholds: Thresholds;
  /** Calibration of the expected result; null: the result at the barriers. */
  readonly expectation: Expectation | null;
  /** Of the rows that AI1 learned from; null or absent where they are not described. */
  readonly inputs?: InputDescription | null;
  /** Model of the result. */
  readonly net?: Fitted;
}

/** Result on the holdout after costs and overnight swaps. */
export interface HoldoutProof {
  readonly pairs: readonly ProvenPair[];
  /** Whether each pair has an edge. */
  readonly edge: Record<string, PairEdge>;
  /** Number of this evaluation of the holdout, from 1. */
  readonly look: number;
  /** All pairs, as if each had an edge. */
  readonly backtest: HoldoutBacktest;
  readonly executability: NonNullable<Manifest['executability']>;
}

/** One pair of a proof. */
export interface ProvenPair {
  readonly id: string;
  readonly pair: PairTrades;
  readonly tally: ExecutabilityTally;
}

/**
 * Backtest of the holdout, evaluated without the check for NO_EDGE.
 * @param lookOf number of a look with these trades (trainer/learning/backtest/holdout_looks.ts)
 */
export function proveEdge(
  dataset: Dataset,
  { ai1, ai2, riskQuantiles, thresholds, expectation, inputs, net }: Deciders,
  settings: Settings,
  lookOf: (trades: readonly FilledTrade[]) => number,
  onPair: (done: number, total: number) => void,
): HoldoutProof {
  const policy = { ...decisionPolicy(settings), require_edge: false };
  const proven = dataset.histories.map((kept, index): ProvenPair => {
    onPair(index + 1, dataset.histories.length);
    const history = wholeHistory(kept);
    const from = lowerBound(history.time, dataset.holdoutFrom);
    const x = holdoutFeatures(history, from, dataset.definitions.length, sequenceBars(settings.minutehand.windows));
    const returns = ai1.answers(x);
    const risks = ai2.answers(x);
    const results = net === undefined ? null : net.answers(x);
    const novelties = rowNovelties(x, inputs, dataset.definitions);
    const costs = pairCosts(tradingCosts(settings), history.pair);
    const overnight = { rolls: rollovers(dataset.holdoutFrom, history.time.at(-1) ?? 0), swaps: costs };
    const trades = backtest(history, from, history.length, {
      thresholds,
      policy,
      ...(expectation && { expectation }),
      edge: true,
      costs,
      overnight,
      scores: (t) => ({
        return_prob: returns[t - from]!,
        risk_score: riskRank(riskQuantiles, risks[t - from]!),
        ...(results && { result_sigmas: resultOfShare(results[t - from]!) }),
        ...(novelties && { novelty: novelties[t - from]! }),
      }),
    });
    const { id } = history.pair;
    const pair: PairTrades = { history: kept, from, trades, overnight };
    return {
      id,
      pair,
      tally: tallyExecutability(history, from, trades, costs),
    };
  });
  return proofOf(proven, lookOf(proven.flatMap(({ pair }) => pair.trades)));
}

/** Results of these pairs, whose edges are tested together. @param look at the holdout, from 1 */
export function proofOf(proven: readonly ProvenPair[], look: number): HoldoutProof {
  const edge = edgesOf(Object.fromEntries(proven.map(({ id, pair }) => [id, pair.trades])), look);
  return {
    pairs: proven,
    edge,
    look,
    backtest: holdoutBacktest(proven.map(({ pair }) => pair)),
    executability: {
      all_pairs: executabilityOf(proven.map(({ tally }) => tally)),
      edge_pairs: executabilityOf(proven.filter(({ id }) => !edge[id]!.no_edge).map(({ tally }) => tally)),
    },
  };
}

/** The same results, which no pair claims an edge by. */
export function withoutClaims(proof: HoldoutProof): HoldoutProof {
  const edge = Object.fromEntries(Object.entries(proof.edge).map(([id, own]) => [id, { ...own, no_edge: true }]));
  return { ...proof, edge, executability: { ...proof.executability, edge_pairs: executabilityOf([]) } };
}

/** With the costs at which each pair would earn nothing. */
export function edgesOf(
  trades: Readonly<Record<string, readonly FilledTrade[]>>,
  look: number,
): Record<string, PairEdge> {
  const edges = pairEdges(trades, lookLevel(look));
  return Object.fromEntries(Object.entries(edges).map(([id, edge]) => [id, { ...edge, ...breakEven(trades[id]!) }]));
}

/**
 * Features of every bar from `from` on: the holdout keeps all, so its rows are contiguous.
 * @param bars rows that a model gets together
 */
function holdoutFeatures(history: PairHistory, from: number, columns: number, bars: number): Matrix {
  const rows = history.length - from;
  const first = rows === 0 ? history.rows : history.row[from]!;
  return rowsOfTable(history.features, { first, rows, columns, bars });
}
