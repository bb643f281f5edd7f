import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { stepDirection } from './direction.ts';
import {
  FLAT_INSTRUMENT,
  type DirectionFacts,
  type EntryVeto,
  type DirectionPosition,
  type DirectionStrategy,
} from './direction_input.ts';
import { DIRECTION_RULE } from './direction_rule.ts';

const STRATEGY: DirectionStrategy = { theta_up: 0.5, theta_down: 0.6, stop: 0.02, target: 0.03, max_age_bars: 3 };

const answers = (up: number, down: number): DirectionFacts['probabilities'] => ({
  ML_UP_PROB: up,
  ML_DOWN_PROB: down,
  ML_RANGE_PROB: 1 - up - down,
});
const input = (close: number, up = 0, down = 0, veto: EntryVeto | null = null): DirectionFacts => ({
  close,
  probabilities: answers(up, down),
  veto,
});
const long: DirectionPosition = { side: 1, entryClose: 100, ageBars: 0 };
const short: DirectionPosition = { side: -1, entryClose: 100, ageBars: 0 };

describe('stepDirection', () => {
  it('enters long above theta_up and ML_DOWN_PROB, short mirrored, and on no equality', () => {
    const enter = (up: number, down: number): string => {
      const { action, position } = stepDirection(STRATEGY, FLAT_INSTRUMENT, input(100, up, down));
      return `${action} ${position.side}`;
    };
    expect(enter(0.51, 0.2)).toBe('ENTER 1');
    expect(enter(0.5, 0.2)).toBe('HOLD 0');
    expect(enter(0.2, 0.61)).toBe('ENTER -1');
    expect(enter(0.2, 0.6)).toBe('HOLD 0');
    const low = { ...STRATEGY, theta_up: 0.3, theta_down: 0.3 };
    const sideOf = (up: number, down: number): number =>
      DIRECTION_RULE.entrySide({ ...input(100, up, down), strategy: low, position: FLAT_INSTRUMENT });
    expect(sideOf(0.4, 0.4)).toBe(0);
    expect(sideOf(0.41, 0.4)).toBe(1);
    expect(sideOf(0.4, 0.41)).toBe(-1);
  });

  it('states why it does not enter', () => {
    const reason = (given: DirectionFacts): string => stepDirection(STRATEGY, FLAT_INSTRUMENT, given).reason;
    expect(reason({ ...input(100), probabilities: null })).toBe('NO_MODEL');
    expect(reason(input(100, 0.9, 0, 'NO_EDGE'))).toBe('NO_EDGE');
    expect(reason(input(100, 0.4, 0.3))).toBe('THETA');
  });

  it.each([
    ['STOP_EXIT', long, input(98)],
    ['STOP_EXIT', short, input(102)],
    ['TARGET_EXIT', long, input(103)],
    ['TARGET_EXIT', short, input(97)],
    ['AGE_EXIT', { ...long, ageBars: 2 }, input(101)],
    ['OPPOSITE_EXIT', long, input(101, 0.1, 0.7)],
    ['OPPOSITE_EXIT', short, input(101, 0.7, 0.1)],
  ] as const)('exits by %s, side %o', (reason, position, given) => {
    expect(stepDirection(STRATEGY, position, given)).toEqual({ action: 'EXIT', reason, position: FLAT_INSTRUMENT });
    const bare = { ...given, probabilities: null, veto: 'NO_EDGE' as const };
    if (reason !== 'OPPOSITE_EXIT') expect(stepDirection(STRATEGY, position, bare).reason).toBe(reason);
  });

  it('exits exactly at the stop and at the target', () => {
    const exact = { ...STRATEGY, stop: 0.03125, target: 0.0625 };
    const at = (close: number): string => stepDirection(exact, { ...long, entryClose: 64 }, input(close)).reason;
    expect([62, 62.001, 67.999, 68].map(at)).toEqual(['STOP_EXIT', 'IN_POSITION', 'IN_POSITION', 'TARGET_EXIT']);
  });

  it('leaves for the opposite side above its threshold and above the other probability, and on no equality', () => {
    const low = { ...STRATEGY, theta_up: 0.25, theta_down: 0.25 };
    const reasonOf = (strategy: DirectionStrategy, position: DirectionPosition, up: number, down: number): string =>
      stepDirection(strategy, position, input(101, up, down)).reason;
    expect([0.5, 0.501].map((up) => reasonOf(STRATEGY, short, up, 0.1))).toEqual(['IN_POSITION', 'OPPOSITE_EXIT']);
    expect([0.6, 0.601].map((down) => reasonOf(STRATEGY, long, 0.1, down))).toEqual(['IN_POSITION', 'OPPOSITE_EXIT']);
    for (const position of [long, short]) expect(reasonOf(low, position, 0.375, 0.375)).toBe('IN_POSITION');
  });

  it('holds a position otherwise, one bar older', () => {
    expect(stepDirection(STRATEGY, long, input(101, 0.7, 0.1))).toEqual({
      action: 'HOLD',
      reason: 'IN_POSITION',
      position: { ...long, ageBars: 1 },
    });
  });

  it('never holds longer than max_age_bars and never turns without being flat between', () => {
    const inputs = fc.array(
      fc.record({
        close: fc.double({ min: 90, max: 110, noNaN: true }),
        up: fc.double({ min: 0, max: 1, noNaN: true }),
        share: fc.double({ min: 0, max: 1, noNaN: true }),
      }),
      { maxLength: 60 },
    );
    fc.assert(
      fc.property(inputs, (bars) => {
        let position = FLAT_INSTRUMENT;
        for (const { close, up, share } of bars) {
          const { action, position: next } = stepDirection(STRATEGY, position, input(close, up, (1 - up) * share));
          expect(next.ageBars).toBeLessThan(STRATEGY.max_age_bars);
          if (position.side !== 0 && next.side !== 0) expect(next.side).toBe(position.side);
          expect(action === 'ENTER').toBe(position.side === 0 && next.side !== 0);
          expect(action === 'EXIT').toBe(position.side !== 0 && next.side === 0);
          position = next;
        }
      }),
    );
  });
});
