import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { CALM_BAR, historyOf, randomHistory } from '../../../history/pair_history.fixture.ts';
import { scaleLabel, type ScaleLabelPolicy } from './scale.ts';

const POLICY: ScaleLabelPolicy = { horizon: 4, leverage: 10, target_sigma: 0.02 };

describe('scaleLabel', () => {
  it('equals target over the realized σ of the hedged one-bar returns, on random histories of both signs of beta', () => {
    fc.assert(
      fc.property(
        fc.string(),
        fc.constantFrom(-1 as const, 1 as const),
        fc.integer({ min: 1, max: 30 }),
        (seed, sign, horizon) => {
          const history = randomHistory(seed, 80, sign);
          const policy = { ...POLICY, horizon };
          for (let t = 0; t < history.length; t++) {
            const outcome = scaleLabel(history, t, policy);
            if (t + horizon >= history.length) {
              expect(outcome).toBeNull();
              continue;
            }
            const beta = history.beta[t]!;
            const returns = Array.from({ length: horizon }, (_, i) => {
              const k = t + 1 + i;
              const hedged = history.lnA[k]! - history.lnA[k - 1]! - beta * (history.lnB[k]! - history.lnB[k - 1]!);
              return hedged / (1 + Math.abs(beta));
            });
            const sigma = policy.leverage * Math.hypot(...returns);
            expect(outcome!.label).toBeCloseTo(Math.min(1, policy.target_sigma / sigma), 9);
            expect(outcome!.label).toBeGreaterThan(0);
            expect(outcome!.label).toBeLessThanOrEqual(1);
            expect(outcome!.end).toBe(t + horizon);
          }
        },
      ),
      { numRuns: 40 },
    );
  });

  it('halves the size when σ doubles, and is 1 if the target is not reached or nothing moves', () => {
    const swing = (size: number) => historyOf([0, size, 0, size, 0].map((lnA) => ({ ...CALM_BAR, lnA })));
    // σ = √4 · size / 2 (half the capital in A) · leverage 10 = 10 · size.
    expect(scaleLabel(swing(0.004), 0, POLICY)!.label).toBeCloseTo(0.5, 12);
    expect(scaleLabel(swing(0.008), 0, POLICY)!.label).toBeCloseTo(0.25, 12);
    expect(scaleLabel(swing(0.001), 0, POLICY)!.label).toBe(1);
    expect(scaleLabel(swing(0), 0, POLICY)).toEqual({ label: 1, end: 4 });
  });
});
