import type { PairEdge } from '../../../shared/bundle/manifest.ts';
import { meanOf } from '../../../shared/statistics.ts';
import { holm } from '../statistics/holm.ts';
import type { Trade } from '../trades/backtest.ts';
import { allowedLosses, edgeTest } from './edge_test.ts';

/** With fewer trades no edge is shown. */
export const MIN_TRADES = 20;
/** Probability of any false edge among the pairs of one evaluation of a holdout, and among all evaluations of it. */
export const EDGE_LEVEL = 0.05;
/** Of the first look; all later ones share the rest. */
const FIRST_LOOK_LEVEL = 0.04;

/**
 * Probability of any false edge that an evaluation of a holdout may have, from 1: 4 %, then 1 % / (k · (k − 1)) at the
 * k-th look, so that all of them together stay at `EDGE_LEVEL`, however many follow.
 */
export function lookLevel(look: number): number {
  if (!(Number.isInteger(look) && look >= 1)) throw new RangeError(`evaluation ${look} of a holdout`);
  return look === 1 ? FIRST_LOOK_LEVEL : (EDGE_LEVEL - FIRST_LOOK_LEVEL) / (look * (look - 1));
}

/**
 * Which pairs’ trades show an edge after costs, on bars unseen by any choice: the mean net P&L per trade is above 0 by
 * `edgeTest`. Over all pairs with enough trades, a single false edge has a probability of at most `level` (Holm's
 * step-down adjustment).
 * @param pairs trades in order of time
 * @returns with the bound of each pair at its step of the adjustment, which is above 0 where there is an edge
 */
export function pairEdges(pairs: Readonly<Record<string, readonly Trade[]>>, level: number): Record<string, PairEdge> {
  const ids = Object.keys(pairs);
  const losses = allowedLosses(ids.map((id) => pairs[id]!));
  const tested = ids.flatMap((id, i) => {
    const trades = pairs[id]!;
    const loss = losses[i]!;
    const test = trades.length < MIN_TRADES ? null : edgeTest(trades, { loss });
    return test === null ? [] : [{ id, test, loss }];
  });
  const adjusted = holm(tested.map(({ test }) => test.p));
  const isEdge = adjusted.map((p) => p < level);
  const found = isEdge.filter(Boolean).length;
  const smaller = (p: number): number => tested.filter(({ test }) => test.p < p).length;
  const results = new Map(
    tested.map(({ id, test, loss }, i) => {
      const own = level / (tested.length - (isEdge[i]! ? smaller(test.p) : found));
      const bound = test.lowerBound(own);
      return [id, { isEdge: isEdge[i]!, p: test.p, adjusted: adjusted[i]!, level: own, bound, loss }];
    }),
  );
  return Object.fromEntries(
    ids.map((id): [string, PairEdge] => {
      const result = results.get(id);
      return [
        id,
        {
          no_edge: result?.isEdge !== true,
          ...tradeFigures(pairs[id]!),
          lower_5_net_bps: result?.bound ?? null,
          ...(result && {
            p: result.p,
            adjusted_p: result.adjusted,
            bound_level: result.level,
            allowed_loss_bps: result.loss,
          }),
        },
      ];
    }),
  );
}

type TradeFigures = Pick<PairEdge, 'trades' | 'wins' | 'mean_gross_bps' | 'mean_net_bps'>;

function tradeFigures(trades: readonly Trade[]): TradeFigures {
  const n = trades.length;
  if (n === 0) return { trades: 0, wins: 0, mean_gross_bps: null, mean_net_bps: null };
  return {
    trades: n,
    wins: trades.filter(({ netBps }) => netBps > 0).length,
    mean_gross_bps: meanOf(trades.map(({ grossBps }) => grossBps)),
    mean_net_bps: meanOf(trades.map(({ netBps }) => netBps)),
  };
}
