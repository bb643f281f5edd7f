import { chooseScoring, type ChosenScoring } from '../../../../shared/bundle/direction/choose_scoring.ts';
import {
  inferenceOf,
  ownInference,
  type DirectionInference,
} from '../../../../shared/bundle/direction/direction_inference.ts';
import { openDirectionSession } from '../../../../shared/bundle/direction/direction_scoring.ts';
import type { Matrix } from '../../../../shared/bundle/onnx/tree_ensemble.ts';
import type { RowShape } from '../../../../shared/bundle/scorer.ts';
import { sha256Hex } from '../../../../shared/sha256.ts';
import type { ServingCost } from '../../league/serving_cost.ts';
import { SERVED_SUBJECTS, servingLatency } from '../../league/serving_latency.ts';
import { takeRows } from '../../learners/contract/fit_rows.ts';
import { barsOf, type Fitted } from '../../learners/contract/fitted.ts';
import { modelInputs } from '../../learners/contract/past_rows.ts';

/**
 * What a direction model costs the daemon: it is scored by what the daemon would choose for its file, after the same
 * comparison with onnxruntime, and asked for ten instruments at once, answers checked. onnxruntime is asked row by row.
 * @param model calibrated
 * @param x at least one row
 * @throws MinutehandError MODEL_LOAD
 */
export async function directionServing(model: Fitted, x: Matrix): Promise<ServingCost> {
  const bytes = model.toOnnx({ metadata: {} });
  const rows = takeRows(
    x,
    Array.from({ length: SERVED_SUBJECTS }, (_, row) => row % x.rows),
  );
  const bars = barsOf(model);
  // A model of single bars gets these alone in a league whose rows have sequences, too.
  const features = bars > 1 ? modelInputs(rows, 0, SERVED_SUBJECTS) : rows.values;
  const shape: RowShape = { columns: rows.columns, bars };
  const graph = { bytes, shape, path: model.learner, seed: sha256Hex(bytes), rows: () => features };
  const { scoring } = await chooseScoring(graph);
  const inference = await openInference(scoring, shape, model.learner);
  try {
    const latency = await servingLatency(() => inference.infer(features, SERVED_SUBJECTS));
    return { engine: scoring.engine, bytes: bytes.length, latency_us: latency };
  } finally {
    await inference.release();
  }
}

async function openInference(
  scoring: ChosenScoring['scoring'],
  shape: RowShape,
  name: string,
): Promise<DirectionInference> {
  const options = { name, maxRows: SERVED_SUBJECTS };
  if (scoring.engine !== 'onnxruntime-node') return ownInference(scoring, options);
  return inferenceOf(await openDirectionSession(scoring.bytes, shape, name), options);
}
