import type { LiveTrade } from './live_trades.ts';

/** One program's position for one entry of the daemon. */
export interface LivePosition {
  readonly account: string;
  /** Source of the fills: two concurrent programs have two books. */
  readonly place: string;
  readonly positionId: string;
  readonly pairId: string;
  readonly opens: readonly LiveTrade[];
  readonly closes: readonly LiveTrade[];
  readonly refusals: readonly LiveTrade[];
}

export const LEGS = ['A', 'B'] as const;
export type Leg = (typeof LEGS)[number];

/** Tolerance for lots, which have at most eight decimals. */
export const LOTS_EPSILON = 1e-6;

/** Fills by book and position, ordered by the first fill. */
export function positionsOf(trades: readonly LiveTrade[]): LivePosition[] {
  const groups = Map.groupBy(trades, (trade) => `${bookOf(trade)} ${trade.position_id}`);
  return [...groups.values()].map((group) => {
    const [{ account, place, position_id: positionId, pair_id: pairId }] = group as [LiveTrade];
    const of = (kind: string): LiveTrade[] => group.filter((trade) => trade.kind === kind);
    return { account, place, positionId, pairId, opens: of('open'), closes: of('close'), refusals: of('refused') };
  });
}

/** Fills by program: account and file. */
export function booksOf(trades: readonly LiveTrade[]): LiveTrade[][] {
  return [...Map.groupBy(trades, bookOf).values()];
}

const bookOf = ({ account, place }: LiveTrade): string => `${account} ${place}`;

/** Lots of one leg that these fills traded. */
export function lotsOf(fills: readonly LiveTrade[], leg: Leg): number {
  return fills.reduce((sum, fill) => sum + (fill.leg === leg ? fill.lots : 0), 0);
}

/** Whether both legs were opened, and closed completely. */
export function isClosed({ opens, closes }: LivePosition): boolean {
  return LEGS.every((leg) => {
    const opened = lotsOf(opens, leg);
    return opened > 0 && lotsOf(closes, leg) >= opened - LOTS_EPSILON;
  });
}

/**
 * Time from which a program follows each pair, in epoch ms: an earlier ENTER, or one of a pair without any fill of the
 * program, requires nothing of it. Includes pairs that it does not follow.
 */
export function followedSince(own: readonly LiveTrade[]): ReadonlyMap<string, number> {
  const since = new Map<string, number>();
  for (const { pair_id, time_ms, signal_ms } of own)
    since.set(pair_id, Math.min(since.get(pair_id) ?? Infinity, signal_ms ?? time_ms));
  return since;
}
