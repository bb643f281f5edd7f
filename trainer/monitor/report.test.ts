import { describe, expect, it } from 'vitest';
import type { FeatureDrift } from './drift.ts';
import { triggerText } from './monitor.ts';
import type { Compared, PassRate } from './performance_drift.ts';
import { findingsOf, type FindingPolicy } from './report.ts';

const POLICY: FindingPolicy = {
  drift_psi_max: 0.25,
  drift_mean_shift_max: 0.5,
  drift_metric_gap: 0.15,
  model_max_age_days: 45,
  pass_rate_range: [0.05, 0.4],
};
const CALM = { psi: 0.05, psi_noise: 0.02, shift: 0.1, shift_noise: 0.05, missing: 0, missing_in_training: 0 };
const FEATURE: FeatureDrift = {
  name: 'z_score',
  ...CALM,
  pairs: { AAA_BBB: CALM, CCC_DDD: { ...CALM, psi: 0.3, shift: -2 } },
};
const SAME: Compared = { live: 0.6, bundle: 0.6, gap: 0, gap_noise: 0.1, live_count: 100, bundle_count: 100 };
const PASSED: PassRate = { live: 0.2, noise: 0.05, candidates: 1000 };

interface Changes {
  feature?: Partial<FeatureDrift>;
  auc?: Partial<Compared>;
  win_rate?: Partial<Compared>;
  pass_rate?: Partial<PassRate>;
  age_days?: number;
  new_bars?: number;
}

function textsOf(
  { feature = {}, auc = {}, win_rate = {}, pass_rate = {}, age_days = 10, new_bars = 9000 }: Changes,
  policy: Partial<FindingPolicy> = {},
): string[] {
  const report = {
    age_days,
    new_bars,
    drift: { rows: 1000, features: [{ ...FEATURE, ...feature }] },
    performance: {
      auc: { ...SAME, ...auc },
      win_rate: { ...SAME, ...win_rate },
      pass_rate: { ...PASSED, ...pass_rate },
    },
  };
  return findingsOf(report, { ...POLICY, ...policy }, 5000).map(({ text }) => text);
}

describe('findingsOf', () => {
  it('finds nothing where everything is as it was', () => {
    expect(textsOf({})).toEqual([]);
  });

  it('finds a feature that has moved by more than its limit and more than chance, and names the pair that moved most', () => {
    expect(textsOf({ feature: { psi: 0.41 } })).toEqual(['drift psi z_score 0.41 > 0.25 (most in CCC_DDD)']);
    expect(textsOf({ feature: { psi: 0.41, psi_noise: 0.5 } })).toEqual([]);
    expect(textsOf({ feature: { shift: -0.7 } })).toEqual(['drift mean shift z_score 0.70 > 0.5 σ (most in CCC_DDD)']);
    expect(textsOf({ feature: { shift: -0.7, shift_noise: Infinity } })).toEqual([]);
  });

  it('finds figures that are more than 15 % apart from those of the bundle, either way, unless it may be chance', () => {
    expect(textsOf({ auc: { live: 0.5, gap: -0.167, gap_noise: 0.1 } })).toEqual([
      'auc 0.500 against 0.600 of the bundle: 17 % apart > 15 %',
    ]);
    expect(textsOf({ win_rate: { live: 0.72, gap: 0.2 } })).toEqual([
      'win rate 0.720 against 0.600 of the bundle: 20 % apart > 15 %',
    ]);
    expect(textsOf({ auc: { gap: -0.167, gap_noise: 0.2 }, win_rate: { gap: -0.14 } })).toEqual([]);
  });

  it('finds a pass rate outside its range, unless it may be chance', () => {
    expect(textsOf({ pass_rate: { live: 0.5 } })).toEqual(['pass rate 0.50 outside 0.05 to 0.4']);
    expect(textsOf({ pass_rate: { live: 0.01, noise: 0.02 } })).toEqual(['pass rate 0.01 outside 0.05 to 0.4']);
    expect(textsOf({ pass_rate: { live: 0.44 } })).toEqual([]);
    expect(textsOf({ pass_rate: { live: null } })).toEqual([]);
  });

  it('finds models that are old, when there are bars to learn from', () => {
    expect(textsOf({ age_days: 46.5 })).toEqual(['model age 46.5 > 45 days']);
    expect(textsOf({ age_days: 46.5, new_bars: 4999 })).toEqual([]);
  });

  it('finds nothing that the policy has switched off', () => {
    const off = { drift_psi_max: null, drift_mean_shift_max: null, drift_metric_gap: null, model_max_age_days: null };
    const all = { feature: { psi: 9, shift: 9 }, auc: { gap: -1 }, win_rate: { gap: -1 }, age_days: 400 };
    expect(textsOf(all)).toHaveLength(5);
    expect(textsOf(all, off)).toEqual([]);
  });
});

describe('triggerText', () => {
  it('names what is furthest past its limit, and counts the rest', () => {
    const of = (text: string, figure: number) => ({ trigger: text, subject: '', figure, limit: 1, pair: null, text });
    expect(triggerText([of('a', 2)])).toBe('monitor: a');
    expect(triggerText([of('a', 2), of('b', 5), of('c', 3), of('d', 4), of('e', 1.5)])).toBe(
      'monitor: b; d; c and 2 more',
    );
  });
});
