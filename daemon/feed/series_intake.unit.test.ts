import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { EpochMs, OpenTime } from '../../shared/bar.ts';
import type { Observation } from '../../shared/core/series/series_book.ts';
import { parseObservation, observationRow } from '../../shared/store/observation.ts';
import { SeriesLedger } from '../series/series_ledger.ts';
import { createSeriesIntake, type SeriesIntake, type SeriesIntakeOptions } from './series_intake.ts';

const NOW_MS = Date.parse('2025-10-14T12:36:00.250Z');
const HOUR = 3_600_000;
const GOOD = { symbol: 'BTCUSDT', series: 'funding_rate', event_time: '2025-10-14T12:00:00Z', value: 0.0001 };

interface Setup {
  readonly intake: SeriesIntake;
  readonly ledger: SeriesLedger;
  readonly taken: Observation[];
  readonly outcomes: string[];
  now: number;
}

function setUp(changes: Partial<SeriesIntakeOptions> = {}): Setup {
  const [taken, outcomes, ledger]: [Observation[], string[], SeriesLedger] = [[], [], new SeriesLedger()];
  const setup = { ledger, taken, outcomes, now: NOW_MS };
  const intake = createSeriesIntake({
    sink: {
      hasSymbol: (symbol) => symbol === 'BTCUSDT',
      observe(given, clock) {
        const { outcome, observation } = ledger.admit(given, clock);
        if (observation !== null) {
          ledger.note(observation);
          taken.push(observation);
        }
        return outcome;
      },
    },
    bootId: 'boot',
    clock: { nowMs: () => setup.now as EpochMs, monotonicUs: () => 0 },
    maxClockSkewMs: 2000,
    maxBars: 10,
    open: true,
    onOutcome: (outcome) => outcomes.push(outcome),
    ...changes,
  });
  return Object.assign(setup, { intake });
}

const send = (setup: Setup, ...values: readonly object[]): ReturnType<SeriesIntake> =>
  setup.intake(JSON.stringify(values));

describe('the intake of series', () => {
  it('records a value as arriving now, a repeated one as a duplicate, and a different one as a later revision', () => {
    const setup = setUp();
    expect(
      send(setup, GOOD, GOOD, { ...GOOD, value: 0.0002 }, { ...GOOD, event_time: Date.parse(GOOD.event_time) }),
    ).toEqual({
      boot_id: 'boot',
      accepted: 3,
      revised: 2,
      duplicates: 1,
      rejected: [],
    });
    const eventTime = Date.parse(GOOD.event_time) / 1000;
    expect(setup.taken).toMatchObject([
      { symbol: 'BTCUSDT', name: 'funding_rate', eventTime, arrivalTime: NOW_MS / 1000, value: 0.0001 },
      { arrivalTime: (NOW_MS + 1) / 1000, value: 0.0002 },
      { arrivalTime: (NOW_MS + 2) / 1000, value: 0.0001 },
    ]);
    expect(setup.outcomes).toEqual(['accepted', 'duplicate', 'revised', 'revised']);
  });

  it.each([
    ['no symbol', { symbol: undefined }, 'SERIES_MALFORMED'],
    ['a series of no name', { series: 'fear' }, 'SERIES_MALFORMED'],
    ['a value that is text', { value: '1' }, 'SERIES_MALFORMED'],
    ['an impossible value', { value: 2 }, 'SERIES_MALFORMED'],
    ['a time without a zone', { event_time: '2025-10-14T12:00:00' }, 'SERIES_MALFORMED'],
    ['epoch seconds', { event_time: 1_760_443_200 }, 'SERIES_MALFORMED'],
    ['an arrival time', { arrival_time: '2025-10-14T12:00:00Z' }, 'SERIES_MALFORMED'],
    ['a symbol of nothing', { symbol: 'ETHUSDT' }, 'BAR_UNKNOWN_SYMBOL'],
    ['an event of the future', { event_time: NOW_MS + 2001 }, 'SERIES_FUTURE'],
    ['an event that no bar can see', { event_time: NOW_MS - 12 * HOUR - 1 }, 'SERIES_STALE'],
  ])('refuses %s, and takes the others', (_, change, code) => {
    const setup = setUp();
    expect(send(setup, { ...GOOD, ...change }, GOOD)).toMatchObject({ accepted: 1, rejected: [{ index: 0, code }] });
  });

  it('refuses everything when the market is its own, and too much at once', () => {
    expect(send(setUp({ open: false }), GOOD).rejected).toMatchObject([{ code: 'FEED_CLOSED' }]);
    expect(() => send(setUp(), ...Array.from({ length: 11 }, () => GOOD))).toThrow(/11 values.*at most 10/);
    expect(send(setUp({ isElsewhere: () => true }), { ...GOOD, symbol: 'ETHUSDT' })).toMatchObject({ rejected: [] });
  });

  it('never records an arrival before the close of an ended bar, or before an earlier arrival', () => {
    const setup = setUp();
    setup.ledger.closed(Math.floor(NOW_MS / 60_000) * 60 - 59);
    send(setup, GOOD);
    setup.now -= 1000;
    send(setup, { ...GOOD, value: 0 });
    const [first, second] = setup.taken;
    expect(first!.arrivalTime).toBeGreaterThan(Math.floor(NOW_MS / 60_000) * 60 + 1);
    expect(second!.arrivalTime).toBeGreaterThan(first!.arrivalTime);
    setup.now -= 120_000;
    expect(send(setup, { ...GOOD, value: 1 }).rejected).toMatchObject([{ code: 'SERIES_CLOCK' }]);
  });
});

describe('an observation in the journal', () => {
  it('is read as it was written, to the bit, at the minute of its arrival', () => {
    fc.assert(
      fc.property(fc.integer({ min: 0, max: 4e12 }), fc.nat(1e6), fc.double({ noNaN: true }), (event, delay, value) => {
        const eventTime = event / 1000;
        const arrivalTime = (event + delay) / 1000;
        const own = { symbol: 'BTCUSDT', name: 'open_interest', eventTime, arrivalTime, value: value + 0 } as const;
        const { kind, subject, time } = observationRow(own);
        expect([kind, parseObservation(subject)]).toEqual(['series', own]);
        expect(time).toBe((Math.floor(arrivalTime / 60) * 60) as OpenTime);
      }),
    );
  });
});
