import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { barChart, columnChart, escapeHtml, histogram, lineChart, ticks } from './chart.ts';

const AXES = { xText: String, yText: String };

/** Points of a chart's paths. */
function pointsOf(svg: string): (readonly [number, number])[][] {
  return [...svg.matchAll(/d="M([^"]*)"/g)].map(([, path]) =>
    path!.split('L').map((point) => point.split(' ').map(Number) as [number, number]),
  );
}

describe('lineChart', () => {
  it('draws every point of a short line, left to right and higher values higher', () => {
    const [points] = pointsOf(lineChart('a', [{ name: 'x', x: [0, 1, 2, 3], y: [0, 2, 1, 4] }], AXES));
    expect(points).toHaveLength(4);
    const xs = points!.map(([x]) => x);
    const ys = points!.map(([, y]) => y);
    expect(xs).toEqual([...xs].sort((a, b) => a - b));
    expect(ys[3]).toBeLessThan(ys[1]!);
    expect(ys[1]).toBeLessThan(ys[2]!);
    expect(ys[2]).toBeLessThan(ys[0]!);
  });

  it('keeps the highest and the lowest point of a long line, with few of the others', () => {
    const length = 200_000;
    const x = Float64Array.from({ length }, (_, i) => i);
    const y = Float64Array.from({ length }, (_, i) => Math.sin(i / 5000));
    y[77_777] = 9;
    y[123_456] = -7;
    const [points] = pointsOf(lineChart('a', [{ name: 'x', x, y }], AXES));
    expect(points!.length).toBeLessThan(2500);
    const ys = points!.map(([, value]) => value);
    // The plot spans 12 to 252.
    expect(Math.min(...ys)).toBe(12);
    expect(Math.max(...ys)).toBe(252);
  });

  it('works without points, with one, and without variation', () => {
    for (const y of [[], [3], [0, 0]]) {
      const svg = lineChart('a', [{ name: 'x', x: y.map((_, i) => i), y }], AXES);
      expect(svg).not.toMatch(/NaN|Infinity/);
    }
  });
});

describe('charts over time', () => {
  it('of one day are a day wide, not as wide as the time since 1970', () => {
    const day = Date.UTC(2026, 10, 27) / 1000;
    const axes = { xText: (x: number) => new Date(x * 1000).toISOString().slice(0, 10), yText: String, xStep: 86_400 };
    for (const chart of [lineChart, columnChart]) {
      const svg = chart('a', [{ name: 'x', x: [day], y: [3] }], axes);
      const days = [...svg.matchAll(/>(\d{4}-\d\d-\d\d)</g)].map(([, text]) => text!);
      expect(days).toHaveLength(5);
      for (const text of days) expect(Math.abs(Date.parse(text) / 1000 - day)).toBeLessThanOrEqual(86_400);
    }
  });

  it('of one day have one bar in the middle that fills most of the plot', () => {
    const [bar] = [
      ...columnChart('a', [{ name: 'x', x: [5e8], y: [3] }], { ...AXES, xStep: 86_400 }).matchAll(
        /<rect class="bar s0" x="([\d.]+)" y="[\d.]+" width="([\d.]+)"/g,
      ),
    ].map(([, ...numbers]) => numbers.map(Number));
    // The plot spans 62 to 708.
    expect(bar![0]! + bar![1]! / 2).toBeCloseTo(385, 0);
    expect(bar![1]).toBeCloseTo(0.9 * 646, 0);
  });
});

describe('columnChart', () => {
  it('draws each value as a bar from zero, up or down, that does not touch the next', () => {
    const svg = columnChart('a', [{ name: 'x', x: [0, 1, 2, 3], y: [2, -1, 0, 1] }], AXES);
    const bars = [
      ...svg.matchAll(/<rect class="bar s0" x="([\d.]+)" y="([\d.]+)" width="([\d.]+)" height="([\d.]+)"/g),
    ].map(([, ...numbers]) => numbers.map(Number) as [number, number, number, number]);
    expect(bars).toHaveLength(4);
    const [[, top0, , tall0], [, top1, , tall1], [, , , tall2], [, , , tall3]] = bars as [
      (typeof bars)[0],
      (typeof bars)[0],
      (typeof bars)[0],
      (typeof bars)[0],
    ];
    expect(tall0 / tall1).toBeCloseTo(2, 1);
    expect(tall1).toBeCloseTo(tall3, 0);
    expect(tall2).toBe(0);
    // The bar above zero ends where the bar below begins.
    expect(top0 + tall0).toBeCloseTo(top1, 0);
    for (let i = 1; i < 4; i++) expect(bars[i]![0]).toBeGreaterThan(bars[i - 1]![0] + bars[i - 1]![2]);
  });

  it('works without values, with one, and if all are zero', () => {
    for (const y of [[], [3], [0, 0]]) {
      const svg = columnChart('a', [{ name: 'x', x: y.map((_, i) => i), y }], AXES);
      expect(svg).not.toMatch(/NaN|Infinity/);
    }
  });
});

describe('barChart and histogram', () => {
  it('shows "no trades" for empty input', () => {
    const svg = barChart('a', ['gross', 'net'], [{ label: 'A_B', values: [null, null] }], String);
    expect(svg).toContain('no trades');
    expect(svg).not.toMatch(/<rect|NaN/);
  });

  it('have bars as long as their values, left of zero where they are negative', () => {
    const svg = barChart('a', ['gross', 'net'], [{ label: 'A_B', values: [1, -2] }], String);
    const bars = [...svg.matchAll(/<rect class="bar s\d" x="([\d.]+)" y="[\d.]+" width="([\d.]+)"/g)].map(
      ([, x, width]) => [Number(x), Number(width)] as const,
    );
    expect(bars).toHaveLength(2);
    expect(bars[1]![1]).toBeCloseTo(2 * bars[0]![1], 0);
    expect(bars[1]![0] + bars[1]![1]).toBeCloseTo(bars[0]![0], 0);
  });

  it('count every trade once', () => {
    expect(histogram('a', [], String)).toContain('No trades');
    expect(histogram('a', [0, 0, 0], String)).not.toMatch(/NaN|Infinity/);
    expect(histogram('a', [-1, 2, 3], String).match(/<rect/g)).toHaveLength(40);
  });
});

describe('ticks', () => {
  it('are round, evenly apart, within the range, and not many', () => {
    fc.assert(
      fc.property(
        fc.double({ min: -1e6, max: 1e6, noNaN: true }),
        fc.double({ min: 1e-6, max: 1e6, noNaN: true }),
        (low, width) => {
          const found = ticks([low, low + width], 5);
          expect(found.length).toBeLessThanOrEqual(7);
          for (const value of found) {
            expect(value).toBeGreaterThanOrEqual(low - width * 1e-6);
            expect(value).toBeLessThanOrEqual(low + width * (1 + 1e-6));
          }
        },
      ),
    );
    expect(ticks([0, 10], 5)).toEqual([0, 2, 4, 6, 8, 10]);
    expect(ticks([-1, 1], 4)).toEqual([-1, -0.5, 0, 0.5, 1]);
  });
});

describe('escapeHtml', () => {
  it('leaves no markup', () => {
    expect(escapeHtml(`<b a="1">&'`)).not.toMatch(/[<>"']|&(?!#)/);
    expect(lineChart('<script>', [], AXES)).not.toContain('<script');
  });
});
