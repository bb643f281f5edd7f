import { describe, expect, it } from 'vitest';
import { parseDurationMs } from './duration.ts';

describe('parseDurationMs', () => {
  it('takes seconds, minutes and hours', () => {
    expect(['90s', '10m', '1.5h'].map(parseDurationMs)).toEqual([90_000, 600_000, 5_400_000]);
  });

  it('refuses everything else as misuse', () => {
    for (const text of ['', '10', 'm', '0s', '-1m', '1d', '1e3s'])
      expect(() => parseDurationMs(text), text).toThrow(expect.objectContaining({ code: 'USAGE' }));
  });
});
