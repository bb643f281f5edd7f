import { HIGHEST_PRICE, LOWEST_PRICE } from '../../shared/bar_rules.ts';
import { barMinutesOf } from '../../shared/pair.ts';
import { FILL_SCHEMA, latencyMs, MAX_LOTS, slippageBps, type Fill } from '../../shared/fill/fill.ts';
import { quotedPrice } from '../../shared/fill/quoted_price.ts';
import type { Order } from '../../shared/signal/consumer.ts';
import { validIntervals, type MarketKind, type Signal } from '../../shared/signal/signal.ts';

/** Costs of a symbol, in basis points; as `symbols` of config/minutehand.yaml. */
export interface PaperCosts {
  /** The full quoted spread: half of it is paid at each side. */
  readonly spread_bps: number;
  readonly slippage_bps: number;
  readonly commission_bps: number;
}

export interface PaperRules {
  readonly costs: Readonly<Record<string, PaperCosts>>;
  /** Of all pairs together at the beginning. */
  readonly equity: number;
  /** Gross notional of both legs as a share of the equity, at a position_scale of 1. */
  readonly risk: number;
  readonly maxOpenPairs: number;
  /** Share by which leg B may miss its hedge for whole steps of lots. */
  readonly maxHedgeError: number;
  readonly currency: string;
}

export interface HeldLeg {
  readonly symbol: string;
  readonly side: 1 | -1;
  readonly lots: number;
  /** It was opened at. */
  readonly price: number;
}

export interface HeldPosition {
  readonly positionId: string;
  readonly openedMs: number;
  readonly maxAgeBars: number;
  /** Wall-clock time of a bar. */
  readonly barMs: number;
  readonly legs: readonly [HeldLeg, HeldLeg];
}

/** Position and state of one pair of one market. Plain data. */
export interface PaperBook {
  readonly held: HeldPosition | null;
  /** Closes of the last bar. */
  readonly prices: readonly [number, number] | null;
  readonly realised: number;
  /** Of the next order. */
  readonly ticket: number;
}

/** Market and time of a trade. */
export interface PaperMoment {
  readonly pairId: string;
  readonly market: MarketKind;
  readonly nowMs: number;
}

const LEG_NAMES = ['A', 'B'] as const;
const LOT_STEP = 0.01;
/** As `beta_max` of core_policy.yaml allows. */
const GREATEST_BETA = 1000;
/** A running daemon sends MAX_AGE itself. */
const GRACE_BARS = 2;
const LIVE_MINUTE_MS = 60_000;

/** Unrealized profit of the pair at the last closes, without slippage and commission. */
export function floatingPnl({ held, prices }: PaperBook, rules: PaperRules): number {
  if (held === null || prices === null) return 0;
  return held.legs.reduce((sum, leg, index) => {
    const price = quotedPrice(prices[index]!, opposite(leg.side), rules.costs[leg.symbol]!);
    return sum + leg.side * (price - leg.price) * leg.lots;
  }, 0);
}

/** Returns whether its own maximum age has come, in wall-clock time: nothing has closed it. */
export function isTooOld({ openedMs, maxAgeBars, barMs }: HeldPosition, nowMs: number): boolean {
  return nowMs - openedMs > (maxAgeBars + GRACE_BARS) * barMs;
}

/** Wall-clock distance of the pair's bars: live, its timeframe; elsewhere derived from a signal's validity. */
function barMsOf({ pair_id, valid_until_ms, generated_at_ms }: Signal, { market }: PaperMoment): number {
  const minutes = barMinutesOf(pair_id);
  if (market === 'live') return minutes * LIVE_MINUTE_MS;
  return ((valid_until_ms - generated_at_ms) * minutes) / validIntervals(minutes);
}

/** Sets the prices of this signal in the book; prices that no account can be kept with leave the last ones there. */
export function withPrices(book: PaperBook, { price_a, price_b }: Signal): PaperBook {
  return isPrice(price_a) && isPrice(price_b) ? { ...book, prices: [price_a, price_b] } : book;
}

