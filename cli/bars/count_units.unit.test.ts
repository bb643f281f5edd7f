import { describe, expect, it } from 'vitest';
import { refuseOtherCounts } from './count_units.ts';

/** Monday 2025-01-06 00:00 UTC. */
const START = 1_736_121_600;
const times = Array.from({ length: 50 }, (_, i) => START + 60 * i);
const stamps = (of: (seconds: number) => number): string[] => times.map((time) => BigInt(of(time)).toString());

describe('counts of time', () => {
  it.each([
    ['days since 1970', times.map((_, i) => String(20_000 + i))],
    ['hours since 1970', times.map((_, i) => String(482_000 + i))],
    ['minutes since 1970', stamps((time) => time / 60)],
    ['tenths of a second since 1970', stamps((time) => time * 10)],
    ['picoseconds since 1970', stamps((time) => time * 1e12)],
    ['femtoseconds since 1970', stamps((time) => time * 1e15)],
    ['Windows file times', stamps((time) => (time + 11_644_473_600) * 1e7)],
    ['ticks of .NET', stamps((time) => (time + 62_135_596_800) * 1e7)],
  ])('that are %s are refused by that name', (name, texts) => {
    expect(() => refuseOtherCounts(texts)).toThrow(
      expect.objectContaining({ code: 'DATA_FORMAT', seen: expect.stringContaining(name) as string }) as Error,
    );
  });

  it('in seconds to nanoseconds, in turns, on other bars, as days of a spreadsheet or as dates are not refused', () => {
    for (const unit of [1, 1e3, 1e6, 1e9]) refuseOtherCounts(stamps((time) => time * unit));
    refuseOtherCounts(times.map((time, i) => String(i % 2 === 0 ? time : time * 1000)));
    for (const apart of [300, 3600, 86_400, 7 * 86_400])
      refuseOtherCounts(times.map((_, i) => String(START + i * apart)));
    refuseOtherCounts(times.map((_, i) => (45_663 + i / 1440).toFixed(10)));
    refuseOtherCounts(times.map((_, i) => String(45_663 + i)));
    refuseOtherCounts(times.map((_, i) => `20250106 17${String(i).padStart(2, '0')}00`));
  });
});
