import { describe, expect, it } from 'vitest';
import { createRng } from '../../../shared/rng.ts';
import { aucByDays, aucLowerBound, aucOfSplits } from './auc_error.ts';
import { splitAuc } from '../measures/split_auc.ts';
import { auc } from '../measures/metrics.ts';

const HOUR = 3600;

interface Rows {
  readonly scores: Float64Array;
  readonly labels: Float64Array;
  readonly time: Float64Array;
}

/** Hourly rows whose labels last 24 hours and whose scores change slowly; `skill` moves the scores of positives. */
function overlapping(days: number, seed: string, skill: number): Rows {
  const rng = createRng(seed);
  const rows = days * 24;
  const scores = new Float64Array(rows);
  const labels = new Float64Array(rows);
  let label = 0;
  let score = 0;
  for (let row = 0; row < rows; row++) {
    if (row % 24 === 0) label = rng.uniform() < 0.5 ? 1 : 0;
    score = 0.98 * score + Math.sqrt(1 - 0.98 ** 2) * rng.normal();
    labels[row] = label;
    scores[row] = score + skill * label;
  }
  return { scores, labels, time: scores.map((_, row) => row * HOUR) };
}

describe('aucByDays', () => {
  it('has the AUC of the rank-sum formula, ties included', () => {
    const rng = createRng('ties');
    const scores = Float64Array.from({ length: 500 }, () => Math.floor(rng.uniform() * 20));
    const labels = Float64Array.from(scores, (own) => (rng.uniform() * 20 < own ? 1 : 0));
    const time = scores.map((_, row) => row * HOUR);
    expect(aucByDays(scores, labels, time)!.auc).toBeCloseTo(auc(scores, labels)!, 12);
  });

  it('of several fits ranks the rows of a split among themselves', () => {
    const splits = [120, 60, 30].map((days, k) => {
      const { scores, labels, time } = overlapping(days, `split ${k}`, 0.5);
      // Fits of other levels.
      return { scores: scores.map((own) => own - 10 * k), labels, time: time.map((own) => own + 400 * k * 24 * HOUR) };
    });
    const found = aucOfSplits(splits)!;
    expect(found.auc).toBeCloseTo(splitAuc(splits)!, 12);
    expect(found.days).toBe(210);
    const alone = splits.map(({ scores, labels, time }) => aucByDays(scores, labels, time)!);
    const pairs = splits.map(({ labels }) => {
      const positives = labels.reduce((sum, label) => sum + label, 0);
      return positives * (labels.length - positives);
    });
    const total = pairs.reduce((sum, own) => sum + own, 0);
    // Splits far apart in time add their variances, but for the correction of few days.
    const expected = Math.sqrt(
      alone.reduce((sum, { standard_error }, k) => sum + ((pairs[k]! / total) * standard_error) ** 2, 0),
    );
    expect(found.standard_error / expected).toBeGreaterThan(0.97);
    expect(found.standard_error / expected).toBeLessThan(1.03);
  });

  it('has a standard error like the spread over independent samples', () => {
    const found = Array.from({ length: 200 }, (_, seed) => {
      const { scores, labels, time } = overlapping(200, `spread ${seed}`, 0.3);
      return aucByDays(scores, labels, time)!;
    });
    const mean = found.reduce((sum, own) => sum + own.auc / found.length, 0);
    const spread = Math.sqrt(found.reduce((sum, own) => sum + (own.auc - mean) ** 2, 0) / (found.length - 1));
    const stated = found.reduce((sum, own) => sum + own.standard_error / found.length, 0);
    expect(stated / spread).toBeGreaterThan(0.85);
    expect(stated / spread).toBeLessThan(1.15);
  });

  it('has a bound above one half for 5 % of the scores without skill, however labels overlap', () => {
    let above = 0;
    const samples = 400;
    for (let seed = 0; seed < samples; seed++) {
      const { scores, labels, time } = overlapping(120, `null ${seed}`, 0);
      if (aucLowerBound(aucByDays(scores, labels, time)!, 0.05) > 0.5) above++;
    }
    // 5 % ± 2.5 standard errors of the simulation.
    expect(above / samples).toBeLessThan(0.0775);
    expect(above / samples).toBeGreaterThan(0.0225);
  });

  it('is unknown without rows of both classes or with one day', () => {
    expect(aucByDays([1, 2], [1, 1], [0, 90_000])).toBeNull();
    expect(aucByDays([1, 2], [1, 0], [0, 60])).toBeNull();
  });
});
