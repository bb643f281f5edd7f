import { ASSET_CLASSES, assetClassOf, type AssetClass } from '../core/cost/spread_profile.ts';
import { MinutehandError } from '../errors.ts';
import { deliveredCosts } from './delivered.ts';
import type { SymbolCosts } from './schema.ts';

/** What a fill costs, basis points. */
export type FillParts = Pick<SymbolCosts, 'spread_bps' | 'commission_bps' | 'slippage_bps'>;

/** Taker fee and slippage of an exchange, whose instruments nothing else is configured for. */
export const EXCHANGE_FEES = { spread_bps: 0, commission_bps: 5, slippage_bps: 1 } as const;

/** What a leveraged position in a coin pays a night, on either side, some ten percent a year. */
const COIN_SWAPS = { swap_long_bps_per_night: 3, swap_short_bps_per_night: 3 } as const;

/**
 * Share of the cheapest delivered fill of a class below which costs are a mistake: a unit, a copied line, a forgotten
 * commission. Raw accounts, futures and the highest fee tiers of exchanges stay above it.
 */
const LEAST_SHARE = 1 / 3;

/** Half the spread, commission and slippage, at mid prices. */
export function fillBps({ spread_bps, commission_bps, slippage_bps }: FillParts): number {
  return spread_bps / 2 + commission_bps + slippage_bps;
}

/** Delivered costs of a class, the cheapest fill first: of quoted spreads, and of an exchange. */
function deliveredOf(assetClass: AssetClass): readonly FillParts[] {
  if (assetClass === 'crypto') return [EXCHANGE_FEES];
  const own = Object.entries(deliveredCosts()).filter(([symbol]) => assetClassOf(symbol) === assetClass);
  return own.map(([, costs]) => costs).sort((one, other) => fillBps(one) - fillBps(other));
}

/** The dearest delivered costs of the class of a symbol, with swaps; null: its class is not known. */
export function dearestCosts(symbol: string): SymbolCosts | null {
  const assetClass = assetClassOf(symbol);
  if (assetClass === null) return null;
  if (assetClass === 'crypto') return { ...EXCHANGE_FEES, spread_bps: 1, ...COIN_SWAPS };
  const own = Object.entries(deliveredCosts()).filter(([other]) => assetClassOf(other) === assetClass);
  return own.map(([, costs]) => costs).reduce((one, other) => (fillBps(other) > fillBps(one) ? other : one));
}

/** Least cost of a fill that a result is believed at, basis points; of a symbol of no class, the least of all. */
export function leastFillBps(symbol: string): number {
  const assetClass = assetClassOf(symbol);
  const classes = assetClass === null ? ASSET_CLASSES : [assetClass];
  return LEAST_SHARE * Math.min(...classes.map((own) => fillBps(deliveredOf(own)[0]!)));
}

/** Whether these costs are too small to be those of the symbol. */
export function areTooSmall(symbol: string, costs: FillParts): boolean {
  return fillBps(costs) < leastFillBps(symbol);
}

/** The delivered costs of a symbol, else the median ones of its class; null: its class is not known. */
function usualCosts(symbol: string): FillParts | null {
  const assetClass = assetClassOf(symbol);
  if (assetClass === null) return null;
  const ofClass = deliveredOf(assetClass);
  return deliveredCosts()[symbol] ?? ofClass[ofClass.length >> 1]!;
}

/**
 * The costs that results and decisions are computed with: the given ones, or where those are too small to be true, the
 * usual ones of the symbol. A symbol of no class keeps its own: `refuseUnknownCosts`.
 */
export function believedCosts<Costs extends FillParts>(symbol: string, costs: Costs): Costs {
  const usual = areTooSmall(symbol, costs) ? usualCosts(symbol) : null;
  if (usual === null) return costs;
  const { spread_bps, commission_bps, slippage_bps } = usual;
  return { ...costs, spread_bps, commission_bps, slippage_bps };
}

/** A line for each symbol whose given costs are not believed. */
export function costNotes(given: Readonly<Record<string, FillParts>>, symbols: Iterable<string>): string[] {
  return [...new Set(symbols)].flatMap((symbol) => {
    const own = given[symbol];
    if (own === undefined || !areTooSmall(symbol, own)) return [];
    return [tooSmallNote(symbol, own, believedCosts(symbol, own))];
  });
}

/** @param instead what is charged */
export function tooSmallNote(symbol: string, given: FillParts, instead: FillParts): string {
  const [own, least, charged] = [fillBps(given), leastFillBps(symbol), fillBps(instead)].map(shown);
  return `${symbol}: ${own} bps a fill are too small to be its costs (at least ${least}), and count as unknown: computed with ${charged}.`;
}

/**
 * @throws MinutehandError COSTS_UNKNOWN for costs that are too small to be true, of a symbol of no class: nothing says
 * what they are, and no result is claimed without them
 */
export function refuseUnknownCosts(given: Readonly<Record<string, FillParts>>, symbols: Iterable<string>): void {
  const unknown = [...new Set(symbols)].filter((symbol) => {
    const own = given[symbol];
    return own !== undefined && usualCosts(symbol) === null && areTooSmall(symbol, own);
  });
  if (unknown.length === 0) return;
  throw new MinutehandError('COSTS_UNKNOWN', {
    seen: unknown.map((symbol) => `${symbol}: ${shown(fillBps(given[symbol]!))} bps a fill`).join(', '),
    expected: `at least ${shown(leastFillBps(unknown[0]!))} bps: half the spread, commission and slippage`,
  });
}

function shown(bps: number): string {
  return String(Number(bps.toFixed(3)));
}

/** Fees of an instrument’s fill, basis points of its value. */
export interface FeeParts {
  readonly takerFeeBps: number;
  readonly slippageBps: number;
}

/**
 * The fees of instruments that one training, league or evaluation charges: the given ones, or where those are too small
 * to be those of all, the fees of an exchange, with a line that says so.
 * @throws MinutehandError COSTS_UNKNOWN
 */
export function believedFees(symbols: readonly string[], given: FeeParts, onNote: (text: string) => void): FeeParts {
  const own: FillParts = { spread_bps: 0, commission_bps: given.takerFeeBps, slippage_bps: given.slippageBps };
  const asked = Object.fromEntries(symbols.map((symbol) => [symbol, own]));
  refuseUnknownCosts(asked, symbols);
  const small = symbols.find((symbol) => areTooSmall(symbol, own));
  if (small === undefined) return given;
  onNote(tooSmallNote(small, own, EXCHANGE_FEES));
  return { takerFeeBps: EXCHANGE_FEES.commission_bps, slippageBps: EXCHANGE_FEES.slippage_bps };
}
