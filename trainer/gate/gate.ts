import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { readActive, readBundle } from '../../shared/bundle/bundle.ts';
import { loadScorer } from '../../shared/bundle/scorer.ts';
import type { TrainResult } from '../pipeline.ts';
import { auc } from '../validate/metrics.ts';

const AUC_TOLERANCE = 0.02;

export interface GateResult {
  readonly name: string;
  readonly passed: boolean;
  readonly seen: string;
  readonly limit: string;
}

/**
 * Whether a new bundle may take the champion's place. Its golden answers were checked in onnxruntime when it was written;
 * here AI1 of both is measured on the challenger's holdout, on the evaluation label.
 */
export async function judge(result: TrainResult, modelsFolder: string): Promise<GateResult[]> {
  const challenger = result.manifest.metrics.ai1.holdout.auc;
  const active = readActive(modelsFolder);
  const folder = active === null ? null : join(modelsFolder, active.version);
  if (folder === null || !existsSync(folder)) {
    return [{ name: 'champion', passed: true, seen: 'there is none', limit: 'the first bundle needs none' }];
  }
  const champion = readBundle(folder);
  if (champion.manifest.feature_schema !== result.manifest.feature_schema) {
    return [
      { name: 'champion', passed: true, seen: 'it was trained on other features', limit: 'the daemon would refuse it' },
    ];
  }
  const { x, y } = result.dataset.holdout.ai1;
  const scorer = await loadScorer(champion.models.ai1, x.columns, 'champion ai1');
  const scores = x.rows === 0 ? new Float32Array() : await scorer.score(x.values, x.rows);
  await scorer.release();
  const championAuc = auc(Float64Array.from(scores), y);
  const passed = challenger === null || championAuc === null || challenger >= championAuc - AUC_TOLERANCE;
  return [
    {
      name: 'auc',
      passed,
      seen: `${challenger?.toFixed(4) ?? 'none'} against ${championAuc?.toFixed(4) ?? 'none'} of ${champion.manifest.version} on the same rows`,
      limit: `not more than ${AUC_TOLERANCE} below`,
    },
  ];
}
