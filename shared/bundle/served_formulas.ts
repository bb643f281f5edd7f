import { handWrittenDefinitions } from '../core/features/features.ts';
import type { Windows } from '../core/features/windows.ts';
import { formulasOf, otherSymbolsFor } from '../core/formula/named_formulas.ts';
import { otherSymbolsIn } from '../core/formula/other_symbols.ts';
import { MinutehandError } from '../errors.ts';
import { isInstrument, symbolsOf, type Pair } from '../pair.ts';
import { shardsOf, shardSubjects } from '../policy/policy.ts';
import type { Settings } from '../policy/policy.ts';

/** The pairs and instruments of a daemon. */
export type DaemonSubjects = readonly Pair[];

/** What formulas read that serving cannot compute, as an error words it. */
export interface UnservedFormulas {
  readonly code: 'MODEL_SYMBOLS';
  /** Without its subject: `reads EURUSD for XAUUSD_XAGUSD`. */
  readonly seen: string;
  readonly expected: string;
}

/** What each configured daemon has. */
export function daemonsOf({ minutehand }: Pick<Settings, 'minutehand'>): DaemonSubjects[] {
  return shardsOf(minutehand).map(({ name }) => shardSubjects(minutehand, name));
}

/**
 * Refuses formulas that serving cannot compute. Nothing overrides this.
 * @param what the version of a bundle, or `a training`
 * @param windows of this configuration, with the formulas of the bundle: its manifest may be older than a window
 * @param daemons see `unservedFormulas`
 * @throws MinutehandError MODEL_SYMBOLS
 */
export function refuseUnservedFormulas(
  what: string,
  windows: Windows,
  daemons: readonly DaemonSubjects[] | null,
): void {
  const unserved = unservedFormulas(windows, daemons);
  if (unserved === null) return;
  const { code, seen, expected } = unserved;
  throw new MinutehandError(code, { seen: `${what} ${seen}`, expected });
}

/**
 * What formulas read that serving cannot compute, the same at every door by which a bundle comes into use: a symbol of
 * which the daemon of a pair gets no bars would be missing at every bar. null: nothing; otherwise of the first such
 * pair.
 * @param daemons that serve the bundle; null: not known here, or replayed on files, which may have any symbol
 */
export function unservedFormulas(windows: Windows, daemons: readonly DaemonSubjects[] | null): UnservedFormulas | null {
  if (daemons === null || otherSymbolsIn(windows.formulas).length === 0) return null;
  const formulas = formulasOf(windows, handWrittenDefinitions(windows));
  for (const subjects of daemons) {
    const fed = new Set(symbolsOf(subjects));
    for (const { id } of subjects.filter((subject) => !isInstrument(subject))) {
      const unfed = otherSymbolsFor(formulas, id).filter((symbol) => !fed.has(symbol));
      if (unfed.length > 0)
        return {
          code: 'MODEL_SYMBOLS',
          seen: `reads ${unfed.join(', ')} for ${id}`,
          expected: 'symbols of pairs or instruments of the same daemon',
        };
    }
  }
  return null;
}
