import type { FillCosts, PairFillCosts, PriceKind } from '../core/cost/fill_cost.ts';
import { profileOfSteps, profileOfSymbol, type SpreadProfile } from '../core/cost/spread_profile.ts';
import { barSecondsOf, type Pair } from '../pair.ts';
import { believedCosts } from './believed_costs.ts';
import type { MinutehandSettings, SymbolCosts } from './schema.ts';

/** flat: the spread of a symbol is one number; profile: it varies over the week as quotes do. */
export const COST_MODELS = ['flat', 'profile'] as const;
export type CostModel = (typeof COST_MODELS)[number];

/** Costs of trading and holding a symbol. */
export type TradingCosts = SymbolCosts & FillCosts;

interface WithSymbols {
  readonly minutehand: Pick<MinutehandSettings, 'symbols'>;
}

/** The costs of every configured symbol, as far as they are believed: `believedCosts`. */
export function tradingCosts({ minutehand }: WithSymbols, model: CostModel = 'profile'): Record<string, TradingCosts> {
  const entries = Object.entries(minutehand.symbols).map(([symbol, given]): [string, TradingCosts] => {
    const costs = believedCosts(symbol, given);
    return [symbol, model === 'flat' ? costs : { ...costs, profile: profileOf(symbol, costs) }];
  });
  return Object.fromEntries(entries);
}

function profileOf(symbol: string, { spread_profile }: SymbolCosts): SpreadProfile {
  return spread_profile === undefined ? profileOfSymbol(symbol) : profileOfSteps(spread_profile);
}

/** The settings with the price kinds of given bars, which count more than those of the configuration. */
export function withPriceKinds<Settings extends WithSymbols>(
  settings: Settings,
  kinds: Readonly<Record<string, PriceKind>>,
): Settings {
  const symbols = Object.fromEntries(
    Object.entries(settings.minutehand.symbols).map(([symbol, costs]) => {
      const price = kinds[symbol];
      return [symbol, price === undefined ? costs : { ...costs, price }];
    }),
  );
  return { ...settings, minutehand: { ...settings.minutehand, symbols } };
}

/** The settings of the same bars after `midBars`. */
export function withMids<Settings extends WithSymbols>(settings: Settings): Settings {
  const bids = Object.entries(settings.minutehand.symbols).filter(([, { price }]) => price === 'bid');
  return withPriceKinds(settings, Object.fromEntries(bids.map(([symbol]): [string, PriceKind] => [symbol, 'mid'])));
}

/** @throws RangeError for a symbol without costs */
export function pairCosts<Costs extends FillCosts>(
  costs: Readonly<Record<string, Costs>>,
  pair: Pair,
): PairFillCosts & { readonly a: Costs; readonly b: Costs } {
  const { a, b } = pair;
  const ofA = costs[a];
  const ofB = costs[b];
  if (ofA === undefined || ofB === undefined) throw new RangeError(`no costs of ${ofA === undefined ? a : b}`);
  return { a: ofA, b: ofB, barSeconds: barSecondsOf(pair) };
}
