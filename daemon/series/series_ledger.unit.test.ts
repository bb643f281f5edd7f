import { describe, expect, it } from 'vitest';
import type { EpochMs } from '../../shared/bar.ts';
import { SeriesLedger, type GivenObservation } from './series_ledger.ts';

const NOON = Date.parse('2025-10-14T12:00:00.000Z');
const HOUR = 3_600_000;
const at = (ms: number, maxClockSkewMs = 2000) => ({ nowMs: (NOON + ms) as EpochMs, maxClockSkewMs });
/** Of an event so many milliseconds from noon. */
const given = (ms: number, value = 0.5): GivenObservation => ({
  symbol: 'BTCUSDT',
  name: 'funding_rate',
  eventMs: NOON + ms,
  value,
});
const refusal = (code: string, seen: string, expected: string): Error =>
  expect.objectContaining({ code, seen, expected }) as Error;
/** Admits and notes; the outcome, and milliseconds from noon to the arrival. */
function take(ledger: SeriesLedger, own: GivenObservation, clock: ReturnType<typeof at>): unknown[] {
  const { outcome, observation } = ledger.admit(own, clock);
  if (observation === null) return [outcome, null];
  ledger.note(observation);
  expect(observation).toMatchObject({ symbol: own.symbol, name: own.name, value: own.value });
  expect(observation.eventTime).toBe(own.eventMs / 1000);
  return [outcome, Math.round(observation.arrivalTime * 1000 - NOON)];
}

describe('the ledger of series', () => {
  it('admits an event up to the skew of clocks in the future, as arriving no earlier than it is', () => {
    expect(take(new SeriesLedger(), given(2000), at(0))).toEqual(['accepted', 2000]);
    expect(() => new SeriesLedger().admit(given(2001), at(0))).toThrowError(
      refusal('SERIES_FUTURE', 'event_time 2025-10-14T12:00:02.001Z', 'at most 2025-10-14T12:00:02.000Z'),
    );
  });

  it('admits an event as long as a bar can see it', () => {
    expect(take(new SeriesLedger(), given(-12 * HOUR), at(0))).toEqual(['accepted', 0]);
    expect(() => new SeriesLedger().admit(given(-12 * HOUR - 1), at(0))).toThrowError(
      refusal('SERIES_STALE', 'funding_rate of 2025-10-13T23:59:59.999Z', 'at least 2025-10-14T00:00:00.000Z'),
    );
  });

  it('keeps symbols and series apart; only a revision arrives later than what came before', () => {
    const ledger = new SeriesLedger();
    expect(take(ledger, given(0), at(5))).toEqual(['accepted', 5]);
    expect(take(ledger, { ...given(0), symbol: 'ETHUSDT' }, at(5))).toEqual(['accepted', 5]);
    expect(take(ledger, { ...given(0), name: 'sentiment' }, at(5))).toEqual(['accepted', 5]);
    expect(take(ledger, given(-1), at(5))).toEqual(['accepted', 5]);
    expect(take(ledger, given(0), at(9))).toEqual(['duplicate', null]);
    expect(take(ledger, given(0, 0.6), at(5))).toEqual(['revised', 6]);
    expect(take(ledger, given(0, 0.6), at(5))).toEqual(['duplicate', null]);
  });

  it('lets arrivals ascend, behind the close of every bar, while the clock is not too far behind', () => {
    const ledger = new SeriesLedger();
    ledger.closed(NOON / 1000);
    ledger.closed(NOON / 1000 - 600);
    expect(take(ledger, given(0), at(0))).toEqual(['accepted', 60_001]);
    expect(take(ledger, given(-5), at(70_000))).toEqual(['accepted', 70_000]);
    expect(take(ledger, given(-4), at(8000))).toEqual(['accepted', 70_000]);
    expect(() => ledger.admit(given(-3), at(7999))).toThrowError(
      refusal('SERIES_CLOCK', '2025-10-14T12:00:07.999Z', 'at least 2025-10-14T12:01:10.000Z'),
    );
  });

  it('forgets an event that no bar can see', () => {
    const ledger = new SeriesLedger();
    const late = 12 * HOUR + 1000;
    for (const [event, clock] of [
      [0, 0],
      [1000, 1000],
      [late, late],
    ] as const)
      take(ledger, given(event), at(clock));
    // By a clock that is set back.
    const outcomes = [0, 1000].map((event) => ledger.admit(given(event, 0.5), at(12 * HOUR)).outcome);
    expect(outcomes).toEqual(['accepted', 'duplicate']);
  });
});
