import { utcDay } from '../../../shared/utc_day.ts';
import { MinutehandError } from '../../../shared/errors.ts';

export const DAY_MS = 86_400_000;

/** Epoch ms of the start of a UTC day. @throws MinutehandError USAGE if there is no such day */
export function dayStartMs(day: string): number {
  const ms = /^\d{4}-\d{2}-\d{2}$/.test(day) ? Date.parse(`${day}T00:00:00Z`) : NaN;
  // February 30 would otherwise be March 2.
  if (Number.isNaN(ms) || utcDay(ms) !== day)
    throw new MinutehandError('USAGE', { seen: `the day ${day}`, expected: 'a UTC day such as 2026-11-20' });
  return ms;
}

/** Every day from `from` to `to`, inclusive. */
export function daysBetween(from: string, to: string): string[] {
  const days: string[] = [];
  for (let ms = dayStartMs(from); ms <= dayStartMs(to); ms += DAY_MS) days.push(utcDay(ms));
  return days;
}
