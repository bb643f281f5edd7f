import { describe, expect, it } from 'vitest';
import { durationMs, type DurationOption } from './duration_option.ts';

const EXPIRES: DurationOption = { option: '--expires', units: ['h', 'd'], example: '12h or 30d' };

describe('a duration', () => {
  it('is a number of minutes, hours or days', () => {
    const silence: DurationOption = { option: '--for', units: ['m', 'h', 'd'], example: '30m, 2h or 7d' };
    expect(['30m', '2h', '7d'].map((text) => durationMs(text, silence))).toEqual([1_800_000, 7_200_000, 604_800_000]);
    expect(durationMs('12h', EXPIRES)).toBe(43_200_000);
  });

  it('is a number of seconds where an option takes them, and nowhere else', () => {
    const time: DurationOption = { option: '--task-time', units: ['s', 'm'], example: '90s or 20m' };
    expect(['90s', '20m'].map((text) => durationMs(text, time))).toEqual([90_000, 1_200_000]);
    expect(() => durationMs('90s', EXPIRES)).toThrow(expect.objectContaining({ code: 'USAGE' }));
  });

  it.each(['', '5', 'h', '1.5h', '-1h', '12 h', '1H', '10000d', '30m', '1h2d'])('is not %j', (text) => {
    expect(() => durationMs(text, EXPIRES)).toThrow(
      expect.objectContaining({ code: 'USAGE', message: expect.stringContaining('12h or 30d') as string }),
    );
  });
});
