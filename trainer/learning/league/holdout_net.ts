import type { Settings } from '../../../shared/policy/policy.ts';
import type { FilledTrade } from '../trades/backtest.ts';
import { proveEdge } from '../strategies/pair_reversion/backtest/holdout.ts';
import type { Dataset } from '../strategies/pair_reversion/dataset/dataset.ts';
import { fittedTrees } from '../learners/trees/fitted_trees.ts';
import { datasetOfPairs } from '../strategies/pair_reversion/dataset/dataset_of_pairs.ts';
import type { EntrantModels } from './entrant_models.ts';
import { figureByDays, type Figure } from '../statistics/standings.ts';

/** Share of the candidates that an entrant may enter: those that it finds the likeliest to revert. */
export const ENTERED_SHARE = 0.2;

/** What trades on the holdout would have earned, at full size, after costs and overnight swaps. */
export interface HoldoutNet {
  /** Entry threshold: a quantile of the entrant's own out-of-fold probabilities; the holdout does not influence it. */
  readonly threshold: number;
  readonly trades: number;
  /** Basis points per trade; the error takes the trades of a UTC day as one block. */
  readonly net_bps: Figure;
  readonly gross_bps: number | null;
  /**
   * Pairs whose trades show an edge by the test of a bundle. Each entrant of a league has a later evaluation of the
   * holdout, so that all of them together show a false one with a probability of at most 5 %.
   */
  readonly edges: readonly string[];
}

/**
 * Trades of AI1 alone: risk and size are the same for every entrant, so that entrants of any calibration are compared
 * on equally many candidates.
 * @param outOfFold probabilities of the training candidates
 * @param nextLook number of the next evaluation of this holdout, from 1
 */
export function holdoutNet(
  dataset: Dataset,
  models: EntrantModels,
  outOfFold: Float64Array,
  settings: Settings,
  nextLook: () => number,
): HoldoutNet {
  const sorted = outOfFold.slice().sort();
  const threshold = sorted[Math.min(sorted.length - 1, Math.floor((1 - ENTERED_SHARE) * sorted.length))]!;
  const columns = dataset.definitions.length;
  const usualRisk = fittedTrees('prior', { link: 'identity', ensembles: [{ columns, baseScore: 0.5, trees: [] }] });
  const trades: FilledTrade[] = [];
  const edges: string[] = [];
  for (const { pairs, fitted } of models) {
    const ids = pairs?.map((pair) => dataset.histories[pair]!.pair.id);
    const proof = proveEdge(
      ids === undefined ? dataset : datasetOfPairs(dataset, ids),
      // Without quantiles every risk has the middle rank.
      {
        ai1: fitted,
        ai2: usualRisk,
        riskQuantiles: [],
        thresholds: { theta1: threshold, theta2: 1 },
        expectation: null,
      },
      settings,
      nextLook,
      () => undefined,
    );
    for (const { id, pair } of proof.pairs) {
      trades.push(...pair.trades);
      if (!proof.edge[id]!.no_edge) edges.push(id);
    }
  }
  const net = Float64Array.from(trades, ({ netBps }) => netBps);
  const time = Float64Array.from(trades, ({ entryTime }) => entryTime);
  return {
    threshold,
    trades: trades.length,
    net_bps: figureByDays(net, time),
    gross_bps: trades.length === 0 ? null : trades.reduce((sum, { grossBps }) => sum + grossBps, 0) / trades.length,
    edges,
  };
}
