import { SECONDS_PER_BAR } from '../../../shared/bar.ts';
import { NEEDED_SHARPE_DAYS, TRADING_DAYS_PER_YEAR } from '../../../shared/bundle/holdout_sharpe.ts';
import type { PairEdge } from '../../../shared/bundle/manifest.ts';
import { rollovers, tradingDayAt, type Rollover } from '../../../shared/core/cost/rollover.ts';
import { ExactSum, exactSum } from '../../../shared/exact_sum.ts';
import { oneCurrency } from '../../../shared/fill/money.ts';
import { quotedPrice } from '../../../shared/fill/quoted_price.ts';
import type { SymbolCosts } from '../../../shared/policy/policy.ts';
import { currenciesOf } from '../../../shared/pair.ts';
import { sharpeFacts } from '../../learning/statistics/deflated_sharpe_ratio.ts';
import { shortfallOf } from '../fills/fill_figures.ts';
import type { LiveTrade } from '../fills/live_trades.ts';
import { isClosed, LEGS, lotsOf, positionsOf, type LivePosition } from '../fills/positions.ts';
import { netBpsOf } from '../monitor/fill_performance.ts';
import type { AccountPerformance, PerformanceRow } from './performance_schema.ts';

/** With fewer closed positions there is no band. */
const NEEDED_FOR_BAND = 10;
/** 95 % of a normal distribution. */
const BAND = 1.96;
const MAX_POINTS = 2000;
const DAY_S = 86_400;

export interface AccountInput {
  /** Of one account and currency: all its fills, by time. */
  readonly trades: readonly LiveTrade[];
  /** Positions of the account in several currencies, which are not among them. */
  readonly mixed: number;
  /** paper, demo or real. */
  readonly account: string;
  readonly id: string;
  readonly place: string;
  /** Money at its start; null = unknown. */
  readonly begun: number | null;
  /** Costs by symbol. */
  readonly costs: Readonly<Record<string, SymbolCosts>>;
  /** Edge of a pair in the backtest of a bundle; null where the bundle is gone or has no trades of the pair. */
  edgeOf(version: string, pairId: string): PairEdge | null;
  /** Of the policy, in gross notionals of one position; null = no limit. */
  readonly exposureLimits: { readonly symbol: number | null; readonly currency: number | null };
  /** Last closes of a pair's legs; null = unknown. */
  pricesOf(pairId: string): readonly [number, number] | null;
  /** Wall-clock time of a one-minute bar. */
  readonly barMs: number;
  /** The market's clock: close of its last bar, epoch seconds. */
  readonly marketNowS: number;
  readonly nowMs: number;
  /**
   * Positions closed before it or opened after it are left out; it reaches now when it ends at `nowMs` or later. Epoch
   * ms, wall clock.
   */
  readonly period: { readonly fromMs: number; readonly toMs: number };
}

/** A closed position. */
interface Closed {
  readonly position: LivePosition;
  /** What each closing fill reports. Sums over positions add these, so that they are rounded once. */
  readonly pnls: readonly number[];
  readonly net: number;
  /** Close of the bar of its entry and of its exit, epoch seconds on the market's clock. */
  readonly enteredS: number;
  readonly exitedS: number;
  readonly reason: string;
  readonly netBps: number | null;
  readonly edge: (PairEdge & { readonly mean_net_bps: number }) | null;
}

/**
 * What one account did, net of costs. Money is the sum of what its fills report, rounded once: page, report and API
 * show the same number to the last digit. Days, hours and the curve are on the market's clock, which is the wall clock
 * of a live market. Pure.
 * @throws Error where the fills are of several currencies
 */
