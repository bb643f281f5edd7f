import { describe, expect, it } from 'vitest';
import { statusLines } from './status.ts';

const T0 = 1_795_000_000_000;
const FLAT = {
  pairId: 'XAUUSD_XAGUSD',
  last: null,
  refusal: '',
  positionId: '',
  openedMs: null,
  side: 0,
  floating: 0,
  realised: 0,
} as const;
const HEAD = { equity: 10_000, currency: 'USD', source: 'Redis up', killed: false };

describe('status lines of the paper trading consumer', () => {
  it('show open positions, their age, and the last signal of each pair', () => {
    const last = {
      mode: 'OK',
      reason: 'IN_POSITION',
      z: -2.345,
      generatedMs: T0 - 12_000,
      validUntilMs: T0 + 1,
    } as const;
    const held = { ...FLAT, last, side: -1, openedMs: T0 - 180_000, floating: -3.2, realised: 1 } as const;
    expect(statusLines([held, { ...FLAT, pairId: 'EURUSD_GBPUSD' }], HEAD, T0, 200)).toEqual([
      'paper 10000.00 USD  1 open  Redis up',
      'XAUUSD_XAGUSD     OK       IN_POSITION z -2.35  12 s  short 3 min -3.20  booked +1.00',
      'EURUSD_GBPUSD     no signal yet  flat  booked +0.00',
    ]);
  });

  it('name silence, refusals and the kill switch, and fit the terminal', () => {
    const last = { mode: 'HALT', reason: 'SILENCE', z: null, generatedMs: T0 - 400_000, validUntilMs: T0 - 1 } as const;
    const lines = statusLines([{ ...FLAT, last, refusal: 'STALE' }], { ...HEAD, killed: true }, T0, 200);
    expect(lines[0]).toContain('KILLED');
    expect(lines[1]).toMatch(/SILENCE .* SILENT .*refused STALE$/);
    expect(statusLines([{ ...FLAT, last }], HEAD, T0, 30).every(({ length }) => length <= 30)).toBe(true);
  });
});
