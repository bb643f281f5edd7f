import { describe, expect, it } from 'vitest';
import { flatBar, SMALL } from './features.fixture.ts';
import { LEG_VALUES, LegWindows } from './leg.ts';
import { LegTracks, type PairLeg } from './leg_track.ts';

const lookBack = new LegWindows(SMALL).lookBackBars;
const bar = (minute: number) => flatBar('A', minute, 1 + 0.1 * Math.sin(minute));
const isShared = (leg: PairLeg): boolean => leg.values !== leg.ownValues;
const valuesOf = ({ values, at }: PairLeg): number[] => [...values.subarray(at, at + LEG_VALUES)];

/** Two legs of one symbol, whose tracks the tests count on, and one that is alone with the same bars. */
function createLegs() {
  const tracks = new LegTracks(SMALL);
  const [first, second, alone] = tracks.createLegs(['A', 'A', 'B']) as [PairLeg, PairLeg, PairLeg];
  return { first, second, alone, step: (leg: PairLeg, minute: number) => tracks.step(leg, bar(minute), minute) };
}

describe('LegTracks', () => {
  it('lets pairs of a symbol share one set of windows from their first bar on', () => {
    const { first, second, alone, step } = createLegs();
    for (let minute = 1; minute < 100; minute++) {
      for (const leg of [first, second, alone]) step(leg, minute);
      expect([isShared(first), isShared(second), isShared(alone)]).toEqual([true, true, false]);
      expect([first.at, first.values]).toEqual([second.at, second.values]);
    }
    expect([first.own, second.own]).toEqual([null, null]);
  });

  it('gives a pair that skipped a minute windows of its own until it has been in step for its look-back', () => {
    const { first, second, alone, step } = createLegs();
    for (let minute = 1; minute < 100; minute++) {
      step(first, minute);
      if (minute === 50) continue;
      step(second, minute);
      step(alone, minute);
      expect(isShared(second), `minute ${minute}`).toBe(minute < 50 || minute >= 50 + lookBack);
      expect(valuesOf(second), `minute ${minute}`).toEqual(valuesOf(alone));
    }
  });

  it('lets a pair that is behind read the past of the track', () => {
    const { first, second, step } = createLegs();
    for (let minute = 1; minute <= 30; minute++) step(first, minute);
    for (let minute = 1; minute <= 30; minute++) {
      step(second, minute);
      expect(isShared(second)).toBe(true);
    }
    expect(valuesOf(second)).toEqual(valuesOf(first));
  });

  it('takes a pair that came after a long history into step after its look-back', () => {
    const { first, second, step } = createLegs();
    for (let minute = 1; minute < 300; minute++) step(first, minute);
    for (let minute = 300; minute < 400; minute++) {
      step(first, minute);
      step(second, minute);
      expect(isShared(second), `minute ${minute}`).toBe(minute >= 300 + lookBack - 1);
    }
  });

  it('does not share a bar that two pairs were told differently', () => {
    const tracks = new LegTracks(SMALL);
    const [first, second, alone] = tracks.createLegs(['A', 'A', 'B']) as [PairLeg, PairLeg, PairLeg];
    for (let minute = 1; minute < 100; minute++) {
      tracks.step(first, bar(minute), minute);
      const told = minute === 40 ? { ...bar(minute), high: 9 } : bar(minute);
      tracks.step(second, told, minute);
      tracks.step(alone, told, minute);
      expect(isShared(second), `minute ${minute}`).toBe(minute < 40 || minute >= 40 + lookBack);
      expect(valuesOf(second), `minute ${minute}`).toEqual(valuesOf(alone));
    }
  });
});
