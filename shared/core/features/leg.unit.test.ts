import { describe, expect, it } from 'vitest';
import { SMALL } from './features.fixture.ts';
import { LEG_VALUES, LegWindows, LIQUIDITY, LOG_RETURN, RANGE_RATIO, VOL, VOL_RATIO, type LegState } from './leg.ts';

/** Windows of volume that stand the other way round than usual. */
const TURNED = { ...SMALL, vol_short: 12, volume_window: 5 };

/** The values after each of these volumes at a price that does not move. */
function liquidities(volumes: readonly number[], windows = TURNED): number[] {
  const legs = new LegWindows(windows);
  const state = legs.createStates(1)[0]!;
  const out = new Float64Array(LEG_VALUES);
  return volumes.map((volume, minute) => {
    legs.step(state, Float64Array.of(minute, 1, 1, 1, volume), 0, out, 0);
    return out[LIQUIDITY]!;
  });
}

describe('LegWindows', () => {
  it('miss liquidity while an unknown volume is in the longer of the two windows', () => {
    const found = liquidities([...Array<number>(12).fill(3), 0, ...Array<number>(14).fill(3)]);
    expect(found.map((value) => (Number.isNaN(value) ? '-' : '+')).join('')).toBe('-----------+------------+++');
    expect(found.at(-1)).toBe(0.5);
  });

  it('have a liquidity of 1 where the recent volume is larger than the usual by more than a double holds', () => {
    expect(liquidities([...Array<number>(7).fill(1.7e308), ...Array<number>(5).fill(5e-324)]).at(-1)).toBe(1);
  });

  it.each([
    ['vol_short', 41],
    ['vol_window', 41],
    ['vol_long', 41],
    ['atr_short', 41],
    ['atr_long', 41],
    ['volume_window', 40],
  ])('with a %s of 40 look back over %d bars: a change needs the close before it', (name, expected) => {
    expect(new LegWindows({ ...SMALL, [name]: 40 }).lookBackBars).toBe(expected);
  });

  it('are as good as new after a reset', () => {
    const legs = new LegWindows(SMALL);
    const [used, fresh] = legs.createStates(2) as [LegState, LegState];
    const outUsed = new Float64Array(LEG_VALUES);
    const outFresh = new Float64Array(LEG_VALUES);
    const bar = (minute: number): Float64Array => Float64Array.of(minute, 9, 8, 8 + Math.abs(Math.sin(minute)), 5);
    for (let minute = 1000; minute < 1100; minute++) legs.step(used, bar(minute), 0, outUsed, 0);
    legs.reset(used);
    for (let minute = 900; minute < 960; minute++) {
      legs.step(used, bar(minute), 0, outUsed, 0);
      legs.step(fresh, bar(minute), 0, outFresh, 0);
      expect(outUsed).toEqual(outFresh);
    }
    for (const value of [LOG_RETURN, VOL, VOL_RATIO, RANGE_RATIO]) expect(outFresh[value]).not.toBeNaN();
  });

  it('forget the bars of one owner alone after a reset', () => {
    const legs = new LegWindows(SMALL);
    const states = legs.createStates(3);
    const out = new Float64Array(LEG_VALUES);
    const returns = (minute: number, close: number): number[] =>
      states.map((state) => {
        legs.step(state, Float64Array.of(minute, close, close, close, 5), 0, out, 0);
        return out[LOG_RETURN]!;
      });
    returns(1000, 1);
    legs.reset(states[2]!);
    expect(returns(1001, Math.E)).toEqual([1, 1, NaN]);
  });
});
