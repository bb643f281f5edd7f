import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { SeriesWindow, zoomed } from './window.ts';

const LENGTH = 12_000;
// With weekends.
const times = Array.from({ length: LENGTH }, (_, i) => 60 * (i + 2880 * Math.floor(i / 7200)));
const values = times.map((_, i) => (i % 97 === 0 ? null : Math.sin(i / 900) + ((i * 7919) % 31) / 100));
const spiky = values.map((value, i) => (i === 2345 ? 50 : i === 9876 ? -50 : value));
const long = new SeriesWindow(times, [values, spiky]);

/** Least and greatest value between two times of the line through all rows, by looking at each of its segments. */
function extremesOfLine(line: readonly (number | null)[], from: number, to: number): (number | null)[] {
  const found: number[] = [];
  const add = (time: number, value: number): void => void (time >= from && time <= to && found.push(value));
  line.forEach((value, i) => {
    if (value === null) return;
    if (times[i]! < to) add(times[i]!, value);
    const next = line[i + 1] ?? null;
    if (next === null || times[i + 1]! < from || times[i]! > to) return;
    const slope = (next - value) / (times[i + 1]! - times[i]!);
    for (const edge of [from, to])
      if (edge > times[i]! && edge <= times[i + 1]!) add(edge, value + slope * (edge - times[i]!));
  });
  return found.length === 0 ? [null, null] : [Math.min(...found), Math.max(...found)];
}

describe('a window of lines', () => {
  it('covers of each pixel what the line through all rows covers, wherever it is', () => {
    const ranges = fc.tuple(fc.integer({ min: -9999, max: 60 * LENGTH }), fc.integer({ min: 9999, max: 60 * LENGTH }));
    fc.assert(
      fc.property(ranges, fc.integer({ min: 5, max: 40 }), ([from, span], pixels) => {
        const { data, columnSeconds } = long.rows([from, from + span], pixels);
        if (columnSeconds === null) return;
        const [edges, ...lines] = data;
        expect(edges.length).toBe(2 * pixels + 2);
        expect(edges[0]!).toBeLessThanOrEqual(from);
        expect(edges.at(-2)! + columnSeconds).toBeGreaterThanOrEqual(from + span - 1e-6);
        [values, spiky].forEach((all, line) => {
          for (let i = 0; i < edges.length; i += 2) {
            const expected = extremesOfLine(all, edges[i]!, edges[i + 2] ?? edges[i]! + columnSeconds);
            expected.forEach((value, side) => {
              const seen = lines[line]![i + side]!;
              if (value === null) expect(seen).toBeNull();
              else expect(seen).toBeCloseTo(value, 9);
            });
          }
        });
      }),
      { numRuns: 12 },
    );
  });

  it('has the same columns when it is moved by pixels', () => {
    const [one, other] = [0, 25].map((shift) => long.rows([6000 + 1200 * shift, 606_000 + 1200 * shift], 500).data);
    expect(other![0].slice(0, 900)).toEqual(one![0].slice(50, 950));
    expect(other![1]!.slice(0, 900)).toEqual(one![1]!.slice(50, 950));
  });

  it('has every row as it is when each has a pixel', () => {
    const { data, columnSeconds } = long.rows([60 * 1000, 60 * 1100], 100);
    expect(columnSeconds).toBeNull();
    expect(data).toEqual([times, values, spiky].map((line) => line.slice(999, 1102)));
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
