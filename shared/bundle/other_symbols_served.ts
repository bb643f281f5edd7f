import { handWrittenDefinitions } from '../core/features/features.ts';
import type { Windows } from '../core/features/windows.ts';
import { otherSymbolsFor } from '../core/formula/awaited_symbols.ts';
import { formulasOf } from '../core/formula/named_formulas.ts';
import { otherSymbolsIn } from '../core/formula/other_symbols.ts';
import { MinutehandError } from '../errors.ts';
import { isInstrument, symbolsOf, type Pair } from '../pair.ts';
import { shardsOf, shardSubjects } from '../policy/policy.ts';
import type { Settings } from '../policy/policy.ts';

/** The pairs and instruments of a daemon. */
export type DaemonSubjects = readonly Pair[];

/** What each configured daemon has. */
export function daemonsOf({ minutehand }: Pick<Settings, 'minutehand'>): DaemonSubjects[] {
  return shardsOf(minutehand).map(({ name }) => shardSubjects(minutehand, name));
}

/**
 * What formulas read of symbols of which the daemon of their pair gets no bars, in words: the first pair of which this
 * is so. null: no daemon lacks any.
 * @param given windows of a bundle, or of a training
 */
export function unfedSymbols(
  given: { readonly formulas?: unknown },
  daemons: readonly DaemonSubjects[],
): string | null {
  const windows = given as Windows;
  if (otherSymbolsIn(windows.formulas).length === 0) return null;
  const formulas = formulasOf(windows, handWrittenDefinitions(windows));
  for (const subjects of daemons) {
    const fed = new Set(symbolsOf(subjects));
    for (const { id } of subjects.filter((subject) => !isInstrument(subject))) {
      const unfed = otherSymbolsFor(formulas, id).filter((symbol) => !fed.has(symbol));
      if (unfed.length > 0) return `${unfed.join(', ')} for ${id}`;
    }
  }
  return null;
}

/**
 * Refuses formulas that read a symbol of which the daemon of their pair gets no bars: they would be missing at every
 * bar. Nothing overrides this.
 * @param windows of a bundle, or of a training that is to be adopted
 * @throws MinutehandError MODEL_SYMBOLS
 */
export function refuseUnfedSymbols(
  version: string,
  windows: { readonly formulas?: unknown },
  daemons: readonly DaemonSubjects[],
): void {
  const unfed = unfedSymbols(windows, daemons);
  if (unfed === null) return;
  throw new MinutehandError('MODEL_SYMBOLS', {
    seen: `${version} reads ${unfed}`,
    expected: 'symbols of pairs or instruments of the same daemon',
  });
}

/**
 * Refuses formulas that read other symbols where their answers are not journaled: pairs would wait for a bundle that
 * publishes nothing, or that may end at any bar.
 * @throws MinutehandError MODEL_SYMBOLS
 */
export function refuseOtherSymbols(
  version: string,
  windows: { readonly formulas?: unknown },
  role: 'shadow' | 'rollout',
): void {
  const symbols = otherSymbolsIn(windows.formulas);
  if (symbols.length === 0) return;
  throw new MinutehandError('MODEL_SYMBOLS', {
    seen: `${version} reads ${symbols.join(', ')}`,
    expected: role === 'shadow' ? 'a shadow that reads its own legs' : 'a challenger that reads its own legs',
    next: 'Compare it with `minutehand backtest`, or make it active with `minutehand models promote`.',
  });
}
