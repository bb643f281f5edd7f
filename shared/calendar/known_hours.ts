import { MinutehandError } from '../errors.ts';
import type { ScheduledEvent } from './calendar_text.ts';

/** Releases that keep one hour of New York all year, by the names that calendars give them. */
const KNOWN_HOURS: readonly { readonly name: RegExp; readonly minute: number }[] = [
  {
    name: /non-?farm (payrolls|employment)|retail sales|jobless claims|unemployment (rate|claims)|^(core )?cpi\b/i,
    minute: 510,
  },
  { name: /^ism\b/i, minute: 600 },
  { name: /fomc statement|federal funds rate|^fed interest rate/i, minute: 840 },
];
/** Fewer tell nothing: single releases are moved at times. */
const MIN_EVENTS = 3;
const LEAST_SHARE = 0.5;

const NEW_YORK = new Intl.DateTimeFormat('en', {
  timeZone: 'America/New_York',
  hour: '2-digit',
  minute: '2-digit',
  hourCycle: 'h23',
});

/**
 * Refuses events on another clock than was said: American releases whose hour is known are at other hours.
 * @throws MinutehandError NEWS_ZONE
 */
export function refuseOtherClock(events: readonly ScheduledEvent[]): void {
  const offsets: number[] = [];
  for (const { currency, name, time } of events) {
    const due = currency === 'USD' ? KNOWN_HOURS.find((one) => one.name.test(name)) : undefined;
    if (due !== undefined) offsets.push(minuteInNewYork(time) - due.minute);
  }
  const fitting = offsets.filter((offset) => offset === 0).length;
  if (offsets.length < MIN_EVENTS || fitting >= LEAST_SHARE * offsets.length) return;
  const usual = mostCommon(offsets);
  throw new MinutehandError('NEWS_ZONE', {
    seen: `${offsets.length - fitting} of ${offsets.length} American releases at another hour than theirs, mostly ${usual > 0 ? '+' : ''}${usual} min`,
    expected: 'payrolls, prices and claims at 08:30, ISM at 10:00, the Fed’s decision at 14:00 in New York',
  });
}

function minuteInNewYork(time: number): number {
  const [hour, minute] = NEW_YORK.format(new Date(time * 1000))
    .split(':')
    .map(Number) as [number, number];
  return hour * 60 + minute;
}

function mostCommon(values: readonly number[]): number {
  const counts = new Map<number, number>();
  for (const value of values) counts.set(value, (counts.get(value) ?? 0) + 1);
  return [...counts].sort((a, b) => b[1] - a[1])[0]![0];
}
