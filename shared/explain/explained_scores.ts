import type { FeatureSchema } from '../bundle/feature_schema.ts';
import type { TreeEnsemble } from '../bundle/onnx/tree_ensemble.ts';
import type { ModelScores } from '../strategies/pair_reversion/pair_input.ts';
import { perModel, type ModelName } from '../core/features/feature.ts';
import type { PairFeatures } from '../core/features/features.ts';
import type { ExplainedModels } from './explained_models.ts';
import type { ExplainedModel } from './explanation.ts';
import { MinutehandError } from '../errors.ts';
import { treeShap } from './tree_shap.ts';

/** The answers of the three models to one row of features. */
export interface ScoredRow {
  readonly scores: ModelScores;
  /** Answer of the model of the result, in standard deviations of the spread; NaN where the bundle has none. */
  readonly resultSigmas: number;
  readonly models: Readonly<Record<ModelName, ExplainedModel>>;
}

/** Scores the pair's current row as the daemon does, and attributes each score to its features. */
export async function scoreRow(
  { set, ensembles }: ExplainedModels,
  features: PairFeatures,
  { definitions }: FeatureSchema,
): Promise<ScoredRow> {
  const row = new Float32Array(features.rowLength);
  features.writeRow(row, 0);
  const { return_prob, risk_prob, risk_score, position_scale, result_sigmas, novelty } = await set.infer(row, 1);
  const answers = { ai1: return_prob[0]!, ai2: risk_prob[0]!, ai3: position_scale[0]! };
  const scores = {
    return_prob: return_prob[0]!,
    risk_score: risk_score[0]!,
    novelty: novelty === undefined ? NaN : novelty(0),
  };
  const names = definitions.map(({ name }) => name);
  return {
    scores,
    resultSigmas: result_sigmas[0]!,
    models: perModel((name) => attribute(answers[name], ensembles[name], row, names)),
  };
}

/** @param ensemble null where the model is not made of trees */
export function attribute(
  answer: number,
  ensemble: TreeEnsemble | null,
  row: Float32Array,
  names: readonly string[],
): ExplainedModel {
  const none = { answer, score: null, expected: null, contributions: null };
  if (ensemble === null) return { ...none, code: 'EXPLAIN_NO_COVER' };
  try {
    const { expected, contributions } = treeShap(ensemble, row);
    const greatestFirst = [...contributions]
      .map((logits, column) => ({ feature: names[column]!, logits }))
      .filter(({ logits }) => logits !== 0)
      .sort((a, b) => Math.abs(b.logits) - Math.abs(a.logits));
    const score = contributions.reduce((sum, logits) => sum + logits, expected);
    return { answer, score, expected, contributions: greatestFirst, code: null };
  } catch (error) {
    if (error instanceof MinutehandError) return { ...none, code: error.code };
    throw error;
  }
}
