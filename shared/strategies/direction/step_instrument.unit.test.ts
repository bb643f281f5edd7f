import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { OpenTime } from '../../bar.ts';
import {
  FLAT_INSTRUMENT,
  type DirectionFacts,
  type EntryVeto,
  type DirectionPosition,
  type DirectionStrategy,
} from './direction_input.ts';
import { stepDirection } from './direction.ts';
import { stepInstrument } from './step_instrument.ts';
import { FLAT_POSITION, type InstrumentPosition } from '../instrument_position.ts';

const STRATEGY: DirectionStrategy = { theta_up: 0.5, theta_down: 0.5, stop: 0.02, target: 0.03, max_age_bars: 4 };
const time = (t: number): OpenTime => (t * 3600) as OpenTime;
const input = (close: number, up: number, down: number, veto: EntryVeto | null = null): DirectionFacts => ({
  close,
  probabilities: { ML_UP_PROB: up, ML_DOWN_PROB: down, ML_RANGE_PROB: 1 - up - down },
  veto,
});
const long = stepInstrument(STRATEGY, FLAT_POSITION, input(100, 0.7, 0.1), 'entry', time(1)).position;

describe('the virtual position of an instrument', () => {
  it('moves bar by bar as the backtest of the strategy does', () => {
    const bars = fc.array(
      fc.record({
        close: fc.double({ min: 90, max: 110, noNaN: true }),
        up: fc.double({ min: 0, max: 1, noNaN: true }),
      }),
    );
    fc.assert(
      fc.property(bars, (all) => {
        let live: InstrumentPosition = FLAT_POSITION;
        let tested: DirectionPosition = FLAT_INSTRUMENT;
        all.forEach(({ close, up }, t) => {
          const given = input(close, up, (1 - up) / 2);
          const step = stepInstrument(STRATEGY, live, given, `signal ${t}`, time(t));
          const expected = stepDirection(STRATEGY, tested, given);
          const { side, entryClose, ageBars, positionId, exits } = step.position;
          expect([step.action, step.reason]).toEqual([expected.action, expected.reason]);
          expect({ side, entryClose, ageBars }).toEqual(expected.position);
          expect([positionId === '', exits === null]).toEqual([side === 0, side === 0]);
          if (step.action === 'ENTER') expect([positionId, step.position.entryTime]).toEqual([`signal ${t}`, time(t)]);
          live = step.position;
          tested = expected.position;
        });
      }),
    );
  });

  it('ages by bars: quiet minutes do not count, and bars that come at once end it at the same one', () => {
    const still = { close: 100, probabilities: null, veto: null };
    // Quiet after the entry, then bars one minute apart, as they come or all at once.
    const opens = [...Array(11).keys()].map((minute) => time(1) + 1200 + 60 * minute);
    let position: InstrumentPosition = long;
    const reasons = opens.map((open, i) => {
      const step = stepInstrument({ ...STRATEGY, max_age_bars: 7 }, position, still, `${i}`, open as OpenTime);
      position = step.position;
      return step.reason;
    });
    expect(reasons.indexOf('AGE_EXIT')).toBe(STRATEGY.max_age_bars - 1);
    expect(position.side).toBe(0);
  });

  it('keeps the exit rules of its entry under another model, and without one', () => {
    const wider: DirectionStrategy = { ...STRATEGY, stop: 0.5, target: 0.5, max_age_bars: 99 };
    for (const strategy of [wider, null]) {
      const at = (close: number, position = long): string =>
        stepInstrument(strategy, position, { close, probabilities: null, veto: 'NO_EDGE' as const }, 'next', time(2))
          .reason;
      expect([at(98), at(103), at(101)]).toEqual(['STOP_EXIT', 'TARGET_EXIT', 'IN_POSITION']);
      expect(at(101, { ...long, ageBars: 3 })).toBe('AGE_EXIT');
    }
  });

  it('leaves on the opposite signal of the active model, and enters nothing without a model', () => {
    const step = stepInstrument(STRATEGY, long, input(100, 0.1, 0.7), 'next', time(2));
    expect(step).toEqual({ action: 'EXIT', reason: 'OPPOSITE_EXIT', position: FLAT_POSITION });
    const none = stepInstrument(null, FLAT_POSITION, { close: 100, probabilities: null, veto: null }, 'x', time(2));
    expect(none).toEqual({ action: 'HOLD', reason: 'NO_MODEL', position: FLAT_POSITION });
  });
});
