import { SECONDS_PER_BAR } from '../../../shared/bar.ts';
import type { Manifest, PairEdge } from '../../../shared/bundle/manifest.ts';
import { parsePair } from '../../../shared/pair.ts';
import { fillCostBps } from '../../../shared/core/cost/fill_cost.ts';
import type { TradingCosts } from '../../../shared/policy/costs.ts';
import type { RetrainPolicy, SymbolCosts } from '../../../shared/policy/policy.ts';
import { rollovers } from '../../../shared/core/cost/rollover.ts';
import { swapBpsPerNight } from '../../../shared/core/cost/swap.ts';
import { fillFigures, kindOf, shortfallOf, type AccountFigures, type FiguresInput } from '../fills/fill_figures.ts';
import type { LiveTrade } from '../fills/live_trades.ts';
import { isClosed, isWon, LEGS, lotsOf, positionsOf, type Leg, type LivePosition } from '../fills/positions.ts';
import { errorsOfChance, meanOverBlocks } from '../../learning/statistics/cluster.ts';
import { SIGMAS } from '../../learning/profile/drift.ts';
import { blocksOf, type Blocks } from '../../learning/profile/feature_profile.ts';
import { compareShare, type Compared, type KnownShare } from '../../learning/profile/performance_drift.ts';

const BPS = 1e4;

/**
 * Results of one kind of account for a version's entries, compared with the bundle's backtest and the configured costs.
 */
export interface FillPerformance {
  /** Win rate, slippage, latency and refusals as in `minutehand trades list`. */
  readonly figures: AccountFigures;
  /** Of closed positions, by what the account was paid; the bundle's with each pair as often as it is among them. */
  readonly win_rate: Compared;
  /** Net result of a closed position, as the backtest's: basis points of the gross notional at full size. */
  readonly net: ComparedNet;
  readonly symbols: Readonly<Record<string, SymbolFills>>;
}

/** Means per trade in basis points. */
export interface ComparedNet {
  readonly live_bps: number | null;
  readonly bundle_bps: number | null;
  /** live − bundle. */
  readonly gap_bps: number | null;
  /** Gap expected by chance. Infinity with too little data. */
  readonly noise_bps: number;
  readonly live_count: number;
  readonly bundle_count: number;
}

/** Cost of a symbol's fills per side, beside the configured cost. */
export interface SymbolFills {
  /** From the requested to the filled price; configured: `slippage_bps`. */
  readonly slippage: MeasuredCost;
  /**
   * From the bar's close to the filled price: spread, slippage and time together; configured: half the spread of each
   * fill's minute, and `slippage_bps`.
   */
  readonly shortfall: MeasuredCost;
  /** Mean multiple of `spread_bps` in the minutes of the fills; 1 without a spread. */
  readonly spread_multiple: number;
}

export interface MeasuredCost {
  readonly bps: number | null;
  /** Maximum excess by chance over the long run. Infinity if too little is known. */
  readonly noise_bps: number;
  readonly configured_bps: number;
  readonly fills: number;
}

export type FillPolicy = Pick<RetrainPolicy, 'fill_min_trades'>;

/**
 * Fills of one version by kind of account: paper, demo and real accounts are never mixed. Pure.
 * @param costs configured costs by symbol; symbols without costs are left out of `symbols`
 */
export function fillPerformance(
  fills: FiguresInput,
  { edge }: Pick<Manifest, 'edge'>,
  costs: Readonly<Record<string, TradingCosts>>,
  policy: FillPolicy,
): Readonly<Record<string, FillPerformance>> {
  const figures = Object.entries(fillFigures(fills, kindOf));
  return Object.fromEntries(
    figures.map(([account, own]): [string, FillPerformance] => {
      const positions = positionsOf(fills.trades.filter((trade) => trade.account === account)).flatMap(entered);
      const closed = onceEach(
        positions.filter(
          (position) =>
            isClosed(position) && isMeasured(edge[position.pairId]) && LEGS.every((leg) => costs[legOf(position, leg)]),
        ),
      );
      const bundle = mixedEdge(closed, edge);
      const judged = closed.filter((position) => isWon(position) !== null);
      const stretches = stretchesOf(judged);
      return [
        account,
        {
          figures: own,
          win_rate: compareShare(
            judged.map((position) => Number(isWon(position))),
            stretches.of,
            stretches.count,
            bundle?.wins ?? null,
            policy.fill_min_trades,
          ),
          net: compareNet(closed, bundle, costs, fills.barMs, policy),
          symbols: symbolFills(positions, costs, fills.barMs, policy),
        },
      ];
    }),
  );
}

