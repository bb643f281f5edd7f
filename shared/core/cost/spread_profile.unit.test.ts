import { describe, expect, it } from 'vitest';
import { quotedBps } from './fill_cost.ts';
import { weekdayOf } from './new_york_time.ts';
import { assetClassOf, defaultProfile, multipleAt, profileOfSteps, type AssetClass } from './spread_profile.ts';

/** By day (0 = Sunday), hour and minute in New York. */
const multiple = (name: AssetClass, day: number, hour: number, minute = 0): number =>
  defaultProfile(name)[day * 1440 + hour * 60 + minute]!;

describe('the profile of an asset class', () => {
  it('is linear between the knots of a day', () => {
    for (const day of [1, 4]) {
      expect(multiple('currency', day, 17, 0)).toBeCloseTo(5.3, 12);
      expect(multiple('currency', day, 17, 11)).toBeCloseTo(5.3 - 1.2 / 5, 12);
      expect(multiple('currency', day, 17, 20)).toBeCloseTo(4.1 - 0.8 / 3, 12);
      expect(multiple('currency', day, 23, 59)).toBe(1);
    }
    expect(multiple('currency', 5, 15, 59)).toBe(1);
    expect(multiple('index', 5, 0)).toBe(1.05);
  });

  it('begins on Sunday, ends on Friday, and is that of a closed market in between', () => {
    expect([multiple('metal', 0, 17, 59), multiple('metal', 0, 18)]).toEqual([6, 2.8]);
    expect(multiple('metal', 0, 18, 1)).toBeCloseTo(2.68, 12);
    expect(multiple('metal', 0, 20)).toBeCloseTo(1.45 - 0.35 / 3, 12);
    expect(multiple('currency', 5, 16)).toBe(1.02);
    expect(multiple('currency', 5, 16, 15)).toBeCloseTo(1.06, 12);
    expect(multiple('currency', 5, 16, 59)).toBe(1.9);
    for (const [day, hour] of [
      [5, 17],
      [5, 23],
      [6, 0],
      [6, 23],
      [0, 0],
      [0, 16],
    ])
      expect(multiple('currency', day!, hour!)).toBe(7.9);
    expect([multiple('crypto', 0, 0), multiple('crypto', 0, 10), multiple('crypto', 6, 9)]).toEqual([1.2, 1.1, 1.2]);
  });

  it('is that of the steps of a measured one, from each minute on', () => {
    const profile = profileOfSteps([
      [0, 1],
      [100, 3],
    ]);
    expect([profile.length, profile[99], profile[100], profile[10_079]]).toEqual([10_080, 1, 3, 3]);
    // Sunday, 01:39 and 01:40 in New York.
    const times = ['06:39', '06:40'].map((time) => Date.parse(`2024-01-07T${time}Z`) / 1000);
    expect(times.map((time) => multipleAt(profile, time))).toEqual([1, 3]);
  });

  it('is that of a currency only where both halves of a symbol are currencies', () => {
    expect(['EURXYZ', 'XYZEUR', 'EURTRY', 'XAUEUR', 'ABCUSDT'].map(assetClassOf)).toEqual([
      ...[null, null, 'currency', 'metal', 'crypto'],
    ]);
  });
});

describe('a quoted spread', () => {
  it('is in basis points of the close', () => {
    expect([quotedBps({ spread: 0.5, close: 2000 }), quotedBps({ close: 2000 })]).toEqual([2.5, NaN]);
  });
});

describe('the day of the week', () => {
  it('is that of the calendar before 1970 too', () => {
    expect([-5, -4, -1, 0, 3].map(weekdayOf)).toEqual([6, 0, 3, 4, 0]);
  });
});
