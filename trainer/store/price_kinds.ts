import type { Market } from '../../shared/bar_file/bar_sink.ts';
import type { PriceKinds } from '../../shared/bar_file/price_kinds.ts';
import { PRICE_KINDS, type PriceKind } from '../../shared/core/cost/fill_cost.ts';
import type { Store } from './store.ts';

/** Series of a symbol: the index of its kind in PRICE_KINDS, at the time of the import. */
const SERIES = 'price_kind';

/** Kinds of the prices of imported symbols; the last import counts. */
export async function keepPriceKind(
  store: Store,
  market: Market,
  symbols: readonly string[],
  kind: PriceKind,
  time = Math.floor(Date.now() / 1000),
): Promise<void> {
  const value = Float64Array.of(PRICE_KINDS.indexOf(kind));
  for (const symbol of symbols)
    await store.series.put(market, symbol, SERIES, { length: 1, time: Float64Array.of(time), value });
}

export async function storedPriceKinds(store: Store, market: Market, symbols: readonly string[]): Promise<PriceKinds> {
  const kinds: Record<string, PriceKind> = {};
  for (const symbol of symbols) {
    const last = await store.series.lastAt(market, symbol, SERIES, Number.MAX_SAFE_INTEGER);
    const kind = last === null ? undefined : PRICE_KINDS[last.value];
    if (kind !== undefined) kinds[symbol] = kind;
  }
  return kinds;
}
