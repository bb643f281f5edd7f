import { rescoreBlocks, type CalibratedBlock } from './walk_forward.ts';
import { instrumentRows, type Instrument, type InstrumentRows, type RowsPlan } from './instrument_rows.ts';
import { blockNovelties, type NoveltyLimit, type TestedBlocks } from './block_novelties.ts';
import type { DelayedEdge } from './gates/direction_gate.ts';
import { tradesOfBlocks, type WalkForwardNet } from './direction_net.ts';
import { oneBarLater } from './series_foresight.ts';
import type { InstrumentCosts } from './strategy_backtest.ts';

export interface DelayParts {
  readonly rows: InstrumentRows;
  readonly instruments: readonly Instrument[];
  readonly plan: RowsPlan & Pick<TestedBlocks, 'seed' | 'imported'> & { readonly costs: InstrumentCosts };
  readonly novelty?: NoveltyLimit | undefined;
}

/** Trades of the claimed edges by the same models, thresholds and prices, with every series one bar later. */
export function delayedEdge(
  { rows, instruments, plan, novelty: known }: DelayParts,
  calibrated: readonly CalibratedBlock[],
  { result, thetas, edge, trades }: WalkForwardNet,
): DelayedEdge {
  const { x } = instrumentRows(instruments.map(oneBarLater), plan);
  const blocks = rescoreBlocks(calibrated, x);
  const splits = blocks.map(({ split }) => split);
  const { seed, imported } = plan;
  const novelty = known && { ...known, novelties: blockNovelties({ rows, splits, seed, imported, x }) };
  const delayed = tradesOfBlocks({ rows, instruments, calibrated: blocks, costs: plan.costs, novelty, thetas });
  // Without an edge of an instrument, that of all together is claimed.
  const claimed = Object.keys(edge).filter((symbol) => !edge[symbol]!.no_edge);
  const isClaimed = (symbol: string): boolean => (claimed.length === 0 ? !result.no_edge : claimed.includes(symbol));
  const mean = (of: readonly { readonly pairId: string; readonly netBps: number }[]): number | null => {
    const own = of.filter(({ pairId }) => isClaimed(pairId));
    return own.length === 0 ? null : own.reduce((sum, { netBps }) => sum + netBps, 0) / own.length;
  };
  return {
    net_bps: mean(trades) ?? 0,
    delayed_net_bps: mean(delayed),
    delayed_trades: delayed.filter(({ pairId }) => isClaimed(pairId)).length,
  };
}
