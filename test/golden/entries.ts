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

/** The same value, with the length and the hash of each list of more than `most` members in its place. */
export function withoutLongLists(value: Value, most: number): Value {
  if (typeof value !== 'object' || value === null) return value;
  if (Array.isArray(value))
    return value.length > most
      ? `${value.length}, ${hashOf(value)}`
      : value.map((own: Value) => withoutLongLists(own, most));
  return Object.fromEntries(Object.entries(value).map(([name, own]) => [name, withoutLongLists(own as Value, most)]));
}
