import { writtenGate } from '../../../test/written_gate.ts';
import { describe, expect, it } from 'vitest';
import { loadSettings } from '../../../shared/policy/policy.ts';
import { createRng } from '../../../shared/rng.ts';
import { auc } from '../measures/metrics.ts';
import { checkQuality, f1Figures, qualityLimits, type QualityCase } from './quality_gate.ts';

const LIMITS = { min_samples: 2000, f1_floor: null };

/** Scores with `skill` standard deviations of signal on the label, whose positives are a share of all. */
function answers(seed: string, skill: number, share = 0.5, rows = 4000): QualityCase {
  const rng = createRng(seed);
  const labels = Float64Array.from({ length: rows }, () => (rng.uniform() < share ? 1 : 0));
  const scores = labels.map((label) => rng.normal() + skill * label);
  return { samples: 5000, scores, labels, rate: share, ...timed(rows) };
}

/** Rows a minute apart with labels of one minute. */
function timed(rows: number): Pick<QualityCase, 'time' | 'labelEnd' | 'uniqueness'> {
  const time = Float64Array.from({ length: rows }, (_, row) => 60 * row);
  return { time, labelEnd: time.map((at) => at + 60), uniqueness: new Float64Array(rows).fill(1) };
}

const passed = (of: QualityCase, limits: Parameters<typeof checkQuality>[1] = LIMITS): Record<string, boolean> =>
  Object.fromEntries(checkQuality(of, limits).map((result) => [writtenGate(result).name, result.passed]));

