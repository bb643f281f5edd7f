import { meanOf } from '../../../shared/statistics.ts';
import type { Blocks } from '../statistics/block_bootstrap.ts';
import { meanTest, meanTestOf, type MeanTest } from '../statistics/mean_test.ts';
import { unseenLossTest } from '../statistics/unseen_loss.ts';
import type { Trade } from '../trades/backtest.ts';

/**
 * A trade may lose this many times what its stop loses. Of 33,582 entries of every candidate of ten pairs in eight
 * months of real bars, one in a thousand lost more than 3.1 stops, costs included; gaps make the rest.
 */
const LEAST_STOPS = 3;
/** The share of trades that may have lost more, before the loss of all is taken to be larger. */
const BEYOND = 0.01;
/** In mean gains: a loss that takes back nine gains, once in ten trades, leaves no edge. */
const LEAST_GAINS = 9;
/**
 * Of trades that never came near their stop, in how far the farthest was behind. Of tails that fall as the square of
 * the distance, or faster, what lies farther out costs the mean less than one loss of this size.
 */
const LEAST_EXCURSIONS = 3;

/** Of a trade, what the test of an edge reads. */
export type TestedTrade = Pick<Trade, 'netBps' | 'stopBps' | 'adverseBps'>;

/**
 * The loss of a single trade, basis points, that the edge of each group has to allow for though none was seen: of
 * trades with stops three mean stops, or as many as one in a hundred of the trades of all groups exceeds, if these are
 * more; of others nine mean gains, or as many as the largest loss in any such group takes back: what one of them has
 * lost the others may lose, though they have not. A stop that is too far away to be met promises no loss: of trades
 * with stops it is not more than nine mean gains, or three times how far any of their kind was behind, if that is more.
 */
export function allowedLosses(groups: readonly (readonly TestedTrade[])[]): number[] {
  const lost = Float64Array.from(
    groups.flatMap((trades) => trades.filter(hasStop).map(({ netBps, stopBps }) => -netBps / stopBps)),
  ).sort();
  const stops = Math.max(LEAST_STOPS, lost.at(-1 - Math.floor(BEYOND * lost.length)) ?? 0);
  const gains = groups.map(meanGain);
  const taken = groups.map((trades, i) => (isStopped(trades) || gains[i] === 0 ? 0 : largestLoss(trades) / gains[i]!));
  const most = Math.max(LEAST_GAINS, ...taken);
  const behind = groups.map((trades, i) => (gains[i] === 0 ? 0 : (LEAST_EXCURSIONS * farthest(trades)) / gains[i]!));
  const far = Math.max(LEAST_GAINS, ...behind.filter((_, i) => isStopped(groups[i]!)));
  return groups.map((trades, i) => {
    if (!isStopped(trades)) return most * gains[i]!;
    const byStops = stops * mean(trades.filter(hasStop).map(({ stopBps }) => stopBps));
    return gains[i] === 0 ? byStops : Math.min(byStops, far * gains[i]!);
  });
}

function isStopped(trades: readonly TestedTrade[]): boolean {
  return trades.length > 0 && trades.every(hasStop);
}

function meanGain(trades: readonly TestedTrade[]): number {
  return mean(trades.flatMap(({ netBps }) => (netBps > 0 ? [netBps] : [])));
}

/** 0 where nothing was lost. */
function largestLoss(trades: readonly TestedTrade[]): number {
  return trades.reduce((most, { netBps }) => Math.max(most, -netBps), 0);
}

/** How far a trade was behind, or what it lost; infinite where that is not known. */
function farthest(trades: readonly TestedTrade[]): number {
  return trades.reduce((most, { netBps, adverseBps = Infinity }) => Math.max(most, adverseBps, -netBps), 0);
}

export interface EdgeTestOptions {
  /** Of a single trade to allow for, basis points (`allowedLosses`); absent: that of these trades. */
  readonly loss?: number;
  /** Results in order of time; absent: each trade is one. */
  readonly blocks?: Blocks;
}

/**
 * Test of the mean net result per trade against 0: `meanTest` of the blocks, which knows dependence and what was seen,
 * and `unseenLossTest` of the trades, which knows what may not have been. Both must reject, and the lower of the two
 * bounds counts.
 * @returns null with too few blocks
 */
export function edgeTest(trades: readonly TestedTrade[], { loss, blocks }: EdgeTestOptions = {}): MeanTest | null {
  const results = trades.map(({ netBps }) => netBps);
  const seen = blocks === undefined ? meanTestOf(results) : meanTest(blocks);
  if (seen === null) return null;
  const unseen = unseenLossTest(results, loss ?? allowedLosses([trades])[0]!);
  return {
    ...seen,
    p: Math.max(seen.p, unseen.p),
    lowerBound: (level) => unseen.lowerBound(level, seen.lowerBound(level)),
  };
}

function hasStop(trade: TestedTrade): trade is TestedTrade & { readonly stopBps: number } {
  return trade.stopBps !== undefined && trade.stopBps > 0;
}

function mean(values: readonly number[]): number {
  return values.length === 0 ? 0 : meanOf(values);
}
