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
  it('shares one set of windows between pairs of a symbol from their first bar on', () => {
    const { first, second, alone, step } = createLegs();
    for (let minute = 1; minute < 100; minute++) {
      for (const leg of [first, second, alone]) step(leg, minute);
      expect([isShared(first), isShared(second), isShared(alone)]).toEqual([true, true, false]);
      expect(first.values).toBe(second.values);
      expect(first.at).toBe(second.at);
    }
    expect([first.own, second.own]).toEqual([null, null]);
  });

  it.each([[2], [5], [50], [5, 10], [50, 90], [5, 9, 120]])(
    'gives a pair that skipped minutes %j windows of its own until it has been in step for its look-back',
    (...skipped) => {
      const { first, second, alone, step } = createLegs();
      for (let minute = 1; minute < 150; minute++) {
        step(first, minute);
        if (skipped.includes(minute)) continue;
        step(second, minute);
        step(alone, minute);
        const isInStep = skipped.every((skip) => minute < skip || minute >= skip + lookBack);
        expect(isShared(second), `minute ${minute}`).toBe(isInStep);
        expect(valuesOf(second), `minute ${minute}`).toEqual(valuesOf(alone));
      }
    },
  );

  it('serves the past of the track to a pair that is behind', () => {
    const { first, second, step } = createLegs();
    for (let minute = 1; minute <= 30; minute++) step(first, minute);
    for (let minute = 1; minute <= 30; minute++) {
      step(second, minute);
      expect(isShared(second)).toBe(true);
    }
    expect(valuesOf(second)).toEqual(valuesOf(first));
  });

  it('allows a pair to begin at the oldest bar of the track', () => {
    const { first, second, alone, step } = createLegs();
    const rows = first.follower!.track.rowMask + 1;
    for (let minute = 1; minute <= 200; minute++) step(first, minute);
    for (let minute = 201 - rows; minute <= 200; minute++) {
      step(second, minute);
      step(alone, minute);
      expect(isShared(second), `minute ${minute}`).toBe(minute >= 200 - rows + lookBack);
      expect(valuesOf(second), `minute ${minute}`).toEqual(valuesOf(alone));
    }
  });

  it('gives a pair that skipped as many bars as the track has rows windows of its own', () => {
    const { first, second, alone, step } = createLegs();
    const rows = first.follower!.track.rowMask + 1;
    for (const leg of [first, second, alone]) for (let minute = 1; minute <= 30; minute++) step(leg, minute);
    for (let minute = 31; minute <= 40 + rows; minute++) step(first, minute);
    for (let minute = 31 + rows; minute <= 40 + rows; minute++) {
      step(second, minute);
      step(alone, minute);
      expect(isShared(second)).toBe(false);
      expect(valuesOf(second), `minute ${minute}`).toEqual(valuesOf(alone));
    }
  });

  it('shares windows of up to 1024 bars', () => {
    const isTracked = (vol_long: number): boolean =>
      new LegTracks({ ...SMALL, vol_long }).createLegs(['A', 'A'])[0]!.follower !== null;
    expect([isTracked(1023), isTracked(1024)]).toEqual([true, false]);
  });

  it('brings a pair that was added after a long history into step after its look-back', () => {
    const { first, second, step } = createLegs();
    for (let minute = 1; minute < 300; minute++) step(first, minute);
    for (let minute = 300; minute < 400; minute++) {
      step(first, minute);
      step(second, minute);
      expect(isShared(second), `minute ${minute}`).toBe(minute >= 300 + lookBack - 1);
    }
  });

  it('does not take a minute that the track lacks for another one with the same prices', () => {
    const tracks = new LegTracks(SMALL);
    const [first, second, alone] = tracks.createLegs(['A', 'A', 'B']) as [PairLeg, PairLeg, PairLeg];
    const step = (leg: PairLeg, minute: number): void => tracks.step(leg, bar(minute === 3 ? 2 : minute), minute);
    step(first, 1);
    for (let minute = 1; minute < 100; minute++) {
      if (minute + 1 !== 3) step(first, minute + 1);
      step(second, minute);
      step(alone, minute);
      expect(isShared(second), `minute ${minute}`).toBe(minute < 3 || minute >= 3 + lookBack);
      expect(valuesOf(second), `minute ${minute}`).toEqual(valuesOf(alone));
    }
  });

  it('does not share a bar that two pairs received with different prices', () => {
    const tracks = new LegTracks(SMALL);
    const [first, second, alone] = tracks.createLegs(['A', 'A', 'B']) as [PairLeg, PairLeg, PairLeg];
    for (let minute = 1; minute < 100; minute++) {
      tracks.step(first, bar(minute), minute);
      const received = minute === 40 ? { ...bar(minute), high: 9 } : bar(minute);
      tracks.step(second, received, minute);
      tracks.step(alone, received, minute);
      expect(isShared(second), `minute ${minute}`).toBe(minute < 40 || minute >= 40 + lookBack);
      expect(valuesOf(second), `minute ${minute}`).toEqual(valuesOf(alone));
    }
  });

  it('does not take a bar before a full track for the last of the track with the same prices', () => {
    const tracks = new LegTracks(SMALL);
    const [first, second, alone] = tracks.createLegs(['A', 'A', 'B']) as [PairLeg, PairLeg, PairLeg];
    const last = first.follower!.track.rowMask + 2;
    for (let minute = 2; minute <= last; minute++) tracks.step(first, bar(minute), minute);
    for (let minute = 1; minute <= last; minute++) {
      for (const leg of [second, alone]) tracks.step(leg, bar(minute === 1 ? last : minute), minute);
      expect(isShared(second), `minute ${minute}`).toBe(minute > lookBack);
      expect(valuesOf(second), `minute ${minute}`).toEqual(valuesOf(alone));
    }
  });
});
