import type { PairEdge } from '../../shared/bundle/manifest.ts';
import { createRng } from '../../shared/rng.ts';
import type { Trade } from './backtest.ts';

const RESAMPLES = 2000;
const LOWER_SHARE = 0.05;
/** With fewer trades a bootstrap is meaningless and no edge is shown. */
export const MIN_TRADES = 20;

/**
 * Whether a pair's trades, on bars unseen by any choice, show an edge after costs: the lower 5 % bound of a
 * moving-block bootstrap (Künsch 1989; blocks of √n trades in order of time) of the mean net P&L per trade is above
 * zero.
 */
export function pairEdge(trades: readonly Trade[], seed: string): PairEdge {
  const n = trades.length;
  if (n === 0)
    return { no_edge: true, trades: 0, wins: 0, mean_gross_bps: null, mean_net_bps: null, lower_5_net_bps: null };
  const net = trades.map(({ netBps }) => netBps);
  const mean_gross_bps = mean(trades.map(({ grossBps }) => grossBps));
  const mean_net_bps = mean(net);
  const wins = net.filter((bps) => bps > 0).length;
  if (n < MIN_TRADES) return { no_edge: true, trades: n, wins, mean_gross_bps, mean_net_bps, lower_5_net_bps: null };
  const lower_5_net_bps = bootstrapLowerMean(net, seed);
  return { no_edge: !(lower_5_net_bps > 0), trades: n, wins, mean_gross_bps, mean_net_bps, lower_5_net_bps };
}

function bootstrapLowerMean(values: readonly number[], seed: string): number {
  const rng = createRng(seed);
  const n = values.length;
  const block = Math.max(1, Math.floor(Math.sqrt(n)));
  const means = Float64Array.from({ length: RESAMPLES }, () => {
    let sum = 0;
    for (let taken = 0; taken < n;) {
      const start = rng.integer(n - block + 1);
      for (let i = 0; i < block && taken < n; i++, taken++) sum += values[start + i]!;
    }
    return sum / n;
  }).sort();
  return means[Math.floor(LOWER_SHARE * RESAMPLES)]!;
}

function mean(values: readonly number[]): number {
  return values.reduce((sum, value) => sum + value, 0) / values.length;
}
