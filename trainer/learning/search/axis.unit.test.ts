import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { axisOf, type OrderedAxis } from './axis.ts';
import type { FloatParameter, IntegerParameter } from './space.ts';

const ordered = (parameter: FloatParameter | IntegerParameter): OrderedAxis => {
  const axis = axisOf(parameter);
  if (axis.kind !== 'ordered') throw new Error('not ordered');
  return axis;
};

const PARAMETERS: readonly (FloatParameter | IntegerParameter)[] = [
  { kind: 'float', low: -5, high: 10 },
  { kind: 'float', low: 1e-4, high: 1, log: true },
  { kind: 'float', low: 0.6, high: 0.85, step: 0.01 },
  { kind: 'integer', low: -3, high: 4 },
  { kind: 'integer', low: 2, high: 256, log: true },
  { kind: 'integer', low: 7, high: 7 },
  { kind: 'float', low: 2, high: 2 },
  { kind: 'float', low: 2, high: 2, log: true },
];

describe('an axis', () => {
  it.each(PARAMETERS)('of %j maps positions to values of its range and back', (parameter) => {
    const axis = ordered(parameter);
    fc.assert(
      fc.property(fc.double({ min: 0, max: 1, noNaN: true }), (place) => {
        const value = Number(axis.decode(place));
        expect(value).toBeGreaterThanOrEqual(parameter.low);
        expect(value).toBeLessThanOrEqual(parameter.high);
        const back = axis.encode(value);
        expect(back).toBeGreaterThanOrEqual(-1e-12);
        expect(back).toBeLessThanOrEqual(1 + 1e-12);
        if (axis.cell === null) {
          if (parameter.high > parameter.low) expect(back).toBeCloseTo(place, 9);
          return;
        }
        const [from, to] = axis.cell(place);
        expect(axis.decode(back)).toBe(value);
        expect(place).toBeGreaterThanOrEqual(from - 1e-12);
        expect(place).toBeLessThanOrEqual(to + 1e-12);
      }),
    );
  });

  it('of a grid has its values without rounding noise, all with the same share', () => {
    const axis = ordered({ kind: 'float', low: 0.6, high: 0.85, step: 0.01 });
    const values = Array.from({ length: 2600 }, (_, i) => axis.decode((i + 0.5) / 2600));
    expect(new Set(values).size).toBe(26);
    expect(values.filter((value) => value === 0.63).length).toBe(100);
    expect(values.at(-1)).toBe(0.85);
  });

  it('of a logarithmic range gives each decade the same share', () => {
    const axis = ordered({ kind: 'float', low: 1e-4, high: 1, log: true });
    for (const [place, value] of [
      [0, 1e-4],
      [0.25, 1e-3],
      [0.5, 1e-2],
      [1, 1],
    ] as const) {
      expect(Number(axis.decode(place))).toBeCloseTo(value, 12);
    }
  });

  it('has cells that cover [0, 1] without a gap', () => {
    for (const parameter of PARAMETERS) {
      const { cell } = ordered(parameter);
      if (cell === null) continue;
      let at = 0;
      for (let k = 0; k < 400 && at < 1 - 1e-9; k++) {
        const [from, to] = cell(at + 1e-9);
        expect(from).toBeCloseTo(at, 8);
        at = to;
      }
      expect(at).toBeCloseTo(1, 9);
    }
  });
});
