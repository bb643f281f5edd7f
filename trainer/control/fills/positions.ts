import { currenciesIn, moneyOf } from '../../../shared/fill/money.ts';
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

/** Fills of one program whose money may be added up. */
export interface MoneyBook {
  /** Empty where no fill names one. */
  readonly currency: string;
  readonly trades: readonly LiveTrade[];
  /** Positions whose fills are in several currencies: they have no result, and are in no book. */
  readonly mixed: number;
}

/**
 * The fills of one program by the currency of their positions, that of most fills first: an account has one, and a
 * program that reports another has no sum of the two.
 */
export function moneyBooksOf(own: readonly LiveTrade[]): MoneyBook[] {
  const currencies = currenciesIn(own);
  if (currencies.length < 2) return [{ currency: currencies[0] ?? '', trades: own, mixed: 0 }];
  const fillsIn = (currency: string): number => own.filter((fill) => fill.currency === currency).length;
  const byCount = [...currencies].sort((a, b) => fillsIn(b) - fillsIn(a));
  const byPosition = Map.groupBy(own, ({ position_id }) => position_id);
  const currencyOf = ({ position_id }: LiveTrade): string | null => {
    const [first = byCount[0]!, ...others] = currenciesIn(byPosition.get(position_id)!);
    return others.length > 0 ? null : first;
  };
  const mixed = [...byPosition.values()].filter(([first]) => currencyOf(first!) === null).length;
  return byCount.map((currency, index) => ({
    currency,
    trades: own.filter((fill) => currencyOf(fill) === currency),
    mixed: index === 0 ? mixed : 0,
  }));
}

/** Whether a position earned anything; null where its legs did so in several currencies, of which one was lost. */
export function isWon({ closes }: Pick<LivePosition, 'closes'>): boolean | null {
  const results = Object.values(moneyOf(closes));
  const wins = results.filter((sum) => sum > 0).length;
  return wins > 0 && wins < results.length ? null : wins > 0;
}

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