export function accountPerformance(input: AccountInput): AccountPerformance {
  const { trades, begun, period } = input;
  const currency = oneCurrency(trades);
  const isPaper = input.account === 'paper';
  const isInPeriod = (ms: number): boolean => ms >= period.fromMs && ms < period.toMs;
  const positions = positionsOf(trades).filter((position) => position.opens.length > 0 && touches(position, period));
  const fills = trades.filter(({ kind, time_ms }) => kind !== 'refused' && isInPeriod(time_ms));
  const closed = positions
    .filter((position) => isClosed(position) && isInPeriod(lastMs(position)))
    .map((position) => closedOf(position, input))
    .sort((a, b) => a.exitedS - b.exitedS || lastMs(a.position) - lastMs(b.position));
  const standing = positions.filter((position) => !isClosed(position) || lastMs(position) >= period.toMs);
  // Prices of an earlier end are not at hand: what stood open then has no value here.
  const open = reachesNow(input) ? standing.map((position) => openOf(position, input, isPaper)) : [];
  const curve = curveOf(closed);
  const days = daysOf(closed, input);
  const wins = closed.filter(({ net }) => net > 0);
  const losses = closed.filter(({ net }) => net <= 0);
  const realised = exactSum(fills.flatMap(({ pnl }) => pnl ?? []));
  const floats = open.map(({ floating }) => floating);
  const isValued = open.length === standing.length && !floats.includes(null);
  const floating = isValued ? exactSum(floats as number[]) : null;
  const earnedBefore = (ms: number): number =>
    exactSum(trades.flatMap(({ pnl, time_ms }) => (time_ms < ms ? (pnl ?? []) : [])));
  const withEdge = closed.filter(({ edge }) => edge !== null);
  return {
    id: input.id,
    account: input.account,
    place: input.place,
    currency,
    mixed_currencies: input.mixed,
    begun,
    equity: begun === null || floating === null ? null : exactSum([begun, earnedBefore(period.toMs), floating]),
    realised,
    floating,
    first: positions.length === 0 ? null : isoOf(enteredOf(positions[0]!, input)),
    last: closed.length === 0 ? null : isoOf(closed.at(-1)!.exitedS),
    open_at_end: standing.length,
    opened: positions.filter(({ opens }) => isInPeriod(opens[0]!.time_ms)).length,
    closed: closed.length,
    wins: wins.length,
    refused: trades.filter(({ kind, time_ms }) => kind === 'refused' && isInPeriod(time_ms)).length,
    win_rate: closed.length === 0 ? null : wins.length / closed.length,
    mean_win: wins.length === 0 ? null : netOf(wins) / wins.length,
    mean_loss: losses.length === 0 ? null : netOf(losses) / losses.length,
    profit_factor: netOf(losses) === 0 ? null : netOf(wins) / -netOf(losses),
    mean_net_bps: meanOf(closed.flatMap(({ netBps }) => netBps ?? [])),
    expected_bps: meanOf(withEdge.map(({ edge }) => edge!.mean_net_bps)),
    expected_positions: withEdge.length,
    ...deepestOf(closed, begun === null ? null : begun + earnedBefore(period.fromMs)),
    sharpe: sharpeOf(days.map(({ net }) => net)),
    costs: costsOf(fills, closed, isPaper),
    turnover: isPaper ? exactSum(fills.map(({ lots, filled_price }) => lots * filled_price!)) : null,
    time_in_market: timeInMarket(positions, input),
    exposure: exposureOf(open, isPaper, input.exposureLimits),
    days,
    curve,
    by_subject: rowsOf(closed, ({ position }) => position.pairId),
    by_hour: rowsOf(closed, ({ enteredS }) => isoOf(enteredS).slice(11, 13)),
    by_reason: rowsOf(closed, ({ reason }) => reason),
    open,
  };
}

// ---- positions ----

const touches = (position: LivePosition, { fromMs, toMs }: AccountInput['period']): boolean =>
  position.opens[0]!.time_ms < toMs && (!isClosed(position) || lastMs(position) >= fromMs);
const reachesNow = ({ period, nowMs }: Pick<AccountInput, 'period' | 'nowMs'>): boolean => period.toMs >= nowMs;
const lastMs = ({ closes }: LivePosition): number => closes.reduce((last, { time_ms }) => Math.max(last, time_ms), 0);
const isoOf = (seconds: number): string => new Date(seconds * 1000).toISOString();

