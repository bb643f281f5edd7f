import { describe, expect, it } from 'vitest';
import { DEFAULT, SMALL } from '../shared/core/features/features.fixture.ts';
import { featureDefinitions } from '../shared/core/features/features.ts';
import { measureRounding } from './rounding.ts';

describe('measureRounding', () => {
  it('finds every column within 1e-9 of an exact recomputation after 200,000 updates', () => {
    const { updates, looks, worst, columns } = measureRounding(200_000, DEFAULT, 8);
    expect([updates, looks]).toEqual([200_000, 8]);
    expect(columns.map(({ name }) => name)).toEqual(featureDefinitions(DEFAULT).map(({ name }) => name));
    expect(worst.distance, worst.name).toBeLessThan(1e-9);
  });

  it('checks overlapping windows too', () => {
    const { looks, worst } = measureRounding(400, SMALL, 50);
    expect(looks).toBeGreaterThan(45);
    expect(worst.distance, worst.name).toBeLessThan(1e-9);
  });
});
