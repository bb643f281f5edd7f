import { join } from 'node:path';
import * as z from 'zod';
import { readBundle, type Bundle } from '../bundle/bundle.ts';
import type { FeatureSchema } from '../bundle/feature_schema.ts';
import { MONITOR_FILE } from '../bundle/manifest.ts';
import { loadModelSet, servingSet, type ModelSet } from '../bundle/model_set.ts';
import { readModelsFile } from '../bundle/models_file.ts';
import { decodeTreeModel } from '../bundle/onnx/tree_graph.ts';
import type { TreeEnsemble } from '../bundle/onnx/tree_ensemble.ts';
import { riskRank } from '../strategies/pair_reversion/risk_rank.ts';
import { perModel, type ModelName } from '../core/features/feature.ts';
import { MinutehandError } from '../errors.ts';

/** A bundle with all that explaining one of its answers takes. */
export interface ExplainedBundle {
  /** The models that score the pair. */
  ofPair(pairId: string): ExplainedModels;
}

export interface ExplainedModels {
  readonly set: ModelSet;
  /** null for a model that is not trees and a sigmoid. */
  readonly ensembles: Readonly<Record<ModelName, TreeEnsemble | null>>;
  /** Rank of a feature's value among the rows of training, 0 to 1; null where the bundle does not record it. */
  percentile(feature: string, value: number): number | null;
}

/** @throws MinutehandError as `loadModelSet` */
export async function openExplainedModels(folder: string, schema: FeatureSchema): Promise<ExplainedBundle> {
  const { models, groups = [] } = readBundle(folder);
  const pooled = ensemblesOf(models);
  const own = groups.map((group) => ({ pairs: group.pairs, ensembles: ensemblesOf(group.models) }));
  // Adoption has compared the kernel with onnxruntime; its answer here is compared with the published one.
  const set = await loadModelSet(folder, schema, 1, { crossCheck: false });
  const quantiles = readQuantiles(folder);
  const percentile: ExplainedModels['percentile'] = (feature, value) => {
    const known = quantiles.get(feature);
    return known === undefined || known.length < 2 || Number.isNaN(value) ? null : riskRank(known, value);
  };
  return {
    ofPair(pairId) {
      const { ensembles } = own.find(({ pairs }) => pairs.includes(pairId)) ?? { ensembles: pooled };
      return { set: servingSet(set, pairId), ensembles, percentile };
    },
  };
}

function ensemblesOf(models: Bundle['models']): ExplainedModels['ensembles'] {
  return perModel((name) => ensembleOf(models[name]));
}

function ensembleOf(bytes: Uint8Array): TreeEnsemble | null {
  try {
    const { model } = decodeTreeModel(bytes);
    return model.link === 'sigmoid' ? model.ensembles[0]! : null;
  } catch (error) {
    if (error instanceof MinutehandError) return null;
    throw error;
  }
}

const profiled = z.object({
  profile: z.object({
    features: z.array(z.object({ name: z.string(), quantiles: z.array(z.number()).optional() })),
  }),
});

/** By feature; older bundles have none. */
function readQuantiles(folder: string): Map<string, readonly number[]> {
  let json: unknown;
  try {
    json = JSON.parse(readModelsFile(join(folder, MONITOR_FILE), 'content').toString('utf8'));
  } catch {
    return new Map();
  }
  const parsed = profiled.safeParse(json);
  const features = parsed.success ? parsed.data.profile.features : [];
  return new Map(features.flatMap(({ name, quantiles }) => (quantiles === undefined ? [] : [[name, quantiles]])));
}
