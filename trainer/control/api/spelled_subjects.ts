import { spellSubject, type SymbolNames } from '../../../shared/symbol/symbol.ts';

/** Fields of paths, queries and bodies that hold a subject or a symbol, or a list of them. */
export const SUBJECT_FIELDS = ['subject', 'subjects', 'symbol', 'symbols', 'pair', 'pairs', 'pair_id'] as const;

/** The word for all pairs, where a route has it; no symbol. */
export const ALL_SUBJECTS = 'all';

/**
 * Spells the subjects of a request as the program does: `eur/usd_gbp/usd` is `EURUSD_GBPUSD`. What is no such name
 * stays as it is, for the schema or the route to refuse.
 * @param values path parameters, query or body, changed in place
 */
export function spellSubjects(values: unknown, names: SymbolNames): void {
  if (typeof values !== 'object' || values === null || Array.isArray(values)) return;
  const own = values as Record<string, unknown>;
  const spell = (value: unknown): unknown =>
    typeof value !== 'string' || value === ALL_SUBJECTS ? value : spellSubject(value, names);
  for (const field of SUBJECT_FIELDS) {
    if (!Object.hasOwn(own, field)) continue;
    const value = own[field];
    own[field] = Array.isArray(value) ? value.map(spell) : spell(value);
  }
}
