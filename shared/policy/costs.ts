import type { FillCosts, PairFillCosts } from '../core/cost/fill_cost.ts';
import { assetClassOf, defaultProfile } from '../core/cost/spread_profile.ts';
import type { Pair } from '../pair.ts';
import type { Settings, SymbolCosts } from './policy.ts';

/** flat: the spread of a symbol is one number; profile: it varies over the week as quotes do. */
export const COST_MODELS = ['flat', 'profile'] as const;
export type CostModel = (typeof COST_MODELS)[number];

/** Costs of trading and holding a symbol. */
export type TradingCosts = SymbolCosts & FillCosts;

/** The costs of every configured symbol. */
export function tradingCosts(
  { minutehand }: Pick<Settings, 'minutehand'>,
  model: CostModel = 'profile',
): Record<string, TradingCosts> {
  const entries = Object.entries(minutehand.symbols).map(([symbol, costs]): [string, TradingCosts] => [
    symbol,
    model === 'flat' ? costs : { ...costs, profile: defaultProfile(assetClassOf(symbol)) },
  ]);
  return Object.fromEntries(entries);
}

/** @throws RangeError for a symbol without costs */
export function pairCosts<Costs extends FillCosts>(
  costs: Readonly<Record<string, Costs>>,
  { a, b }: Pair,
): PairFillCosts & { readonly a: Costs; readonly b: Costs } {
  const [ofA, ofB] = [costs[a], costs[b]];
  if (ofA === undefined || ofB === undefined) throw new RangeError(`no costs of ${ofA === undefined ? a : b}`);
  return { a: ofA, b: ofB };
}
