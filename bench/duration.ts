import { MinutehandError } from '../shared/errors.ts';

const UNIT_MS = { s: 1000, m: 60_000, h: 3_600_000 } as const;

/** `90s`, `10m` or `1.5h` in milliseconds. @throws MinutehandError USAGE */
export function parseDurationMs(text: string): number {
  const match = /^(\d+(?:\.\d+)?)([smh])$/.exec(text);
  const ms = match === null ? 0 : Number(match[1]) * UNIT_MS[match[2] as keyof typeof UNIT_MS];
  if (!(ms > 0)) throw new MinutehandError('USAGE', { seen: `a duration of "${text}"`, expected: '90s, 10m or 1.5h' });
  return ms;
}
