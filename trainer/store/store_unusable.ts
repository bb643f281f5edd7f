import { MinutehandError } from '../../shared/errors.ts';
import { unopenedDatabase } from '../../shared/files.ts';
import { postgresNext } from '../../shared/postgres_causes.ts';
import { isDatabaseDamage } from '../../shared/store/damaged_files.ts';

/**
 * STORE_UNUSABLE, DATABASE_DAMAGED, FILE_DENIED or DISK_FULL, with the reason; an error with a code stays.
 * @param place of the store, without a password
 */
export function unusable(place: string, cause: unknown): MinutehandError {
  if (cause instanceof MinutehandError) return cause;
  // When a host has several addresses, the reasons are inside the error.
  const reasons = cause instanceof AggregateError ? (cause.errors as unknown[]) : [cause];
  const texts = reasons.map((reason) => (reason instanceof Error ? reason.message : String(reason)));
  const seen = `${place}: ${texts.join('; ')}`;
  const unopened = unopenedDatabase(place, cause, { readOnly: false });
  if (unopened !== null) return unopened;
  if (isDatabaseDamage(cause)) return new MinutehandError('DATABASE_DAMAGED', { seen, cause });
  const next = reasons.map((reason) => postgresNext((reason as { code?: unknown } | null)?.code)).find(Boolean);
  return new MinutehandError('STORE_UNUSABLE', { seen, ...(next != null && { next }), cause });
}
