import { MinutehandError } from '../../shared/errors.ts';

/** STORE_UNUSABLE with the reason; an error with a code stays. @param place of the store, without a password */
export function unusable(place: string, cause: unknown): MinutehandError {
  if (cause instanceof MinutehandError) return cause;
  // When a host has several addresses, the reasons are inside the error.
  const reasons = cause instanceof AggregateError ? (cause.errors as unknown[]) : [cause];
  const texts = reasons.map((reason) => (reason instanceof Error ? reason.message : String(reason)));
  return new MinutehandError('STORE_UNUSABLE', { seen: `${place}: ${texts.join('; ')}`, cause });
}
