import type { OpenTime } from '../../shared/bar.ts';
import type { Rng } from '../../shared/ports.ts';
import { createRng } from '../../shared/rng.ts';
import { EDGE_LEVEL, lookLevel, pairEdges } from '../../trainer/learning/backtest/edge.ts';
import { TRADE_SHAPES, tradeResults, type TradeShape } from '../../trainer/learning/statistics/simulated_results.ts';
import type { Trade } from '../../trainer/learning/trades/backtest.ts';

const PAIRS = 10;

/** Ten pairs of so many trades; in `edge` standard deviations, or 0, the mean result of the first one. */
export interface EdgePlan {
  readonly shape: TradeShape;
  /** Autocorrelation of consecutive results. */
  readonly memory: number;
  readonly trades: number;
  readonly edge: number;
  /** Whether the loss at a stop is known. */
  readonly stops: boolean;
}

/** How often an evaluation of a holdout finds an edge: any false one, or that of the first pair. */
export interface EdgeRate extends EdgePlan {
  readonly worlds: number;
  readonly found: number;
}

/** What a stop loses: where the shape has no such loss, a standard deviation. */
const STOP: Readonly<Record<TradeShape, number>> = {
  normal: 1,
  heavy: 1,
  skewed: 2,
  exponential: 1,
  lognormal: 0.6,
  stops: 4,
  rare: 9,
};

const STOPS = [true, false] as const;
const TRADES = [20, 40, 100] as const;
const POWER = [
  [20, 0.8],
  [20, 1.2],
  [40, 0.5],
  [40, 0.8],
  [100, 0.3],
  [200, 0.3],
  [500, 0.3],
] as const;

/** False edges in every shape, independent and not; then the power to find a planted one in normal results. */
export const EDGE_PLANS: readonly EdgePlan[] = [
  ...(Object.keys(TRADE_SHAPES) as TradeShape[]).flatMap((shape) =>
    [0, 0.3].flatMap((memory) =>
      TRADES.flatMap((trades) => STOPS.map((stops) => ({ shape, memory, trades, edge: 0, stops }))),
    ),
  ),
  ...POWER.flatMap(([trades, edge]) =>
    STOPS.map((stops) => ({ shape: 'normal' as const, memory: 0, trades, edge, stops })),
  ),
];

/** False edges at the level of all looks together, planted ones at that of a first look. */
export function edgeRate(plan: EdgePlan, worlds: number): EdgeRate {
  const { shape, memory, trades, edge } = plan;
  const level = edge === 0 ? EDGE_LEVEL : lookLevel(1);
  const rng = createRng(`edge ${shape} ${memory} ${trades} ${edge}`);
  let found = 0;
  for (let world = 0; world < worlds; world++) {
    const pairs = Array.from({ length: PAIRS }, (_, i) => [`P${i}`, tradesOf(plan, i === 0 ? edge : 0, rng)] as const);
    const edges = pairEdges(Object.fromEntries(pairs), level);
    if (edge === 0 ? Object.values(edges).some(({ no_edge }) => !no_edge) : !edges['P0']!.no_edge) found++;
  }
  return { ...plan, worlds, found };
}

function tradesOf({ shape, memory, trades, stops }: EdgePlan, edge: number, rng: Rng): Trade[] {
  return Array.from(tradeResults(shape, trades, memory, rng), (result, i): Trade => {
    const netBps = result + edge;
    return {
      pairId: 'AAA_BBB',
      side: 1,
      entryTime: (i * 600) as OpenTime,
      exitTime: (i * 600 + 300) as OpenTime,
      reason: 'Z_EXIT',
      grossBps: netBps,
      netBps,
      ...(stops && { stopBps: STOP[shape] }),
    };
  });
}