/** A position, and when it was entered on the market's clock: epoch seconds of the close of the signal's bar. */
interface EnteredPosition extends LivePosition {
  readonly enteredS: number;
}

/** Positions without a known opening signal belong to no version. */
function entered(position: LivePosition): EnteredPosition[] {
  const bar = position.opens.find(({ signal_bar }) => signal_bar !== null)?.signal_bar ?? null;
  return bar === null ? [] : [{ ...position, enteredS: Date.parse(bar) / 1000 }];
}

/** Each entry of the daemon once: several programs that follow the same signals are no further evidence. */
function onceEach(positions: readonly EnteredPosition[]): EnteredPosition[] {
  const byEntry = new Map<string, EnteredPosition>();
  for (const position of positions) if (!byEntry.has(position.positionId)) byEntry.set(position.positionId, position);
  return [...byEntry.values()];
}

function legOf({ pairId }: LivePosition, leg: Leg): string {
  const { a, b } = parsePair(pairId);
  return leg === 'A' ? a : b;
}

/**
 * Time blocks of positions, days where there are enough of them, by their entry: profit and cost are correlated within
 * one.
 */
const stretchesOf = (entries: readonly { readonly enteredS: number }[]): Blocks =>
  blocksOf(
    entries.map(({ enteredS }) => enteredS),
    0,
  );

type MeasuredEdge = PairEdge & { readonly wins: number; readonly mean_net_bps: number };

function isMeasured(edge: PairEdge | undefined): edge is MeasuredEdge {
  return edge !== undefined && edge.trades > 0 && edge.wins !== undefined && edge.mean_net_bps !== null;
}

interface MixedEdge {
  readonly wins: KnownShare;
  readonly net_bps: number;
  /** Independent trades of the backtest that the mix is worth. */
  readonly worth: number;
}

/**
 * The bundle's backtest at the pair mix of these positions: the expectation if nothing has changed. null without any.
 */
function mixedEdge(positions: readonly LivePosition[], edge: Manifest['edge']): MixedEdge | null {
  if (positions.length === 0) return null;
  let share = 0;
  let variance = 0;
  let net_bps = 0;
  let squares = 0;
  let trades = 0;
  for (const pairId of new Set(positions.map((position) => position.pairId))) {
    const own = edge[pairId] as MeasuredEdge;
    const weight = positions.filter((position) => position.pairId === pairId).length / positions.length;
    // Adds half a win and half a loss, because a pair that always won need not always win.
    const guess = (own.wins + 0.5) / (own.trades + 1);
    share += (weight * own.wins) / own.trades;
    variance += (weight ** 2 * guess * (1 - guess)) / own.trades;
    net_bps += weight * own.mean_net_bps;
    squares += weight ** 2 / own.trades;
    trades += own.trades;
  }
  return { wins: { share, standardError: Math.sqrt(variance), trades }, net_bps, worth: 1 / squares };
}

/** The bundle does not store its variance of results; live variance is used for both. */
function compareNet(
  positions: readonly EnteredPosition[],
  bundle: MixedEdge | null,
  costs: Readonly<Record<string, SymbolCosts>>,
  barMs: number,
  { fill_min_trades }: FillPolicy,
): ComparedNet {
  const results = positions.map((position) => netBpsOf(position, costs, barMs));
  const stretches = stretchesOf(positions);
  const { mean, standardError, blocks } = meanOverBlocks(results, stretches.of, stretches.count);
  const counts = { live_count: results.length, bundle_count: bundle?.wins.trades ?? 0 };
  if (mean === null || bundle === null)
    return { live_bps: mean, bundle_bps: null, gap_bps: null, noise_bps: Infinity, ...counts };
  const error = Math.max(standardError, errorOf(results, mean));
  const noise_bps = errorsOfChance(SIGMAS, blocks) * error * Math.sqrt(1 + results.length / bundle.worth);
  return {
    live_bps: mean,
    bundle_bps: bundle.net_bps,
    gap_bps: mean - bundle.net_bps,
    noise_bps: results.length < fill_min_trades ? Infinity : noise_bps,
    ...counts,
  };
}

/** Standard error of a mean of independent values. */
function errorOf(values: readonly number[], mean: number): number {
  const squares = values.reduce((sum, value) => sum + (value - mean) ** 2, 0);
  return Math.sqrt(squares / Math.max(1, values.length - 1) / values.length);
}

/**
 * Net result of a closed position at the prices of its fills, in basis points of its gross notional at full size: the
 * shares of the legs are those of β, as in the backtest. Spread and slippage are in the prices, commission and
 * overnight swaps are the configured ones.
 */
