import { MinutehandError } from '../errors.ts';
import { didYouMean } from '../policy/spelling.ts';

/** Names of parameters, each with the values that it may have; null = any. */
export type KnownQuery = Readonly<Record<string, readonly string[] | null>>;

/**
 * A parameter that nobody reads is ignored without a word, and its sender believes that it acts: `?backfil=1` would
 * publish history as live bars, `?kin=thresholds` begin a full training.
 * @param query each name with its value, as `URLSearchParams` gives them
 * @throws MinutehandError QUERY_UNKNOWN
 */
export function checkQuery(query: Iterable<readonly [name: string, value: string]>, known: KnownQuery): void {
  for (const [name, value] of query) {
    const values = Object.hasOwn(known, name) ? known[name] : undefined;
    if (values === undefined)
      refuse(`${name.slice(0, 80)}${didYouMean(name.slice(0, 80), Object.keys(known))}`, Object.keys(known));
    if (values !== null && !values.includes(value))
      refuse(
        `${name}=${value.slice(0, 80)}`,
        values.map((one) => `${name}=${one}`),
      );
  }
}

function refuse(seen: string, expected: readonly string[]): never {
  throw new MinutehandError('QUERY_UNKNOWN', {
    seen,
    expected: expected.length === 0 ? 'no parameter' : expected.join(', '),
  });
}