/** Close of the bar of its entry; that of a position without a known signal is taken from the wall clock. */
function enteredOf({ opens }: LivePosition, input: AccountInput): number {
  const bar = opens.find(({ signal_bar }) => signal_bar !== null)?.signal_bar ?? null;
  return bar === null ? onMarketClock(opens[0]!.time_ms, input) : Date.parse(bar) / 1000;
}

/**
 * The wall clock where a minute's bar takes a minute; else the bars that have ended since are subtracted from the
 * market's time.
 */
function onMarketClock(ms: number, { nowMs, barMs, marketNowS }: AccountInput): number {
  if (barMs === 1000 * SECONDS_PER_BAR) return Math.floor(ms / barMs) * SECONDS_PER_BAR;
  return marketNowS - Math.round((nowMs - ms) / barMs) * SECONDS_PER_BAR;
}

function closedOf(position: LivePosition, input: AccountInput): Closed {
  const { opens, closes, pairId } = position;
  const enteredS = enteredOf(position, input);
  const last = closes.reduce((latest, fill) => (fill.time_ms >= latest.time_ms ? fill : latest));
  // A close without a signal of its own names the entry's.
  const isOwnBar = last.signal_bar !== null && last.signal_id !== last.position_id;
  const heldBars = (last.time_ms - opens[0]!.time_ms) / input.barMs;
  const exitedS = isOwnBar ? Date.parse(last.signal_bar!) / 1000 : enteredS + Math.round(heldBars) * SECONDS_PER_BAR;
  const version = opens.find(({ model_version }) => model_version !== null)?.model_version ?? null;
  const edge = version === null ? null : input.edgeOf(version, pairId);
  const pnls = closes.map(({ pnl }) => pnl ?? 0);
  const hasCosts = opens.every(({ symbol }) => input.costs[symbol] !== undefined);
  const hasBeta = opens.some(({ beta }) => beta !== null);
  return {
    position,
    enteredS,
    exitedS,
    pnls,
    net: exactSum(pnls),
    reason: last.reason,
    netBps: hasCosts && hasBeta ? netBpsOf({ ...position, enteredS }, input.costs, input.barMs) : null,
    edge:
      edge === null || edge.mean_net_bps === null || edge.trades === 0
        ? null
        : { ...edge, mean_net_bps: edge.mean_net_bps },
  };
}

function openOf(position: LivePosition, input: AccountInput, isPaper: boolean): AccountPerformance['open'][number] {
  const { opens, closes, pairId, positionId } = position;
  const prices = input.pricesOf(pairId);
  const legs = LEGS.flatMap((leg, index) => {
    const own = opens.filter((fill) => fill.leg === leg);
    const size = lotsOf(opens, leg) - lotsOf(closes, leg);
    if (own.length === 0 || size <= 0) return [];
    const { symbol, side } = own[0]!;
    const price = exactSum(own.map(({ lots, filled_price }) => lots * filled_price!)) / lotsOf(opens, leg);
    return [{ leg, symbol, side, size, price, now: prices?.[index] ?? null }];
  });
  const earned = legs.map(({ symbol, side, size, price, now }) => {
    const way = side === 'BUY' ? 1 : -1;
    const costs = input.costs[symbol];
    return now === null || costs === undefined
      ? null
      : way * (quotedPrice(now, way === 1 ? -1 : 1, costs) - price) * size;
  });
  const known = earned.every((value) => value !== null) ? exactSum(earned) : null;
  const notional = exactSum(legs.map(({ size, price }) => size * price));
  const beta = opens.find((fill) => fill.beta !== null)?.beta ?? null;
  return {
    position_id: positionId,
    subject: pairId,
    opened: opens.find(({ signal_bar }) => signal_bar !== null)?.signal_bar ?? null,
    opened_ms: opens[0]!.time_ms,
    model_version: opens.find(({ model_version }) => model_version !== null)?.model_version ?? null,
    legs,
    realised: exactSum(closes.map(({ pnl }) => pnl ?? 0)),
    floating: isPaper ? known : null,
    floating_bps: isPaper
      ? known === null || notional === 0
        ? null
        : (10_000 * known) / notional
      : bpsOfLegs(legs, beta, input.costs),
  };
}