function isPrice(price: number | null): price is number {
  return price !== null && price >= LOWEST_PRICE && price <= HIGHEST_PRICE;
}

/** An entry that a signal asks for. */
export interface PaperEntry {
  readonly order: Extract<Order, { order: 'open' }>;
  readonly signal: Signal;
  /** Why no entry is followed now, or empty. */
  readonly refusal: string;
  /** Of the account, before the entry. */
  readonly equity: number;
  readonly rules: PaperRules;
  readonly moment: PaperMoment;
}

/**
 * Opens both legs at once, or none and returns the reason: at the closes of the signal's bar, half the spread and the
 * slippage worse. A lot is one unit of the symbol, and prices count as money of the account, so the notional is `lots ·
 * price`.
 *
 * Both legs together have the notional equity · risk · scale, as in a backtest: A has the share 1 / (1 + |β|), rounded
 * down to steps of 0.01 lots, and B |β| times the notional of A, to the nearest step.
 */
export function openPaper(
  book: PaperBook,
  { order, signal, refusal, equity, rules, moment }: PaperEntry,
): { book: PaperBook; fills: Fill[] } {
  const hasPrices = isPrice(signal.price_a) && isPrice(signal.price_b);
  const why = refusal === '' && !hasPrices ? 'PRICE_RANGE' : refusal;
  const sizes = why === '' ? sizesOf(book, order, equity, rules) : why;
  const head = headOf(order.positionId, order.positionId, signal.generated_at_ms, rules, moment);
  if (typeof sizes === 'string') return { book: nextTicket(book), fills: [refusedFill(head, sizes, book.ticket)] };
  const legs = order.legs.map(({ symbol, side: way }, index): HeldLeg & { fill: Fill } => {
    const side = way === 'BUY' ? 1 : -1;
    const { requested, filled } = trade(book.prices![index]!, side, rules.costs[symbol]!);
    const fill: Fill = {
      ...head,
      kind: 'open',
      reason: 'ENTRY',
      leg: LEG_NAMES[index]!,
      symbol,
      broker_symbol: symbol,
      side: way,
      ticket: book.ticket + index,
      lots: sizes[index]!,
      requested_price: requested,
      filled_price: filled,
      slippage_bps: slippageBps(way, requested, filled),
      pnl: null,
      error: '',
    };
    return { symbol, side, lots: sizes[index]!, price: filled, fill };
  });
  const [a, b] = legs.map(({ fill: _fill, ...leg }) => leg) as [HeldLeg, HeldLeg];
  const barMs = barMsOf(signal, moment);
  const held = {
    positionId: order.positionId,
    openedMs: moment.nowMs,
    maxAgeBars: order.maxAgeBars,
    barMs,
    legs: [a, b] as const,
  };
  return { book: { ...book, held, ticket: book.ticket + legs.length }, fills: legs.map(({ fill }) => fill) };
}

/**
 * Closes both legs at the closes of the last received bar, half the spread and the slippage worse; the profit is net of
 * the commission of both sides.
 * @param cause the signal that requires it; null = this program's own decision
 */
export function closePaper(
  book: PaperBook,
  reason: string,
  cause: Pick<Signal, 'signal_id' | 'generated_at_ms'> | null,
  rules: PaperRules,
  moment: PaperMoment,
): { book: PaperBook; fills: Fill[] } {
  const { held, prices } = book;
  if (held === null || prices === null) return { book, fills: [] };
  const head = headOf(cause?.signal_id ?? held.positionId, held.positionId, cause?.generated_at_ms ?? 0, rules, moment);
  const fills = held.legs.map((leg, index): Extract<Fill, { kind: 'close' }> => {
    const costs = rules.costs[leg.symbol]!;
    const side = opposite(leg.side);
    const { requested, filled } = trade(prices[index]!, side, costs);
    const commission = ((leg.price + filled) * leg.lots * costs.commission_bps) / 10_000;
    const way = side > 0 ? 'BUY' : 'SELL';
    return {
      ...head,
      kind: 'close',
      reason,
      leg: LEG_NAMES[index]!,
      symbol: leg.symbol,
      broker_symbol: leg.symbol,
      side: way,
      ticket: book.ticket + index,
      lots: leg.lots,
      requested_price: requested,
      filled_price: filled,
      slippage_bps: slippageBps(way, requested, filled),
      pnl: leg.side * (filled - leg.price) * leg.lots - commission,
      error: '',
    };
  });
  const realised = book.realised + fills.reduce((sum, { pnl }) => sum + pnl, 0);
  return { book: { ...book, held: null, realised, ticket: book.ticket + fills.length }, fills };
}

