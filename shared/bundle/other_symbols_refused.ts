import { otherSymbolsIn } from '../core/formula/other_symbols.ts';
import { MinutehandError } from '../errors.ts';

/**
 * Refuses to serve formulas that read the bars of other symbols: a live bar would have to wait until the minute of each
 * of them has ended, which no daemon does (docs/adr/0038-other-symbols-are-not-served.md). Nothing overrides this.
 * @param windows of a bundle, or of a training that is to be adopted
 * @throws MinutehandError MODEL_SYMBOLS
 */
export function refuseOtherSymbols(version: string, windows: { readonly formulas?: unknown }): void {
  const symbols = otherSymbolsIn(windows.formulas);
  if (symbols.length === 0) return;
  throw new MinutehandError('MODEL_SYMBOLS', { seen: `${version} reads ${symbols.join(', ')}` });
}
