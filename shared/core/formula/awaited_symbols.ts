import { barSecondsOf, parsePair, symbolsOf, type Pair } from '../../pair.ts';
import { FEWEST_OF_SECTION } from './cross_section.ts';
import { partAsFormula } from './formula.ts';
import { isFor, type NamedFormula } from './named_formulas.ts';
import { otherSourcesOf, symbolsOfSources } from './other_symbols.ts';
import { groupsOf, type Group, type Section } from './sections.ts';

/**
 * Symbols whose minutes are waited for, sorted: by the id of a subject, and by `groupId` of pairs that are compared.
 * What waits for none is not in it.
 */
export type AwaitedSymbols = ReadonlyMap<string, readonly string[]>;

/** Symbols whose bars the formulas that are for a subject read, sorted. */
export function otherSymbolsFor(formulas: readonly NamedFormula[], subjectId: string): string[] {
  return symbolsOfSources(otherSourcesOf(formulas.filter((formula) => isFor(formula, subjectId)))).sort();
}

/** Pairs of one timeframe that are compared with each other. */
export interface ComparedPairs {
  /** In the order of their ids. */
  readonly pairs: readonly Pair[];
  readonly sections: readonly Section[];
}

/** The pairs that these groups compare: those of a timeframe, where there are enough of them. */
export function comparedPairsOf(groups: readonly Group[]): ComparedPairs[] {
  return groups.flatMap(({ members, sections }) => {
    const pairs = members.map(parsePair);
    const seconds = [...new Set(pairs.map(barSecondsOf))];
    return seconds
      .map((own) => ({ pairs: pairs.filter((pair) => barSecondsOf(pair) === own), sections }))
      .filter((compared) => compared.pairs.length >= FEWEST_OF_SECTION);
  });
}

/** Names the pairs that are compared: their ids, joined by commas. */
export function groupId(pairs: readonly Pair[]): string {
  return pairs.map(({ id }) => id).join();
}

/** The pairs of a group by its id; null: it is the id of a subject. */
export function pairsOfGroup(id: string): Pair[] | null {
  return id.includes(',') ? id.split(',').map(parsePair) : null;
}

/** Symbols whose bars a comparison needs: the legs of the pairs, and those that what is compared reads. Sorted. */
export function symbolsCompared({ pairs, sections }: ComparedPairs): string[] {
  const compared = sections.map(({ inputs }) => ({ formula: partAsFormula(inputs[0]!) }));
  return [...new Set([...symbolsOf(pairs), ...symbolsOfSources(otherSourcesOf(compared))])].sort();
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
  const configured = new Set(subjectIds);
  for (const compared of schemas.flatMap((formulas) => comparedPairsOf(groupsOf(formulas)))) {
    if (!compared.pairs.some(({ id }) => configured.has(id))) continue;
    const id = groupId(compared.pairs);
    awaited.set(id, [...new Set([...(awaited.get(id) ?? []), ...symbolsCompared(compared)])].sort());
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