describe('checkQuality', () => {
  it('accepts a model with skill and enough samples, however rare or common its positives are', () => {
    for (const share of [0.5, 0.1, 0.9, 0.02, 0.98])
      expect(Object.values(passed(answers('skill', 1.5, share)))).toEqual([true, true, true, true]);
  });

  it('accepts skill where most labels are positive, which a threshold of the best F1 would answer all positive', () => {
    // As where a planted spread reverts: most candidates do.
    let accepted = 0;
    for (let world = 0; world < 50; world++)
      if (Object.values(passed(answers(`most ${world}`, 0.8, 0.85, 1200))).every(Boolean)) accepted++;
    expect(accepted).toBeGreaterThan(47);
  });

  it('refuses too few samples, exactly below the limit', () => {
    expect(passed({ ...answers('few', 1.5), samples: 1999 })['samples']).toBe(false);
    expect(passed({ ...answers('few', 1.5), samples: 2000 })['samples']).toBe(true);
  });

  it('lets a model without skill pass one time in fifty, however labels and answers depend on time', () => {
    const WORLDS = 500;
    for (const memory of [0, 0.97]) {
      const accepted = { 'f1 above chance': 0, 'auc above noise': 0 };
      for (let world = 0; world < WORLDS; world++) {
        const rng = createRng(`no skill ${memory} ${world}`);
        const walk = (): Float64Array => {
          let state = 0;
          return Float64Array.from({ length: 1500 }, () => (state = memory * state + rng.normal()));
        };
        const labels = walk().map((value) => (value > 0.3 ? 1 : 0));
        // A label of an hour: 1,500 rows a minute apart are 25 of them.
        const rows = timed(1500);
        const labelEnd = Float64Array.from(rows.time, (time) => time + (memory > 0 ? 3600 : 60));
        const found = passed({ samples: 5000, scores: walk(), labels, rate: 0.4, ...rows, labelEnd });
        for (const name of ['f1 above chance', 'auc above noise'] as const) if (found[name]!) accepted[name]++;
      }
      // 2 %, and three simulation errors.
      for (const count of Object.values(accepted)) expect(count / WORLDS).toBeLessThan(0.04);
    }
  });

  it('requires more of labels that overlap', () => {
    const weak = answers('weak', 0.15);
    expect(passed(weak)['auc above noise']).toBe(true);
    const labelEnd = Float64Array.from(weak.time, (time) => time + 36_000);
    expect(passed({ ...weak, labelEnd })['auc above noise']).toBe(false);
  });

  it('refuses rows of one class, one answer and empty input', () => {
    for (const rows of [3, 0, 500]) {
      const one = { samples: 5000, scores: new Float64Array(rows).fill(1), rate: 0.5, ...timed(rows) };
      for (const labels of [new Float64Array(rows).fill(1), Float64Array.from({ length: rows }, (_, i) => i % 2)])
        expect(Object.values(passed({ ...one, labels }))).toEqual([true, true, false, false]);
    }
  });

  it('compares the plain F1 with the floor where the policy has one, the floor included', () => {
    const perfect = { samples: 5000, scores: [0.1, 0.9], labels: [0, 1], rate: 0.5, ...timed(2) };
    expect(passed(perfect, { min_samples: 0, f1_floor: 1 })['f1']).toBe(true);
    const rare = answers('rare', 1.5, 0.1);
    const { f1 } = f1Figures(rare)!;
    expect(f1).toBeLessThan(0.6);
    expect(passed(rare, { ...LIMITS, f1_floor: 0.6 })['f1']).toBe(false);
    expect(passed(rare, { ...LIMITS, f1_floor: f1 })['f1']).toBe(true);
    expect(passed(rare)['f1']).toBe(true);
  });

  it('reads its limits from the retraining policy, the floor for the models that it names', () => {
    const { retrain } = loadSettings({ env: {} });
    expect(retrain.quality_f1_gates).toEqual(['direction']);
    expect(qualityLimits({ retrain }, 'ai1')).toEqual({ min_samples: retrain.quality_min_samples, f1_floor: null });
    const strict = { retrain: { ...retrain, quality_f1_gates: ['ai2'] as const } };
    expect(qualityLimits(strict as never, 'ai2').f1_floor).toBe(retrain.quality_f1_floor);
    expect(qualityLimits(strict as never, 'ai1').f1_floor).toBeNull();
  });

  it('reports what it saw and what it expected', () => {
    expect(
      checkQuality(answers('text', 1.5), { min_samples: 2000, f1_floor: 0.6 }).map((gate) => writtenGate(gate).limit),
    ).toEqual([
      'at least 2000',
      'at least 0.6',
      expect.stringMatching(/^above 0\.5\d{3} and 0\.5\d{3} of as many random answers, beyond an error of 0\.0\d{3}$/),
      expect.stringMatching(/^above 0\.5, beyond an error of 0\.0\d{3}$/),
    ]);
    const four = { samples: 4, scores: [0.1, 0.6, 0.7, 0.9], labels: [0, 0, 1, 1], rate: 0.5, ...timed(4) };
    expect(
      checkQuality(four, LIMITS)
        .map(writtenGate)
        .map(({ name, seen, passed: own }) => [name, seen, own]),
    ).toEqual([
      ['samples', '4', false],
      ['f1', '1.0000, 1.0000 with balanced classes', true],
      ['f1 above chance', '1.0000, 1.0000 with balanced classes', false],
      ['auc above noise', '1.0000', false],
    ]);
    const oneClass = checkQuality({ ...four, labels: [1, 1, 1, 1] }, LIMITS).map(writtenGate);
    expect(oneClass.map(({ seen }) => seen)).toEqual(['4', 'none', 'none', 'none']);
    expect(oneClass[3]!.limit).toBe('too few hours to tell a difference from chance');
  });
});

describe('f1Figures', () => {
  it('has the F1 of chance that random answers of the same number have on average', () => {
    const model = answers('chance', 1, 0.3, 400);
    const found = f1Figures(model)!;
    const rng = createRng('random answers');
    const [plain, balanced]: [number[], number[]] = [[], []];
    for (let world = 0; world < 3000; world++) {
      const own = f1Figures({ ...model, scores: Float64Array.from({ length: 400 }, () => rng.uniform()) })!;
      plain.push(own.f1);
      balanced.push(own.f1_balanced);
    }
    const mean = (values: readonly number[]): number => values.reduce((sum, value) => sum + value, 0) / values.length;
    expect(mean(plain)).toBeCloseTo(found.f1_chance, 2);
    expect(mean(balanced)).toBeCloseTo(found.f1_balanced_chance, 2);
  });

  it('bounds the gain in the sense of the AUC', () => {
    const weak = answers('weak', 0.02, 0.5, 300);
    expect(auc(weak.scores, weak.labels)!).toBeLessThan(0.55);
    expect(f1Figures(weak)!.f1_gain_lower!).toBeLessThan(0);
    expect(f1Figures(answers('strong', 1, 0.5, 300))!.f1_gain_lower!).toBeGreaterThan(0);
  });
});