/** Where the size of a lot is unknown: the legs by their shares of β. */
function bpsOfLegs(
  legs: AccountPerformance['open'][number]['legs'],
  beta: number | null,
  costs: AccountInput['costs'],
): number | null {
  if (beta === null || legs.length < 2 || legs.some(({ now, symbol }) => now === null || costs[symbol] === undefined))
    return null;
  const whole = 1 + Math.abs(beta);
  return legs.reduce((sum, { leg, symbol, side, price, now }) => {
    const way = side === 'BUY' ? 1 : -1;
    const share = leg === 'A' ? 1 / whole : Math.abs(beta) / whole;
    return sum + share * way * 10_000 * (quotedPrice(now!, way === 1 ? -1 : 1, costs[symbol]!) / price - 1);
  }, 0);
}

// ---- figures ----

/** Money of several positions. */
function netOf(closed: readonly Closed[]): number {
  return exactSum(closed.flatMap(({ pnls }) => pnls));
}

/** The sum after all values were added. */
function addTo(sum: ExactSum, values: readonly number[]): number {
  for (const value of values) sum.add(value);
  return sum.value;
}

function meanOf(values: readonly number[]): number | null {
  return values.length === 0 ? null : exactSum(values) / values.length;
}

function rowsOf(closed: readonly Closed[], keyOf: (one: Closed) => string): PerformanceRow[] {
  return [...Map.groupBy(closed, keyOf)]
    .map(([key, own]): PerformanceRow => ({
      key,
      closed: own.length,
      wins: own.filter(({ net }) => net > 0).length,
      net: netOf(own),
      mean_net_bps: meanOf(own.flatMap(({ netBps }) => netBps ?? [])),
      expected_bps: meanOf(own.flatMap(({ edge }) => edge?.mean_net_bps ?? [])),
    }))
    .sort((a, b) => (a.key < b.key ? -1 : 1));
}

/** @param begun the account's money at the beginning of the period; null = unknown */
function deepestOf(
  closed: readonly Closed[],
  begun: number | null,
): Pick<AccountPerformance, 'max_drawdown' | 'max_drawdown_share'> {
  const sum = new ExactSum();
  let peak = 0;
  let deepest = 0;
  let share = 0;
  for (const { pnls } of closed) {
    const now = addTo(sum, pnls);
    peak = Math.max(peak, now);
    deepest = Math.max(deepest, peak - now);
    if (begun !== null) share = Math.max(share, (peak - now) / (begun + peak));
  }
  return { max_drawdown: deepest, max_drawdown_share: begun === null ? null : share };
}

/** Every trading day from the first entry to the market's last bar, those without a trade included. */
function daysOf(closed: readonly Closed[], { marketNowS, period, nowMs }: AccountInput): AccountPerformance['days'] {
  if (closed.length === 0) return [];
  const firstS = closed.reduce((first, { enteredS }) => Math.min(first, enteredS), Infinity);
  const lastS = closed.at(-1)!.exitedS;
  const endS = reachesNow({ period, nowMs }) ? Math.max(lastS, marketNowS) : lastS;
  // The day that has not ended yet too: the longest weekend is over by then.
  const rolls = rollovers(firstS - 1, endS + 4 * DAY_S);
  const dayAt = (seconds: number): Rollover => rolls[tradingDayAt(rolls, seconds - 1)]!;
  const byDay = Map.groupBy(closed, ({ exitedS }) => dayAt(exitedS).time);
  const end = dayAt(endS).time;
  const sum = new ExactSum();
  let peak = 0;
  return rolls
    .filter(({ time }) => time <= end)
    .map(({ time }) => {
      const own = byDay.get(time) ?? [];
      // The deepest point within a day counts too, in max_drawdown; a day shows its end.
      for (const { pnls } of own) peak = Math.max(peak, addTo(sum, pnls));
      const cumulative = sum.value;
      return {
        day: isoOf(time).slice(0, 10),
        closed: own.length,
        wins: own.filter(({ net }) => net > 0).length,
        net: netOf(own),
        cumulative,
        drawdown: cumulative - peak,
      };
    });
}

