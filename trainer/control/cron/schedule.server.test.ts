import { afterEach, describe, expect, it } from 'vitest';
import { lastTimeOf, scheduleByCron, type Schedule } from './schedule.ts';

let schedule: Schedule | null = null;
const zone = process.env['TZ'];
afterEach(() => {
  schedule?.stop();
  if (zone === undefined) delete process.env['TZ'];
  else process.env['TZ'] = zone;
});

describe('the schedule of retraining', () => {
  it.each(['America/New_York', 'Asia/Tokyo', 'UTC'])('counts in UTC on a machine in %s', (timeZone) => {
    process.env['TZ'] = timeZone;
    schedule = scheduleByCron('30 3 1 * *', () => undefined);
    const next = schedule.next()!;
    expect(next.toISOString()).toMatch(/^\d{4}-\d{2}-01T03:30:00\.000Z$/);
    expect(next.getTime()).toBeGreaterThan(Date.now());
    expect(next.getTime() - Date.now()).toBeLessThanOrEqual(31 * 86_400_000);
  });

  it('has a last time, in UTC and not after now', () => {
    process.env['TZ'] = 'Asia/Tokyo';
    const at = (text: string): number => Date.parse(text);
    const last = (now: string): number | null => lastTimeOf('0 6 * * 1', at(now), at(now) - 8 * 86_400_000);
    expect(last('2026-11-18T12:34:56Z')).toBe(at('2026-11-16T06:00Z'));
    expect(last('2026-11-16T06:00:00Z')).toBe(at('2026-11-16T06:00Z'));
    expect(last('2026-11-16T05:59:59Z')).toBe(at('2026-11-09T06:00Z'));
    expect(lastTimeOf('0 6 1 1 *', at('2026-11-18T00:00Z'), at('2026-11-17T00:00Z'))).toBeNull();
  });

  it('calls the work at each of its times, until it is stopped', async () => {
    let calls = 0;
    schedule = scheduleByCron('* * * * * *', () => calls++);
    await expect.poll(() => calls).toBeGreaterThanOrEqual(2);
    schedule.stop();
    const before = calls;
    await new Promise((resolve) => setTimeout(resolve, 1500));
    expect(calls).toBe(before);
  });
});
