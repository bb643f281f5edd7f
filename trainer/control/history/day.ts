import { MinutehandError } from '../../../shared/errors.ts';

export const DAY_MS = 86_400_000;

/** UTC day of a time, `2026-11-20`. */
export function dayOf(ms: number): string {
  return new Date(ms).toISOString().slice(0, 10);
}

/** Epoch ms of the start of a UTC day. @throws MinutehandError USAGE if there is no such day */
export function dayStartMs(day: string): number {
  const ms = /^\d{4}-\d{2}-\d{2}$/.test(day) ? Date.parse(`${day}T00:00:00Z`) : NaN;
  // February 30 would otherwise be March 2.
  if (Number.isNaN(ms) || dayOf(ms) !== day)
    throw new MinutehandError('USAGE', { seen: `the day ${day}`, expected: 'a UTC day such as 2026-11-20' });
  return ms;
}

/** Every day from `from` to `to`, inclusive. */
export function daysBetween(from: string, to: string): string[] {
  const days: string[] = [];
  for (let ms = dayStartMs(from); ms <= dayStartMs(to); ms += DAY_MS) days.push(dayOf(ms));
  return days;
}