/**
 * Cumulative results at each close, and what the backtest expects of the same positions: the sum of their pairs' mean
 * net results, ± 1.96 standard errors of the difference. The spread of single results is that of the account's own,
 * which the bundle does not store; the error of the backtest's mean is added.
 */
function curveOf(closed: readonly Closed[]): AccountPerformance['curve'] {
  const compared = closed.filter(({ edge, netBps }) => edge !== null && netBps !== null);
  const deviation = deviationOf(compared.map(({ netBps, edge }) => netBps! - edge!.mean_net_bps));
  const sum = new ExactSum();
  const bps = new ExactSum();
  const expected = new ExactSum();
  const counts = new Map<string, number>();
  /** Σ over pairs of count² ÷ trades of its backtest. */
  let backtest = 0;
  let count = 0;
  let peak = 0;
  const points = closed.map(({ pnls, netBps, edge, exitedS, position }) => {
    const now = addTo(sum, pnls);
    peak = Math.max(peak, now);
    if (edge !== null && netBps !== null) {
      count++;
      bps.add(netBps);
      expected.add(edge.mean_net_bps);
      const before = counts.get(position.pairId) ?? 0;
      counts.set(position.pairId, before + 1);
      backtest += ((before + 1) ** 2 - before ** 2) / edge.trades;
    }
    const isKnown = count > 0;
    const half = deviation === null ? null : BAND * deviation * Math.sqrt(count + backtest);
    return {
      time: exitedS,
      net: now,
      drawdown: now - peak,
      net_bps: isKnown ? bps.value : null,
      expected_bps: isKnown ? expected.value : null,
      low_bps: isKnown && half !== null ? expected.value - half : null,
      high_bps: isKnown && half !== null ? expected.value + half : null,
    };
  });
  return thinned(points);
}

/** ddof 1; null with too few values. */
function deviationOf(values: readonly number[]): number | null {
  if (values.length < NEEDED_FOR_BAND) return null;
  const mean = meanOf(values)!;
  return Math.sqrt(exactSum(values.map((value) => (value - mean) ** 2)) / (values.length - 1));
}

/** The last of each of at most 2,000 stretches of equally many points. */
function thinned<Point>(points: readonly Point[]): Point[] {
  const step = Math.max(1, Math.ceil(points.length / MAX_POINTS));
  return points.filter((_, i) => (i + 1) % step === 0 || i === points.length - 1);
}

/**
 * Annualized Sharpe ratio of trading days with its standard error √((1 − γ₃·SR + (γ₄ − 1)/4·SR²)/(n − 1)) (Bailey &
 * López de Prado, The Sharpe ratio efficient frontier, 2012), both × √252.
 */
function sharpeOf(days: readonly number[]): AccountPerformance['sharpe'] {
  const base = { days: days.length, needed_days: NEEDED_SHARPE_DAYS };
  if (days.length < NEEDED_SHARPE_DAYS) return { value: null, standard_error: null, ...base };
  const { sharpe, skewness, kurtosis } = sharpeFacts(days);
  if (!Number.isFinite(sharpe)) return { value: null, standard_error: null, ...base };
  const year = Math.sqrt(TRADING_DAYS_PER_YEAR);
  const variance = (1 - skewness * sharpe + ((kurtosis - 1) / 4) * sharpe * sharpe) / (days.length - 1);
  return { value: sharpe * year, standard_error: Math.sqrt(variance) * year, ...base };
}

