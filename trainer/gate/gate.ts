import { join } from 'node:path';
import { readActive, readBundle, type Bundle } from '../../shared/bundle/bundle.ts';
import { loadScorer } from '../../shared/bundle/scorer.ts';
import type { ModelMetrics } from '../../shared/bundle/manifest.ts';
import { describeError } from '../../shared/errors.ts';
import type { TrainResult } from '../pipeline.ts';
import { auc } from '../validate/metrics.ts';

const AUC_TOLERANCE = 0.02;
const LEAST_AUC = 0.52;

export interface GateResult {
  readonly name: string;
  readonly passed: boolean;
  readonly seen: string;
  readonly limit: string;
}

/**
 * Whether a new bundle may be put in force. Its golden answers were checked in onnxruntime when it was written; all tests of its training must have
 * passed, and AI1 must not know much less than the champion about the same rows.
 */
export async function judge(result: TrainResult, modelsFolder: string): Promise<GateResult[]> {
  return [...result.gates, await judgeAgainstChampion(result, modelsFolder)];
}

/** A model that learned nothing (as from shuffled labels) ranks like a coin and is no better than always answering the mean. */
export function judgeSkill({ auc: rank, brier, brier_of_mean }: ModelMetrics): GateResult[] {
  return [
    {
      name: 'ai1 auc',
      passed: rank !== null && rank >= LEAST_AUC,
      seen: shown(rank),
      limit: `at least ${LEAST_AUC} on the holdout`,
    },
    {
      name: 'ai1 brier',
      passed: brier !== null && brier_of_mean !== null && brier < brier_of_mean,
      seen: shown(brier),
      limit: `below ${shown(brier_of_mean)}, that of the mean`,
    },
  ];
}

async function judgeAgainstChampion(result: TrainResult, modelsFolder: string): Promise<GateResult> {
  const name = 'champion';
  const champion = readChampion(modelsFolder);
  if (typeof champion === 'string') return { name, passed: true, seen: champion, limit: 'none to compare with' };
  if (champion.manifest.feature_schema !== result.manifest.feature_schema) {
    return { name, passed: true, seen: 'it was trained on other features', limit: 'the daemon would refuse it' };
  }
  const { x, y } = result.dataset.evaluation.holdout;
  const scorer = await loadScorer(champion.models.ai1, x.columns, 'champion ai1');
  const scores = x.rows === 0 ? new Float32Array() : await scorer.score(x.values, x.rows);
  await scorer.release();
  const championAuc = auc(Float64Array.from(scores), y);
  const challenger = result.manifest.metrics.ai1.holdout.auc;
  return {
    name,
    passed: championAuc === null || (challenger !== null && challenger >= championAuc - AUC_TOLERANCE),
    seen: `AUC ${shown(challenger)} against ${shown(championAuc)} of ${champion.manifest.version} on the same rows`,
    limit: `not more than ${AUC_TOLERANCE} below`,
  };
}

function shown(value: number | null): string {
  return value === null ? 'none' : value.toFixed(4);
}

/** The active bundle, or why there is none to compare with: one that cannot be read does not keep its successor out. */
function readChampion(modelsFolder: string): Bundle | string {
  try {
    const active = readActive(modelsFolder);
    return active === null ? 'there is none' : readBundle(join(modelsFolder, active.version));
  } catch (error) {
    return describeError(error).message;
  }
}