export function netBpsOf(
  position: EnteredPosition,
  costs: Readonly<Record<string, SymbolCosts>>,
  barMs: number,
): number {
  const { opens, closes, enteredS } = position;
  const beta = opens.find((open) => open.beta !== null)?.beta ?? 0;
  const whole = 1 + Math.abs(beta);
  const shares = { A: 1 / whole, B: Math.abs(beta) / whole };
  const sideOf = (leg: Leg): number => (opens.find((open) => open.leg === leg)!.side === 'BUY' ? 1 : -1);
  const earned = LEGS.reduce((sum, leg) => {
    const move = meanPrice(closes, leg) / meanPrice(opens, leg) - 1;
    const { commission_bps } = costs[legOf(position, leg)]!;
    return sum + shares[leg] * (BPS * sideOf(leg) * move - 2 * commission_bps);
  }, 0);
  const heldMs = Math.max(...closes.map(({ time_ms }) => time_ms)) - opens[0]!.time_ms;
  const rolls = rollovers(enteredS, enteredS + (heldMs / barMs) * SECONDS_PER_BAR);
  const held = rolls.reduce((sum, roll) => sum + roll.swapDays, 0);
  if (held === 0) return earned;
  return earned - held * swapBpsPerNight(sideOf('A'), beta, costs[legOf(position, 'A')]!, costs[legOf(position, 'B')]!);
}

function meanPrice(fills: readonly LiveTrade[], leg: Leg): number {
  const paid = fills.reduce((sum, fill) => sum + (fill.leg === leg ? fill.lots * fill.filled_price! : 0), 0);
  return paid / lotsOf(fills, leg);
}

function symbolFills(
  positions: readonly EnteredPosition[],
  costs: Readonly<Record<string, TradingCosts>>,
  barMs: number,
  policy: FillPolicy,
): Record<string, SymbolFills> {
  const made = positions.flatMap(({ opens, closes, enteredS }) =>
    [...opens, ...closes].map((fill) => ({
      fill,
      enteredS,
      // On the market's clock, which a simulated one runs faster.
      time: enteredS + ((fill.time_ms - opens[0]!.time_ms) / barMs) * SECONDS_PER_BAR,
    })),
  );
  const symbols = [...new Set(made.map(({ fill }) => fill.symbol))].filter((symbol) => costs[symbol] !== undefined);
  return Object.fromEntries(
    symbols.sort().map((symbol): [string, SymbolFills] => {
      const own = made.filter(({ fill }) => fill.symbol === symbol);
      const { spread_bps, slippage_bps, commission_bps } = costs[symbol]!;
      const measured = (
        bpsOf: (fill: LiveTrade) => readonly number[],
        configuredAt: (time: number) => number,
      ): MeasuredCost => {
        const values = own.flatMap(({ fill, enteredS, time }) =>
          bpsOf(fill).map((bps) => ({ bps, enteredS, configured: configuredAt(time) })),
        );
        return measureCost(values, configuredAt(NOON), policy);
      };
      const slippage = measured(
        (fill) => (fill.slippage_bps === null ? [] : [fill.slippage_bps]),
        () => slippage_bps,
      );
      const shortfall = measured(shortfallOf, (time) => fillCostBps(costs[symbol]!, time) - commission_bps);
      const spread_multiple = spread_bps === 0 ? 1 : (2 * (shortfall.configured_bps - slippage_bps)) / spread_bps;
      return [symbol, { slippage, shortfall, spread_multiple }];
    }),
  );
}

/** A minute of base spreads, for a symbol without fills: a Wednesday, 12:00 in New York. */
const NOON = Date.UTC(2024, 0, 3, 17) / 1000;

interface CostOfFill {
  readonly bps: number;
  readonly configured: number;
  readonly enteredS: number;
}

/** A one-sample t-test over stretches of time: spreads of a day are wide or narrow together. */
function measureCost(values: readonly CostOfFill[], base_bps: number, { fill_min_trades }: FillPolicy): MeasuredCost {
  const stretches = stretchesOf(values);
  const meanOf = (of: (value: CostOfFill) => number): ReturnType<typeof meanOverBlocks> =>
    meanOverBlocks(values.map(of), stretches.of, stretches.count);
  const { mean } = meanOf(({ bps }) => bps);
  // Differences, so that costs that do not vary stay what is configured, to the bit.
  const configured_bps = base_bps + (meanOf(({ configured }) => configured - base_bps).mean ?? 0);
  const { standardError, blocks } = meanOf(({ bps, configured }) => bps - configured);
  const noise_bps = values.length < fill_min_trades ? Infinity : errorsOfChance(SIGMAS, blocks) * standardError;
  return { bps: mean, noise_bps, configured_bps, fills: values.length };
}
