import { describe, expect, it } from 'vitest';
import { loadSettings } from '../../../../../shared/policy/policy.ts';
import { RISK_PARTS } from '../label/pair_labels.ts';
import { EVALUATION_BARRIERS } from '../label/reversion.ts';
import { datasetPolicy } from './dataset_policy.ts';
import { codeFingerprint, probeTask } from './code_fingerprint.ts';
import { buildPair, type PairPolicy } from './pair_build.ts';

const POLICY: PairPolicy = {
  ...datasetPolicy(loadSettings({ env: {} })),
  share: 0.1,
  holdoutFrom: 1_600_000_000,
};

describe('codeFingerprint', () => {
  it('is the same for the same policy, whatever share and holdout a dataset has', () => {
    const fingerprint = codeFingerprint(POLICY);
    expect(fingerprint).toMatch(/^[0-9a-f]{64}$/);
    expect(codeFingerprint({ ...POLICY, share: 0.2, holdoutFrom: 0 })).toBe(fingerprint);
    expect(codeFingerprint({ ...POLICY, windows: { ...POLICY.windows, z_window: 100 } })).not.toBe(fingerprint);
  });

  it('uses bars that cover every case of features and labels', () => {
    const { history, labels } = buildPair(probeTask(POLICY));
    const width = history.features.length / history.rows;
    expect(history.rows).toBeGreaterThan(200);
    for (const set of [labels.ai1, labels.evaluation, labels.ai2]) expect(new Set(set.label)).toEqual(new Set([0, 1]));
    for (const part of RISK_PARTS) expect(new Set(labels.ai2.parts[part])).toEqual(new Set([0, 1]));
    expect(new Set(labels.ai3.label).size).toBeGreaterThan(50);
    expect(new Set(labels.ai3.label.filter((label) => label < 1)).size).toBeGreaterThan(50);
    const gaps = history.time.slice(1).map((time, i) => time - history.time[i]!);
    expect(Math.max(...gaps)).toBeGreaterThan(86_400);
    // No column is always missing or always the same.
    for (let column = 0; column < width; column++) {
      const values = Array.from({ length: history.rows }, (_, row) => history.features[row * width + column]!);
      expect(new Set(values.filter((value) => !Number.isNaN(value))).size, `column ${column}`).toBeGreaterThan(1);
    }
    expect(history.features.some((value) => Number.isNaN(value))).toBe(true);
    expect(labels.evaluation.bar.length).toBeGreaterThan(20);
    expect(POLICY.barriers).toEqual(EVALUATION_BARRIERS);
  });
});
