import { describe, expect, it } from 'vitest';
import { createRng } from '../../../shared/rng.ts';
import { brierLossOf } from './brier_loss.ts';

const HOUR_S = 3600;
const BLOCKS = 21;

describe('brierLossOf', () => {
  it('is 0 for equal scores, and unknown without candidates', () => {
    const ai1 = { A_B: { scores: [0.2, 0.7], labels: [0, 1] } };
    expect(brierLossOf({ ai1 }, { ai1 }, { A_B: [0, 60] })).toEqual({ mean: 0, chance: Infinity });
    expect(brierLossOf({ ai1: {} }, { ai1: {} }, {})).toEqual({ mean: null, chance: Infinity });
  });

  it('is the mean difference of the squared errors over all pairs', () => {
    const old = { ai1: { A_B: { scores: [0.5], labels: [1] }, C_D: { scores: [0.5], labels: [0] } } };
    const young = { ai1: { A_B: { scores: [0.9], labels: [1] }, C_D: { scores: [0.6], labels: [0] } } };
    const { mean } = brierLossOf(old, young, { A_B: [0], C_D: [60] });
    // Below 0: the challenger is better.
    expect(mean).toBeCloseTo((0.01 - 0.25 + 0.36 - 0.25) / 2, 12);
    expect(mean).toBeLessThan(0);
    const reverse = brierLossOf(young, old, { A_B: [0], C_D: [60] });
    expect(reverse.mean).toBeCloseTo(-mean!, 12);
  });

  it('calls 5 % of equally good challengers worse, although the candidates of eight hours err together', () => {
    const rng = createRng('equal challengers');
    const runs = 2000;
    let worse = 0;
    for (let run = 0; run < runs; run++) {
      const times: number[] = [];
      const labels: number[] = [];
      const scores: { old: number[]; young: number[] } = { old: [], young: [] };
      for (let block = 0; block < BLOCKS; block++) {
        const errors = [0.2 * (rng.uniform() - 0.5), 0.2 * (rng.uniform() - 0.5)] as const;
        const label = rng.uniform() < 0.5 ? 0 : 1;
        for (let hour = 0; hour < 8; hour++) {
          times.push((8 * block + hour) * HOUR_S);
          labels.push(label);
          scores.old.push(0.5 + errors[0]);
          scores.young.push(0.5 + errors[1]);
        }
      }
      const sideOf = (own: number[]) => ({ ai1: { A_B: { scores: own, labels } } });
      const { mean, chance } = brierLossOf(sideOf(scores.old), sideOf(scores.young), { A_B: times });
      if (mean! > chance) worse++;
    }
    // Three standard errors of 2,000 runs.
    expect(Math.abs(worse / runs - 0.05)).toBeLessThan(3 * Math.sqrt((0.05 * 0.95) / runs));
  });
});
