import { describe, expect, it } from 'vitest';
import { CronTimes } from './cron_times.ts';

const at = (text: string): number => Date.parse(text);
const iso = (ms: number | null): string | null => (ms === null ? null : new Date(ms).toISOString().slice(0, 16));

function timesAfter(cron: string, from: string, count: number): (string | null)[] {
  const times = new CronTimes(cron);
  const found: (string | null)[] = [];
  let ms: number | null = at(from);
  while (ms !== null && found.length < count) {
    ms = times.nextAfter(ms);
    found.push(iso(ms));
  }
  times.close();
  return found;
}

describe('times of a cron expression', () => {
  it('are those of either day field where both name days', () => {
    // 2026-12-15 is a Tuesday; the Mondays are the 7th, 14th, 21st.
    expect(timesAfter('0 3 15 * 1', '2026-12-01T00:00Z', 4)).toEqual([
      '2026-12-07T03:00',
      '2026-12-14T03:00',
      '2026-12-15T03:00',
      '2026-12-21T03:00',
    ]);
    expect(timesAfter('0 3 15 1 1', '2026-12-01T00:00Z', 3)).toEqual([
      '2027-01-04T03:00',
      '2027-01-11T03:00',
      '2027-01-15T03:00',
    ]);
  });

  it('are those of both day fields where one begins with a star', () => {
    expect(timesAfter('0 3 */2 * 1', '2026-12-01T00:00Z', 2)).toEqual(['2026-12-07T03:00', '2026-12-21T03:00']);
    expect(timesAfter('0 3 1 * *', '2026-12-01T03:00Z', 2)).toEqual(['2027-01-01T03:00', '2027-02-01T03:00']);
  });

  it('look ahead over years', () => {
    expect(timesAfter('0 0 29 2 *', '2026-12-01T00:00Z', 1)).toEqual(['2028-02-29T00:00']);
  });

  it('have a last one, however unevenly they are spaced', () => {
    // Every day but Tuesday and Thursday: the next three after a Sunday are two days apart each.
    const times = new CronTimes('0 0 * * 0,1,3,5,6');
    expect(iso(times.lastUpTo(at('2026-12-06T12:00Z'), 0))).toBe('2026-12-06T00:00');
    expect(iso(times.lastUpTo(at('2026-12-08T12:00Z'), 0))).toBe('2026-12-07T00:00');
    expect(times.lastUpTo(at('2026-12-08T12:00Z'), at('2026-12-07T00:01Z'))).toBeNull();
    times.close();
  });
});
