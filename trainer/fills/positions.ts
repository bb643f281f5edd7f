import { groupedBy } from './grouping.ts';
import type { LiveTrade } from './live_trades.ts';

/** One program's handling of one entry of the daemon. */
export interface LivePosition {
  readonly account: string;
  /** Source of its fills: two programs at the same time have two books. */
  readonly place: string;
  readonly positionId: string;
  readonly pairId: string;
  readonly opens: readonly LiveTrade[];
  readonly closes: readonly LiveTrade[];
  readonly refusals: readonly LiveTrade[];
}

export const LEGS = ['A', 'B'] as const;
export type Leg = (typeof LEGS)[number];

/** A broker's lots have at most eight decimals. */
export const LOTS_EPSILON = 1e-6;

/** Fills by book and position, in the order of their first one. */
export function positionsOf(trades: readonly LiveTrade[]): LivePosition[] {
  const groups = groupedBy(trades, (trade) => `${bookOf(trade)} ${trade.position_id}`);
  return [...groups.values()].map((group) => {
    const [{ account, place, position_id: positionId, pair_id: pairId }] = group as [LiveTrade];
    const of = (kind: string): LiveTrade[] => group.filter((trade) => trade.kind === kind);
    return { account, place, positionId, pairId, opens: of('open'), closes: of('close'), refusals: of('refused') };
  });
}

/** Fills of each program: an account, and where it writes. */
export function booksOf(trades: readonly LiveTrade[]): LiveTrade[][] {
  return [...groupedBy(trades, bookOf).values()];
}

const bookOf = ({ account, place }: LiveTrade): string => `${account} ${place}`;

/** Lots of one leg that these fills traded. */
export function lotsOf(fills: readonly LiveTrade[], leg: Leg): number {
  return fills.reduce((sum, fill) => sum + (fill.leg === leg ? fill.lots : 0), 0);
}

/** Returns whether both legs were opened, and closed as far as they were opened. */
export function isClosed({ opens, closes }: LivePosition): boolean {
  return LEGS.every((leg) => {
    const opened = lotsOf(opens, leg);
    return opened > 0 && lotsOf(closes, leg) >= opened - LOTS_EPSILON;
  });
}

/**
 * Start time of each pair for a program, in epoch ms: an ENTER before that, or of a pair without any fill of the
 * program, requires nothing of it. It also reports the pairs it does not follow.
 */
export function followedSince(own: readonly LiveTrade[]): ReadonlyMap<string, number> {
  const since = new Map<string, number>();
  for (const { pair_id, time_ms, signal_ms } of own)
    since.set(pair_id, Math.min(since.get(pair_id) ?? Infinity, signal_ms ?? time_ms));
  return since;
}
