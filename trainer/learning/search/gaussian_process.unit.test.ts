import { describe, expect, it } from 'vitest';
import { createRng } from '../../../shared/rng.ts';
import { fitGaussianProcess } from './gaussian_process.ts';

const f = ([x, y]: readonly number[]): number => Math.sin(4 * x!) + y! * y!;
const rng = createRng('places');
const places = Array.from({ length: 40 }, () => [rng.uniform(), rng.uniform()]);

describe('fitGaussianProcess', () => {
  it('interpolates the measurements, with little uncertainty there', () => {
    const process = fitGaussianProcess(places, places.map(f));
    for (const place of places) {
      const { mean, std } = process.predict(place);
      expect(mean).toBeCloseTo(f(place), 2);
      expect(std).toBeLessThan(0.02);
    }
  });

  it('predicts a smooth function between its points', () => {
    const process = fitGaussianProcess(places, places.map(f));
    for (let k = 0; k < 50; k++) {
      const place = [0.1 + 0.8 * rng.uniform(), 0.1 + 0.8 * rng.uniform()];
      expect(Math.abs(process.predict(place).mean - f(place))).toBeLessThan(0.05);
    }
  });

  it('is less certain far from its points', () => {
    const near = places.filter(([x]) => x! < 0.4);
    const process = fitGaussianProcess(near, near.map(f));
    expect(process.predict([0.95, 0.5]).std).toBeGreaterThan(5 * process.predict([0.2, 0.5]).std);
  });

  it('averages noise', () => {
    const noisy = places.map((place) => f(place) + 0.3 * rng.normal());
    const process = fitGaussianProcess(places, noisy);
    const error = (values: readonly number[]): number =>
      Math.sqrt(values.reduce((sum, value, i) => sum + (value - f(places[i]!)) ** 2, 0) / values.length);
    expect(error(places.map((place) => process.predict(place).mean))).toBeLessThan(0.8 * error(noisy));
  });

  it('is the mean in the middle between two opposite values, and as much above as below at them', () => {
    const process = fitGaussianProcess(
      [
        [0, 0],
        [1, 0],
      ],
      [5, 1],
    );
    expect(process.predict([0.5, 0]).mean).toBeCloseTo(3, 12);
    expect(process.predict([0, 0]).mean + process.predict([1, 0]).mean).toBeCloseTo(6, 12);
  });

  it('accepts equal values, and a single point', () => {
    expect(fitGaussianProcess([[0.5, 0.5]], [3]).predict([0.5, 0.5]).mean).toBeCloseTo(3, 9);
    expect(
      fitGaussianProcess(
        places,
        places.map(() => 2),
      ).predict([0.3, 0.3]).mean,
    ).toBeCloseTo(2, 9);
  });
});
