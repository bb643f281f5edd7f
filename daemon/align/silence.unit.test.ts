import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { OpenTime } from '../../shared/bar.ts';
import { SilenceWatch } from './silence.ts';

const INTERVAL_MS = 60_000;
const OPTIONS = { pairs: 1, feedIntervalMs: INTERVAL_MS, degradedIntervals: 2.5, haltIntervals: 5 };
const TIME = 60 as OpenTime;
const us = (intervals: number): number => intervals * INTERVAL_MS * 1000;

function beatsAt(watch: SilenceWatch, nowUs: number): string[] {
  const beats: string[] = [];
  watch.check(nowUs, (_, kind) => beats.push(kind));
  return beats;
}

describe('SilenceWatch', () => {
  it('is due from 2.5 intervals on, once each interval, and halts from 5 on', () => {
    const watch = new SilenceWatch(OPTIONS, 0);
    watch.noteMinute(0, TIME, false, 0);
    const beats = [2.4, 2.5, 3.4, 3.5, 4.5, 5.4, 5.5].map((intervals) => beatsAt(watch, us(intervals)).join());
    expect(beats).toEqual(['', 'silence', '', 'silence', 'silence', '', 'silence_halt']);
    expect(watch.isSilent(0)).toBe(true);
  });

  it('is ended by a live minute, and not by backfill', () => {
    const watch = new SilenceWatch(OPTIONS, 0);
    watch.noteMinute(0, TIME, true, us(2));
    expect([beatsAt(watch, us(3)), watch.lastMinute(0)]).toEqual([['silence'], TIME]);
    watch.noteMinute(0, 120 as OpenTime, false, us(3));
    expect([beatsAt(watch, us(5)), watch.isSilent(0)]).toEqual([[], false]);
  });

  it('repeats nothing for a pair that never had a minute', () => {
    const watch = new SilenceWatch(OPTIONS, 0);
    expect([beatsAt(watch, us(10)), watch.lastMinute(0), watch.isSilent(0)]).toEqual([[], null, false]);
  });

  it('counts from a restart of the watch', () => {
    const watch = new SilenceWatch(OPTIONS, 0);
    watch.noteMinute(0, TIME, false, 0);
    watch.restart(us(10));
    expect([beatsAt(watch, us(12)), beatsAt(watch, us(12.5))]).toEqual([[], ['silence']]);
  });

  it('gives one heartbeat at most for each interval, however often it is called', () => {
    const looks = fc.array(fc.double({ min: 0, max: 20, noNaN: true }), { minLength: 1, maxLength: 60 });
    fc.assert(
      fc.property(looks, (times) => {
        const watch = new SilenceWatch(OPTIONS, 0);
        watch.noteMinute(0, TIME, false, 0);
        const sorted = [...times].sort((a, b) => a - b);
        const beats = sorted.flatMap((intervals) =>
          beatsAt(watch, us(intervals)).map(() => Math.floor(intervals - 2.5)),
        );
        expect(new Set(beats).size).toBe(beats.length);
        expect(beats.length > 0).toBe(sorted.at(-1)! >= 2.5);
      }),
    );
  });

  it('sends heartbeats for each pair by its own last live minute', () => {
    const watch = new SilenceWatch({ ...OPTIONS, pairs: 3 }, 0);
    const beats = (intervals: number): [number, string][] => {
      const found: [number, string][] = [];
      watch.check(us(intervals), (pairIndex, kind) => found.push([pairIndex, kind]));
      return found;
    };
    watch.noteMinute(0, TIME, false, 0);
    watch.noteMinute(2, 120 as OpenTime, false, us(3));
    expect(beats(5)).toEqual([[0, 'silence_halt']]);
    expect(beats(5.5)).toEqual([
      [0, 'silence_halt'],
      [2, 'silence'],
    ]);
    expect([0, 1, 2].map((pair) => [watch.lastMinute(pair), watch.isSilent(pair)])).toEqual([
      [60, true],
      [null, false],
      [120, true],
    ]);
  });

  it('begins with the first heartbeat again after a live minute ended a silence', () => {
    const watch = new SilenceWatch(OPTIONS, 0);
    watch.noteMinute(0, TIME, false, 0);
    expect([beatsAt(watch, us(3)), beatsAt(watch, us(4))]).toEqual([['silence'], ['silence']]);
    watch.noteMinute(0, 120 as OpenTime, false, us(4));
    expect([beatsAt(watch, us(6.4)), beatsAt(watch, us(6.5))]).toEqual([[], ['silence']]);
  });

  it('halts exactly at the stated number of intervals', () => {
    const watch = new SilenceWatch({ ...OPTIONS, degradedIntervals: 2, haltIntervals: 4 }, 0);
    watch.noteMinute(0, TIME, false, 0);
    expect([1.99, 2, 3.99, 4].map((intervals) => beatsAt(watch, us(intervals)).join())).toEqual([
      '',
      'silence',
      'silence',
      'silence_halt',
    ]);
  });
});
