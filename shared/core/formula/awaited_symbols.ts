import { isFor, type NamedFormula } from './named_formulas.ts';
import { otherSourcesOf, symbolsOfSources } from './other_symbols.ts';

/** Symbols whose minutes subjects wait for, sorted, by the id of the subject. What waits for none is not in it. */
export type AwaitedSymbols = ReadonlyMap<string, readonly string[]>;

/** Symbols whose bars the formulas that are for a subject read, sorted. */
export function otherSymbolsFor(formulas: readonly NamedFormula[], subjectId: string): string[] {
  return symbolsOfSources(otherSourcesOf(formulas.filter((formula) => isFor(formula, subjectId)))).sort();
}

/** What subjects wait for when several models with formulas are loaded. */
export function awaitedBy(
  schemas: readonly (readonly NamedFormula[])[],
  subjectIds: readonly string[],
): AwaitedSymbols {
  const awaited = new Map<string, readonly string[]>();
  if (schemas.length === 0) return awaited;
  for (const id of subjectIds) {
    const symbols = [...new Set(schemas.flatMap((formulas) => otherSymbolsFor(formulas, id)))].sort();
    if (symbols.length > 0) awaited.set(id, symbols);
  }
  return awaited;
}

/** As the journal has it: JSON, sorted by subject, so that equal ones are equal texts. */
export function awaitedText(awaited: AwaitedSymbols): string {
  const entries = [...awaited].sort(([x], [y]) => (x < y ? -1 : 1));
  return JSON.stringify(Object.fromEntries(entries));
}

export function parseAwaited(text: string): AwaitedSymbols {
  return new Map(Object.entries(JSON.parse(text) as Record<string, string[]>));
}
