import { describeError, knownError, type MinutehandError } from '../../../shared/errors.ts';

/** Why an entrant has no result: the error that ended it. */
export interface FailedEntrant {
  readonly name: string;
  readonly code: string;
  readonly message: string;
  /** What to do. */
  readonly next: string;
}

export function failedEntrant(name: string, error: unknown): FailedEntrant {
  const { code, message, next } = describeError(error);
  return { name, code, message, next };
}

export interface InstalledEntrants<Entrant> {
  readonly able: readonly Entrant[];
  readonly missing: readonly FailedEntrant[];
  /** Of the first that is missing. */
  readonly error: MinutehandError | undefined;
}

/**
 * Entrants whose learners are on this machine, and the others.
 * @param refuseMissing throws LEARNER_MISSING for a learner that is not; other errors go on
 */
export function installedEntrants<Entrant extends { readonly name: string }>(
  entrants: readonly Entrant[],
  refuseMissing: (entrant: Entrant) => void,
): InstalledEntrants<Entrant> {
  const able: Entrant[] = [];
  const missing: FailedEntrant[] = [];
  let first: MinutehandError | undefined;
  for (const entrant of entrants) {
    try {
      refuseMissing(entrant);
      able.push(entrant);
    } catch (error) {
      const known = knownError(error);
      if (known?.code !== 'LEARNER_MISSING') throw error;
      missing.push(failedEntrant(entrant.name, known));
      first ??= known;
    }
  }
  return { able, missing, error: first };
}
