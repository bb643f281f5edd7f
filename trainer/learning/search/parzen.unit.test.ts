import { describe, expect, it } from 'vitest';
import { createRng } from '../../../shared/rng.ts';
import { axisOf, type Axis } from './axis.ts';
import { parzenEstimate, type Point } from './parzen.ts';
import type { Parameter } from './space.ts';

const axes = (...parameters: Parameter[]): Axis[] => parameters.map(axisOf);
const FLOAT: Parameter = { kind: 'float', low: 0, high: 1 };
const CHOICE: Parameter = { kind: 'categorical', choices: ['a', 'b', 'c'] };
const WHOLE: Parameter = { kind: 'integer', low: 0, high: 4 };

describe('parzenEstimate', () => {
  it('is a density: its integral over all points is 1', () => {
    const points: Point[] = [
      [0.02, 0],
      [0.3, 0],
      [0.9, 2],
    ];
    const mixture = parzenEstimate(axes(FLOAT, CHOICE), points);
    let sum = 0;
    for (let choice = 0; choice < 3; choice++) {
      for (let i = 0; i < 4000; i++) sum += Math.exp(mixture.logDensity([(i + 0.5) / 4000, choice])) / 4000;
    }
    expect(sum).toBeCloseTo(1, 6);
  });

  it('gives integers probabilities that add up to 1', () => {
    const mixture = parzenEstimate(axes(WHOLE), [[0.1], [0.5], [0.5]]);
    const masses = [0, 1, 2, 3, 4].map((k) => Math.exp(mixture.logDensity([(k + 0.5) / 5])));
    expect(masses.reduce((a, b) => a + b)).toBeCloseTo(1, 12);
    expect(Math.max(...masses)).toBe(masses[2]);
  });

  it('draws with the frequency of its density', () => {
    const points: Point[] = [
      [0.05, 1],
      [0.1, 1],
      [0.7, 0],
    ];
    const mixture = parzenEstimate(axes(FLOAT, CHOICE), points);
    const rng = createRng('draws');
    const draws = 100_000;
    const counts = new Map<string, number>();
    for (let k = 0; k < draws; k++) {
      const [x, choice] = mixture.draw(rng) as [number, number];
      const cell = `${Math.floor(x * 10)}/${choice}`;
      counts.set(cell, (counts.get(cell) ?? 0) + 1);
    }
    for (let cell = 0; cell < 10; cell++) {
      for (let choice = 0; choice < 3; choice++) {
        let expected = 0;
        for (let i = 0; i < 100; i++) expected += Math.exp(mixture.logDensity([(cell + (i + 0.5) / 100) / 10, choice]));
        const share = expected / 1000;
        const error = Math.sqrt((share * (1 - share)) / draws);
        expect(Math.abs((counts.get(`${cell}/${choice}`) ?? 0) / draws - share)).toBeLessThan(5 * error + 1e-4);
      }
    }
  });

  it('without a point is the prior: the same for every choice, widest in the middle', () => {
    const mixture = parzenEstimate(axes(FLOAT, CHOICE), []);
    expect(mixture.logDensity([0.5, 0])).toBe(mixture.logDensity([0.5, 2]));
    expect(mixture.logDensity([0.5, 0])).toBeGreaterThan(mixture.logDensity([0, 0]));
  });

  it('is narrower where points agree, and on that axis only', () => {
    const points: Point[] = Array.from({ length: 10 }, (_, i) => [0.5 + i / 1000, (i + 0.5) / 10]);
    const mixture = parzenEstimate(axes(FLOAT, FLOAT), points);
    const drop = (a: Point, b: Point): number => mixture.logDensity(a) - mixture.logDensity(b);
    expect(drop([0.505, 0.5], [0.8, 0.5])).toBeGreaterThan(drop([0.505, 0.5], [0.505, 0.8]) + 1);
  });
});
