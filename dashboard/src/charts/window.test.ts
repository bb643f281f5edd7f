import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { SeriesWindow, zoomed } from './window.ts';

const LENGTH = 12_000;
const times = Array.from({ length: LENGTH }, (_, i) => 60 * i);
const values = times.map((_, i) => (i % 97 === 0 ? null : Math.sin(i / 900) + ((i * 7919) % 31) / 100));
const spiky = values.map((value, i) => (i === 2345 ? 50 : i === 9876 ? -50 : value));
const long = new SeriesWindow(times, [values, spiky]);

const number = (value: number | null): value is number => value !== null;

describe('a window of lines', () => {
  it('has few rows and keeps the extremes in view, at any position', () => {
    const ranges = fc.tuple(fc.integer({ min: 0, max: 60 * LENGTH }), fc.integer({ min: 60, max: 60 * LENGTH }));
    fc.assert(
      fc.property(ranges, fc.integer({ min: 50, max: 900 }), ([from, span], pixels) => {
        const [shownTimes, ...lines] = long.rows([from, from + span], pixels);
        expect(shownTimes.length).toBeLessThanOrEqual(4 * pixels + 4);
        expect(shownTimes).toEqual([...shownTimes].sort((a, b) => a - b));
        [values, spiky].forEach((all, line) => {
          const inView = all.filter((_, i) => times[i]! >= from && times[i]! <= from + span).filter(number);
          if (inView.length === 0) return;
          const shown = lines[line]!.filter(number);
          expect(Math.max(...shown)).toBeGreaterThanOrEqual(Math.max(...inView));
          expect(Math.min(...shown)).toBeLessThanOrEqual(Math.min(...inView));
          for (const value of shown.slice(0, 3)) expect(all.includes(value)).toBe(true);
        });
      }),
      { numRuns: 30 },
    );
  });

  it('has every row unchanged if they fit', () => {
    const [shownTimes, shown] = long.rows([60 * 1000, 60 * 1100], 400);
    expect(shownTimes).toEqual(times.slice(999, 1102));
    expect(shown).toEqual(values.slice(999, 1102));
  });
});

describe('zoomed', () => {
  it('keeps the time under the pointer in place, and the range within the whole', () => {
    expect(zoomed([0, 1000], [0, 10_000], 0.5, 500)).toEqual([250, 750]);
    fc.assert(
      fc.property(
        fc.double({ min: 0.1, max: 10, noNaN: true }),
        fc.double({ min: -2, max: 2, noNaN: true }),
        (factor, shift) => {
          const [from, to] = zoomed([4000, 6000], [0, 10_000], factor, 5000, shift);
          expect(from).toBeGreaterThanOrEqual(0);
          expect(to).toBeLessThanOrEqual(10_000.001);
          expect(to).toBeGreaterThan(from);
        },
      ),
    );
  });
});
