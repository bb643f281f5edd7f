import { meanOrNull } from '../../../shared/statistics.ts';
import type { Trade } from '../trades/backtest.ts';
import { lookLevel } from './edge.ts';
import { judgeClaims } from './edge_claims.ts';
import { allowedLosses } from './edge_test.ts';
import { daysTest, type TradeDays } from './net_interval.ts';

/** Whether trades of a period show an edge after costs. Basis points per trade at full size. */
export interface PeriodClaim {
  readonly no_edge: boolean;
  readonly trades: number;
  readonly net_bps: number | null;
  /** At the level at which the claim was tested; null without a test: too few trades or trading days. */
  readonly lower_net_bps: number | null;
  /** Adjusted for all claims of the bundle (Holm); null without a test. */
  readonly p_value: number | null;
}

/** What the trades of a bundle claim, at the level of this look at the bars. */
export interface PeriodEdge {
  /** Number of this look, from 1, and the probability of a single false edge that it may have. */
  readonly look: number;
  readonly level: number;
  /** Of each pair, as if it had an edge. */
  readonly pairs: Readonly<Record<string, PeriodClaim>>;
  /** Of all of them together, and of those that the bundle publishes. */
  readonly all_pairs: PeriodClaim;
  readonly edge_pairs: PeriodClaim;
}

/** Trades of a pair as if it had an edge, and as published. */
export interface ClaimingPair {
  readonly id: string;
  readonly all: TradeDays;
  readonly published: TradeDays;
}

/** Of a trade, what makes two results the same look. */
export type LookedTrade = Pick<Trade, 'pairId' | 'side' | 'entryTime' | 'exitTime' | 'netBps'>;

/** First and last bar that were decided on, epoch seconds, and the trades between them. */
export interface PeriodLook {
  readonly from: number;
  readonly to: number;
  readonly trades: readonly LookedTrade[];
}

/**
 * Claims of each pair, of all together, and of those with an edge by the bundle, in one family: a single false one has
 * a probability of at most the level of the evaluation. Trading days are the blocks of the tests.
 * @param dayIndices the trading days that have bars
 * @param look at these bars, from 1
 */
export function periodEdge(pairs: readonly ClaimingPair[], dayIndices: readonly number[], look: number): PeriodEdge {
  const own = pairs.map(({ all }) => [all]);
  const all = pairs.map((pair) => pair.all);
  const published = pairs.map((pair) => pair.published).filter(({ trades }) => trades.length > 0);
  const groups: (readonly TradeDays[])[] = [...own];
  /** A group with the trades of an earlier one is that claim. */
  const place = (group: readonly TradeDays[]): number => {
    const known = groups.findIndex((other) => isSame(other, group));
    return known >= 0 ? known : groups.push(group) - 1;
  };
  const places = { all_pairs: place(all), edge_pairs: place(published) };
  const losses = allowedLosses(groups.map((group) => group.flatMap(({ trades }) => trades)));
  const tests = groups.map((group, i) => daysTest(group, dayIndices, losses[i]!));
  const tested = [...tests.keys()].filter((i) => tests[i] !== null);
  const level = lookLevel(look);
  const judged = judgeClaims(
    tested.map((i) => tests[i]!),
    1,
    level,
  );
  const claims = groups.map((group, i): PeriodClaim => {
    const claim = judged[tested.indexOf(i)];
    const results = group.flatMap(({ trades }) => trades.map(({ netBps }) => netBps));
    return {
      no_edge: claim?.no_edge ?? true,
      trades: results.length,
      net_bps: meanOrNull(results),
      lower_net_bps: claim?.lower_net_bps ?? null,
      p_value: claim?.p_value ?? null,
    };
  });
  return {
    look,
    level,
    pairs: Object.fromEntries(pairs.map(({ id }, i) => [id, claims[i]!])),
    all_pairs: claims[places.all_pairs]!,
    edge_pairs: claims[places.edge_pairs]!,
  };
}

function isSame(a: readonly TradeDays[], b: readonly TradeDays[]): boolean {
  const results = (group: readonly TradeDays[]): readonly number[] =>
    group.flatMap(({ trades }) => trades.map(({ netBps }) => netBps));
  const ofA = results(a);
  const ofB = results(b);
  return ofA.length === ofB.length && ofA.every((value, i) => value === ofB[i]);
}