function costsOf(
  fills: readonly LiveTrade[],
  closed: readonly Closed[],
  isPaper: boolean,
): AccountPerformance['costs'] {
  // A commission is known of whole positions alone: all costs are those of the positions that were closed, including
  // their fills before the period.
  const own = isPaper ? closed.flatMap(({ position }) => [...position.opens, ...position.closes]) : fills;
  const mean_bps = meanOf(own.flatMap(shortfallOf));
  const slippage_bps = meanOf(own.flatMap((fill) => fill.slippage_bps ?? []));
  if (!isPaper) return { spread_and_slippage: null, commission: null, total: null, mean_bps, slippage_bps };
  const spread_and_slippage = exactSum(
    own.flatMap(({ side, filled_price, signal_price, signal_ms, lots }) =>
      filled_price === null || signal_price === null || signal_ms === null
        ? []
        : [(side === 'BUY' ? 1 : -1) * (filled_price - signal_price) * lots],
    ),
  );
  // What the prices of the fills earned, and the account was not paid.
  const commission = exactSum(closed.flatMap(({ position, pnls }) => [grossOf(position), ...pnls.map((pnl) => -pnl)]));
  return { spread_and_slippage, commission, total: spread_and_slippage + commission, mean_bps, slippage_bps };
}

/** Of a paper position: bought minus sold. */
function grossOf({ opens, closes }: LivePosition): number {
  return exactSum(
    [...opens, ...closes].map(({ side, lots, filled_price }) => (side === 'BUY' ? -1 : 1) * lots * filled_price!),
  );
}

/** Share of the wall-clock time from the first entry on, in which at least one position was open. */
function timeInMarket(positions: readonly LivePosition[], { nowMs, period }: AccountInput): number | null {
  const end = Math.min(nowMs, period.toMs);
  const spans = positions
    .map((position) => [
      Math.max(period.fromMs, position.opens[0]!.time_ms),
      isClosed(position) ? Math.min(end, lastMs(position)) : end,
    ])
    .filter(([from, to]) => to! > from!)
    .sort((a, b) => a[0]! - b[0]!) as [number, number][];
  if (spans.length === 0) return null;
  let covered = 0;
  let until = -Infinity;
  for (const [from, to] of spans) {
    covered += Math.max(0, to - Math.max(from, until));
    until = Math.max(until, to);
  }
  return covered / (end - spans[0]![0]);
}

function exposureOf(
  open: AccountPerformance['open'],
  isPaper: boolean,
  limits: AccountInput['exposureLimits'],
): AccountPerformance['exposure'] {
  if (!isPaper) return { gross: null, by_symbol: [], by_currency: [], limits };
  const legs = open.flatMap((position) => {
    const gross = exactSum(position.legs.map(({ size, price }) => size * price));
    return position.legs.map(({ symbol, side, size, price, now }) => {
      const way = side === 'BUY' ? 1 : -1;
      return { symbol, net: way * size * (now ?? price), positions: (way * size * price) / gross };
    });
  });
  const sums = (parts: readonly { key: string; net: number; positions: number }[]) =>
    [...Map.groupBy(parts, ({ key }) => key)]
      .map(([key, own]) => ({
        key,
        net: exactSum(own.map(({ net }) => net)),
        positions: exactSum(own.map(({ positions }) => positions)),
      }))
      .sort((a, b) => Math.abs(b.net) - Math.abs(a.net));
  return {
    gross: exactSum(legs.map(({ net }) => Math.abs(net))),
    by_symbol: sums(legs.map(({ symbol, net, positions }) => ({ key: symbol, net, positions }))),
    by_currency: sums(
      legs.flatMap(({ symbol, net, positions }) => {
        const [base, quote] = currenciesOf(symbol);
        const sold = quote === null ? [] : [{ key: quote, net: -net, positions: -positions }];
        return [{ key: base, net, positions }, ...sold];
      }),
    ),
    limits,
  };
}
