import { nearNames, onlyTimeframe } from '../../shared/policy/spelling.ts';

/** What a name of the address means among the names that exist. */
export type Named =
  | { readonly kind: 'none' }
  | { readonly kind: 'known'; readonly name: string }
  | { readonly kind: 'unknown'; readonly asked: string; readonly near: readonly string[] };

export type UnknownName = Extract<Named, { readonly kind: 'unknown' }>;

/**
 * The name itself, the only one that differs from it in letter case, or the only one that adds a timeframe to it; else
 * the ones nearest to it.
 */
export function named(asked: string | null, known: readonly string[]): Named {
  if (asked === null || asked === '') return { kind: 'none' };
  if (known.includes(asked)) return { kind: 'known', name: asked };
  const same = known.filter((name) => name.toLowerCase() === asked.trim().toLowerCase());
  if (same.length === 1) return { kind: 'known', name: same[0]! };
  const only = onlyTimeframe(asked.trim().toUpperCase(), known);
  if (only !== null) return { kind: 'known', name: only };
  return { kind: 'unknown', asked, near: nearNames(asked, known, 5) };
}

/**
 * A whole number of the address.
 * @returns null for what is none of `allowed`
 */
export function numberNamed(asked: string | null, usual: number, allowed: readonly number[]): number | null {
  if (asked === null || asked === '') return usual;
  const value = Number(asked);
  return allowed.includes(value) ? value : null;
}

const MINUTE = /^(\d{4}-\d\d-\d\d)[T ](\d\d:\d\d)(?::\d\d(?:\.\d+)?)?(Z|[+-]\d\d:\d\d)?$/;

/**
 * A minute of the address, UTC where no zone is named, as `status` and logs print it.
 * @returns epoch seconds, or null for other text
 */
export function minuteNamed(asked: string): number | null {
  const [, day, minute, zone = 'Z'] = MINUTE.exec(asked.trim()) ?? [];
  const ms = day === undefined ? NaN : Date.parse(`${day}T${minute}:00${zone}`);
  return Number.isNaN(ms) ? null : ms / 1000;
}
