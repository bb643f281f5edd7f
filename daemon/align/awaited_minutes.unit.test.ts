import { describe, expect, it } from 'vitest';
import type { Bar, OpenTime } from '../../shared/bar.ts';
import { AwaitedMinutes } from './awaited_minutes.ts';
import { GivenUp } from './given_up.ts';

const at = (minute: number): OpenTime => (minute * 60) as OpenTime;
const bar = (minute: number): Bar => ({
  symbol: 'X',
  time: at(minute),
  open: minute,
  high: minute,
  low: minute,
  close: minute,
  volume: 1,
});
const arrived = (minute: number) => ({ bar: bar(minute), timeouts: 0 });
const NOTHING = new GivenUp(60);

describe('minutes of a symbol that pairs wait for', () => {
  it('are read by each pair at its own pace, once, and are forgotten when the last one has used them', () => {
    const minutes = new AwaitedMinutes('X');
    const quick = minutes.open([arrived(1), arrived(2)], 60);
    const slow = minutes.open([arrived(1), arrived(2)], 60);
    expect(minutes.length).toBe(2);
    for (let minute = 3; minute <= 1000; minute++) {
      minutes.add(bar(minute), 0);
      expect(quick.barAt(at(minute), NOTHING)!.close).toBe(minute);
    }
    expect(quick.barAt(at(1000), NOTHING)).toBeNull();
    expect(minutes.length).toBe(1000);
    expect(slow.barAt(at(990), NOTHING)!.close).toBe(990);
    for (let minute = 1001; minute <= 2000; minute++) {
      minutes.add(bar(minute), 0);
      for (const reader of [quick, slow]) expect(reader.barAt(at(minute), NOTHING)!.close).toBe(minute);
      expect(minutes.length).toBeLessThanOrEqual(2000);
    }
    for (let minute = 2001; minute <= 2600; minute++) {
      minutes.add(bar(minute), 0);
      for (const reader of [quick, slow]) reader.barAt(at(minute), NOTHING);
    }
    expect(minutes.length).toBeLessThan(600);
    minutes.close(slow);
    minutes.close(quick);
    expect(minutes.hasReaders).toBe(false);
  });

  it('that came before a pair began to wait are there for it alone, also behind those that others have used', () => {
    const minutes = new AwaitedMinutes('X');
    const first = minutes.open([], 60);
    for (let minute = 100; minute < 400; minute++) {
      minutes.add(bar(minute), 0);
      first.barAt(at(minute), NOTHING);
    }
    const second = minutes.open(
      Array.from({ length: 380 }, (_, i) => arrived(20 + i)),
      60,
    );
    expect(second.barAt(at(20), NOTHING)!.close).toBe(20);
    expect(second.barAt(at(399), NOTHING)!.close).toBe(399);
    minutes.add(bar(400), 0);
    for (const reader of [first, second]) expect(reader.barAt(at(400), NOTHING)!.close).toBe(400);
  });

  it('make a bar of the timeframe of a pair, without what the pair had given up before it came', () => {
    const minutes = new AwaitedMinutes('X');
    const reader = minutes.open([], 300);
    const givenUp = new GivenUp(300);
    minutes.add(bar(5), 0);
    minutes.add(bar(6), 0);
    givenUp.add({ number: 1, until: at(7) }, at(6));
    minutes.add(bar(7), 1);
    minutes.add(bar(8), 1);
    expect(reader.barAt(at(9), givenUp)).toMatchObject({ time: at(9), open: 5, high: 8, close: 8, volume: 3 });
    expect(reader.barAt(at(14), givenUp)).toBeNull();
  });

  it('are bounded where a pair never has a bar: the oldest are forgotten', () => {
    const minutes = new AwaitedMinutes('X');
    const reader = minutes.open([], 60);
    let most = 0;
    for (let minute = 1; minute <= 450_000; minute++) {
      minutes.add(bar(minute), 0);
      most = Math.max(most, minutes.length);
    }
    expect(most).toBeLessThanOrEqual(200_000);
    expect(minutes.length).toBeGreaterThanOrEqual(100_000);
    expect(reader.barAt(at(1000), NOTHING)).toBeNull();
    expect(reader.barAt(at(450_000), NOTHING)!.close).toBe(450_000);
  });
});

describe('what a pair has given up', () => {
  it('is every minute up to a time-out that comes after it, and none that came before', () => {
    const givenUp = new GivenUp(60);
    expect([givenUp.until, givenUp.has(at(1), 5)]).toEqual([-Infinity, false]);
    givenUp.add({ number: 3, until: at(10) }, at(9));
    givenUp.add({ number: 6, until: at(12) }, at(10));
    // Nothing new.
    givenUp.add({ number: 7, until: at(11) }, at(12));
    expect(givenUp.until).toBe(at(12));
    const missing = (minute: number): number[] =>
      [2, 3, 5, 6, 9].filter((timeouts) => givenUp.has(at(minute), timeouts));
    expect(missing(10)).toEqual([3, 5, 6, 9]);
    expect(missing(11)).toEqual([6, 9]);
    expect(missing(12)).toEqual([6, 9]);
    expect(missing(13)).toEqual([]);
  });

  it('is kept for a bar that is not over, and no longer', () => {
    const minute = new GivenUp(60);
    const hour = new GivenUp(3600);
    for (let time = 1; time <= 1000; time++) {
      minute.add({ number: time, until: at(time) }, at(time - 1));
      hour.add({ number: time, until: at(time) }, at(time - 1));
    }
    expect(minute.length).toBeLessThanOrEqual(3);
    expect(hour.length).toBeLessThanOrEqual(121);
    expect(hour.has(at(941), 941)).toBe(true);
    expect(hour.has(at(941), 940)).toBe(false);
  });
});
