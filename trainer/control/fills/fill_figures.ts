import { barMinutesOf } from '../../../shared/pair.ts';
import type { JournaledSignal } from './journal_signals.ts';
import type { LiveTrade } from './live_trades.ts';
import { moneyOf, type Money } from '../../../shared/fill/money.ts';
import { booksOf, followedSince, isClosed, isWon, positionsOf } from './positions.ts';
import { meanOrNull } from '../../../shared/statistics.ts';

/** Figures of a pair, or of all together, on one account. null: not computable. */
export interface FillFigures {
  /** Opened positions, and those of them that were closed. */
  readonly opened: number;
  readonly closed: number;
  /**
   * Share of closed positions with a positive result of both legs together, after costs; one whose legs won and lost in
   * several currencies does not count.
   */
  readonly win_rate: number | null;
  /** Sum of the results of closed positions, by account currency. */
  readonly pnl: Money;
  readonly fills: number;
  /** Mean and 95th percentile of the difference of fills to the requested price, in basis points; positive is worse. */
  readonly slippage_bps: number | null;
  readonly slippage_bps_p95: number | null;
  /**
   * Mean difference of fills to the bar's close named by the signal: spread, slippage and delay together (Perold 1988);
   * positive is worse.
   */
  readonly shortfall_bps: number | null;
  /** From publication of a signal to its fill, for fills with a signal. */
  readonly latency_ms_p50: number | null;
  readonly latency_ms_p95: number | null;
  /** ENTER signals that the account could have followed, and those that it did not open. */
  readonly enters: number;
  readonly refused: number;
  /** refused / enters. */
  readonly refusal_rate: number | null;
}

export interface AccountFigures {
  readonly total: FillFigures;
  readonly pairs: Readonly<Record<string, FillFigures>>;
}

export interface FiguresInput {
  /** Trades of one market. */
  readonly trades: readonly LiveTrade[];
  /** ENTER signals of that market. */
  readonly entries: readonly JournaledSignal[];
  readonly nowMs: number;
  /** Wall-clock time of one bar of this market. */
  readonly barMs: number;
  /** Time after which a fill counts as missing. */
  readonly settleMs: number;
}

/**
 * Outcome of signals at the accounts. An ENTER counts for a program from the program's first line about that pair on,
 * once its maximum age is over or it was answered: an absent program refused nothing. Pure.
 * @param accountOf `accountIdOf`, or `kindOf` where it is asked what the signals were worth, on whatever accounts
 */
export function fillFigures(
  input: FiguresInput,
  accountOf: (trade: LiveTrade) => string,
): Readonly<Record<string, AccountFigures>> {
  const accounts = [...new Set(input.trades.map(accountOf))].sort();
  return Object.fromEntries(
    accounts.map((account): [string, AccountFigures] => {
      const own = input.trades.filter((trade) => accountOf(trade) === account);
      const entries = booksOf(own).flatMap((book) => followable(input, book));
      const ids = [...new Set(own.map(({ pair_id }) => pair_id))].sort();
      const pairs = ids.map((id): [string, FillFigures] => [
        id,
        figuresOf(
          own.filter(({ pair_id }) => pair_id === id),
          entries.filter(({ pairId }) => pairId === id),
        ),
      ]);
      return [account, { total: figuresOf(own, entries), pairs: Object.fromEntries(pairs) }];
    }),
  );
}

/** paper, demo or real. */
export const kindOf = ({ account }: LiveTrade): string => account;

/** An ENTER that a program could have followed. */
interface Asked {
  readonly pairId: string;
  readonly isOpened: boolean;
}

/** Entries for which it is decided whether this program followed them. */
function followable({ entries, nowMs, barMs, settleMs }: FiguresInput, own: readonly LiveTrade[]): Asked[] {
  const since = followedSince(own);
  const answered = new Set(own.map(({ position_id }) => position_id));
  const opened = new Set(own.filter(({ kind }) => kind === 'open').map(({ position_id }) => position_id));
  return entries
    .filter(
      ({ body, generatedAtMs }) =>
        generatedAtMs >= (since.get(body.pair_id) ?? Infinity) &&
        (answered.has(body.signal_id) ||
          generatedAtMs + body.max_age_bars * barMinutesOf(body.pair_id) * barMs + settleMs <= nowMs),
    )
    .map(({ body }) => ({ pairId: body.pair_id, isOpened: opened.has(body.signal_id) }));
}

function figuresOf(trades: readonly LiveTrade[], entries: readonly Asked[]): FillFigures {
  const positions = positionsOf(trades).filter(({ opens }) => opens.length > 0);
  const closed = positions.filter(isClosed);
  const fills = trades.filter(({ kind }) => kind !== 'refused');
  const slippages = sorted(fills.flatMap(({ slippage_bps }) => slippage_bps ?? []));
  const shortfalls = fills.flatMap(shortfallOf);
  const latencies = sorted(fills.flatMap(({ latency_ms }) => latency_ms ?? []));
  const refused = entries.filter(({ isOpened }) => !isOpened).length;
  return {
    opened: positions.length,
    closed: closed.length,
    win_rate: meanOrNull(closed.flatMap((position) => (isWon(position) === null ? [] : Number(isWon(position))))),
    pnl: moneyOf(closed.flatMap(({ closes }) => closes)),
    fills: fills.length,
    slippage_bps: meanOrNull(slippages),
    slippage_bps_p95: quantileOf(slippages, 0.95),
    shortfall_bps: meanOrNull(shortfalls),
    latency_ms_p50: quantileOf(latencies, 0.5),
    latency_ms_p95: quantileOf(latencies, 0.95),
    enters: entries.length,
    refused,
    refusal_rate: entries.length === 0 ? null : refused / entries.length,
  };
}

/** Shortfall of a fill against the close in its signal, in basis points; empty without a signal. */
export function shortfallOf({ side, filled_price, signal_price, signal_ms }: LiveTrade): number[] {
  // A fill without a signal has no signal price.
  if (filled_price === null || signal_price === null || signal_ms === null) return [];
  return [(filled_price / signal_price - 1) * 10_000 * (side === 'BUY' ? 1 : -1)];
}

const sorted = (values: readonly number[]): number[] => [...values].sort((a, b) => a - b);

/** The smallest value with at least a share `q` at or below it. @param ascending sorted */
function quantileOf(ascending: readonly number[], q: number): number | null {
  return ascending[Math.max(0, Math.ceil(q * ascending.length) - 1)] ?? null;
}
