import { canonicalJson } from '../../shared/policy/policy_hash.ts';
import { shortHash, type Value } from './values.ts';

/** The entries of a bulky part, each by what `lineOf` makes of it. */
export function condenseEntries(lineOf: (entry: Value, name: string) => Value): (whole: Value) => Value {
  return (whole) =>
    Object.fromEntries(Object.entries(whole as Record<string, Value>).map(([name, own]) => [name, lineOf(own, name)]));
}

/** Tells a value from any other one; the order of names does not count. */
export function hashOf(value: Value): string {
  return shortHash(canonicalJson(value));
}
