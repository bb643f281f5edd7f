import { describe, expect, it } from 'vitest';
import type { Signal } from '../api.ts';
import { levelsOf } from './levels.ts';

const signal = (action: Signal['action'], target: number, price = 100): Signal =>
  ({ action, target, price, stop: 0.02, take_profit: 0.04 }) as Signal;

describe('the levels of a position', () => {
  it('begin with its entry, stay while the price moves, end after its exit, and are mirrored for a short one', () => {
    const none = { stop: null, target: null };
    const long = { stop: 98, target: 104 };
    const short = { stop: 204, target: 192 };
    const signals = [
      signal('HOLD', 0),
      signal('ENTER', 1),
      signal('HOLD', 1, 103),
      signal('EXIT', 0, 105),
      signal('HOLD', 0, 105),
      signal('ENTER', -1, 200),
      signal('HOLD', -1, 190),
    ];
    expect(levelsOf(signals)).toEqual([none, long, long, long, none, short, short]);
  });

  it('are absent for a pair, and for a position whose entry is not in view', () => {
    expect(levelsOf([{ action: 'ENTER', target: 1 } as Signal, signal('HOLD', 1)])).toEqual([
      { stop: null, target: null },
      { stop: null, target: null },
    ]);
  });
});
