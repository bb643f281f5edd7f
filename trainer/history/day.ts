import { MinutehandError } from '../../shared/errors.ts';

export const DAY_MS = 86_400_000;

/** The UTC day of a moment, `2026-11-20`. */
export function dayOf(ms: number): string {
  return new Date(ms).toISOString().slice(0, 10);
}

/** Epoch ms at which a UTC day begins. @throws MinutehandError USAGE when there is no such day */
export function dayStartMs(day: string): number {
  const ms = /^\d{4}-\d{2}-\d{2}$/.test(day) ? Date.parse(`${day}T00:00:00Z`) : NaN;
  // The 30th of February would otherwise be the 2nd of March.
  if (Number.isNaN(ms) || dayOf(ms) !== day)
    throw new MinutehandError('USAGE', { seen: `the day ${day}`, expected: 'a UTC day such as 2026-11-20' });
  return ms;
}

/** Every day from `from` up to `to`, both included. */
export function daysBetween(from: string, to: string): string[] {
  const days: string[] = [];
  for (let ms = dayStartMs(from); ms <= dayStartMs(to); ms += DAY_MS) days.push(dayOf(ms));
  return days;
}
