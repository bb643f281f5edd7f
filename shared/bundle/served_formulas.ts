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

/** How a bundle answers bars. */
export interface Serving {
  readonly role: 'active' | 'shadow' | 'rollout';
  /** Daemons that serve the bundle; null: not known here, or replayed on files, which may have any symbol. */
  readonly daemons: readonly DaemonSubjects[] | null;
}

/** What formulas read that serving cannot compute, as an error words it. */
export interface UnservedFormulas {
  readonly code: 'MODEL_SYMBOLS';
  /** Without its subject: `reads EURUSD`. */
  readonly seen: string;
  readonly expected?: string;
  readonly next?: string;
}

/** null: it is served. */
type Limit = (windows: Windows, serving: Serving) => UnservedFormulas | null;

/** What formulas can be trained with but not served, in the order of checks: the first that applies is reported. */
const LIMITS: readonly Limit[] = [symbolsBesideTheActive, unfedSymbols];

/** What each configured daemon has. */
export function daemonsOf({ minutehand }: Pick<Settings, 'minutehand'>): DaemonSubjects[] {
  return shardsOf(minutehand).map(({ name }) => shardSubjects(minutehand, name));
}

/** What formulas read that serving cannot compute: the same at every door by which a bundle comes into use. */
export function unservedFormulas(windows: Windows, serving: Serving): UnservedFormulas[] {
  return LIMITS.flatMap((limit) => limit(windows, serving) ?? []);
}

/**
 * Refuses formulas that serving cannot compute. Nothing overrides this.
 * @param what the version of a bundle, or `a training`
 * @param windows of this configuration, with the formulas of the bundle: its manifest may be older than a window
 * @throws MinutehandError MODEL_SYMBOLS
 */
export function refuseUnservedFormulas(what: string, windows: Windows, serving: Serving): void {
  const [first] = unservedFormulas(windows, serving);
  if (first === undefined) return;
  const { code, seen, ...others } = first;
  throw new MinutehandError(code, { seen: `${what} ${seen}`, ...others });
}

/** Pairs would wait for a bundle that publishes nothing, or that may end at any bar: its answers are not journaled. */
function symbolsBesideTheActive({ formulas }: Windows, { role }: Serving): UnservedFormulas | null {
  const symbols = otherSymbolsIn(formulas);
  if (symbols.length === 0 || role === 'active') return null;
  return {
    code: 'MODEL_SYMBOLS',
    seen: `reads ${symbols.join(', ')}`,
    expected: role === 'shadow' ? 'a shadow that reads its own legs' : 'a challenger that reads its own legs',
    next: 'Compare it with `minutehand backtest`, or make it active with `minutehand models promote`.',
  };
}

/** A symbol of which the daemon of a pair gets no bars would be missing at every bar: told of the first such pair. */
function unfedSymbols(windows: Windows, { daemons }: Serving): UnservedFormulas | null {
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
