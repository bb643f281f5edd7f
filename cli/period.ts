import type { OpenTime } from '../shared/bar.ts';
import { MinutehandError } from '../shared/errors.ts';

/** `2019-03-01` or `2019-03-01T12:00[Z]`, always UTC, as a bar open. @throws MinutehandError USAGE */
export function parseDay(text: string, option: string): OpenTime {
  const match = /^(\d{4}-\d{2}-\d{2})(?:T(\d{2}:\d{2})(?::00)?Z?)?$/.exec(text);
  const ms = match === null ? NaN : Date.parse(`${match[1]}T${match[2] ?? '00:00'}:00Z`);
  if (Number.isNaN(ms))
    throw new MinutehandError('USAGE', {
      seen: `${option} ${text}`,
      expected: 'a UTC day or minute such as 2019-03-01 or 2019-03-01T12:00Z',
    });
  return (ms / 1000) as OpenTime;
}

/** @throws MinutehandError USAGE */
export function parseInteger(text: string, option: string, least = 0): number {
  const value = Number(text);
  if (!/^\d+$/.test(text) || !Number.isSafeInteger(value) || value < least) {
    throw new MinutehandError('USAGE', { seen: `${option} ${text}`, expected: `a whole number from ${least} on` });
  }
  return value;
}