function sizesOf(
  { prices }: PaperBook,
  { legs, scale }: Extract<Order, { order: 'open' }>,
  equity: number,
  { risk, maxHedgeError }: PaperRules,
): readonly [number, number] | string {
  const beta = legs[1]!.weight;
  if (!(beta > 0 && beta <= GREATEST_BETA)) return `SIZE_BETA ${beta}`;
  if (prices === null) return 'SIZE_UNKNOWN';
  const ratio = (beta * prices[0]) / prices[1];
  const wantedA = (equity * risk * scale) / (1 + beta) / prices[0];
  if (!(wantedA > 0)) return 'SIZE_UNKNOWN';
  if (!(Math.max(wantedA, wantedA * ratio) <= MAX_LOTS)) return 'SIZE_ABOVE_MAXIMUM';
  const lotsA = steps(wantedA, 0);
  const wantedB = lotsA * ratio;
  const lotsB = steps(wantedB, 0.5);
  if (lotsA < LOT_STEP) return `SIZE_BELOW_MINIMUM A ${wantedA.toFixed(6)}`;
  if (lotsB < LOT_STEP) return `SIZE_BELOW_MINIMUM B ${wantedB.toFixed(6)}`;
  const error = lotsB / wantedB - 1;
  return Math.abs(error) > maxHedgeError ? `SIZE_HEDGE_ERROR ${error.toFixed(3)}` : [lotsA, lotsB];
}

/** Whole steps of lots; `up` is added before truncation. */
function steps(lots: number, up: number): number {
  // A hair, so that 0.3 / 0.01 is 30 steps and not 29.
  return Number((Math.floor(lots / LOT_STEP + up + 1e-6) * LOT_STEP).toFixed(8));
}

function trade(middle: number, side: 1 | -1, costs: PaperCosts): { requested: number; filled: number } {
  const requested = quotedPrice(middle, side, costs);
  return { requested, filled: requested * (1 + (side * costs.slippage_bps) / 10_000) };
}

type Head = Pick<
  Fill,
  | 'schema'
  | 'signal_id'
  | 'position_id'
  | 'pair_id'
  | 'market'
  | 'account'
  | 'time_ms'
  | 'signal_ms'
  | 'latency_ms'
  | 'currency'
>;

function headOf(
  signalId: string,
  positionId: string,
  signalMs: number,
  { currency }: PaperRules,
  { pairId, market, nowMs }: PaperMoment,
): Head {
  return {
    schema: FILL_SCHEMA,
    signal_id: signalId,
    position_id: positionId,
    pair_id: pairId,
    market,
    account: 'paper',
    time_ms: nowMs,
    signal_ms: signalMs,
    latency_ms: latencyMs(signalMs, nowMs),
    currency,
  };
}

function refusedFill(head: Head, why: string, ticket: number): Fill {
  return {
    ...head,
    kind: 'refused',
    reason: '',
    leg: '',
    symbol: '',
    broker_symbol: '',
    side: '',
    ticket,
    lots: 0,
    requested_price: null,
    filled_price: null,
    slippage_bps: null,
    pnl: null,
    error: why,
  };
}

function nextTicket(book: PaperBook): PaperBook {
  return { ...book, ticket: book.ticket + 1 };
}

function opposite(side: 1 | -1): 1 | -1 {
  return side > 0 ? -1 : 1;
}
