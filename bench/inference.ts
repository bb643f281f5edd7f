import { join } from 'node:path';
import { MODEL_FILES } from '../shared/bundle/manifest.ts';
import { featureSchema } from '../shared/bundle/feature_schema.ts';
import { loadModelSet, type ModelSet } from '../shared/bundle/model_set.ts';
import { InferenceSession, Tensor } from '../shared/bundle/onnxruntime.ts';
import { MODEL_NAMES } from '../shared/core/features/feature.ts';
import { loadSettings } from '../shared/policy/policy.ts';
import { benchModels, featureRows, type FeatureRows } from './models.ts';
import { percentiles, type Percentiles } from './percentiles.ts';
import { instantNs } from './end_to_end/instant.ts';

const BATCHES = [1, 10, 100, 1000] as const;
/** Many different rows in sequence, because the branch predictor learns the paths of few rows. */
const ROWS = 40_000;
const BLOCKS = 8;
/** Time per engine and batch size. */
const BUDGET_MS = 1500;

export interface InferenceBatch {
  readonly rows: number;
  /** Microseconds for one batch, all three models. */
  readonly ours: Percentiles;
  readonly onnxruntime: Percentiles;
  readonly onnxruntime_defaults: Percentiles;
  /** onnxruntime / ours, ratio of medians. */
  readonly ratio_p50: number;
  readonly ratio_defaults_p50: number;
}

export interface InferenceResult {
  /** Default engine of each model. */
  readonly engines: Readonly<Record<string, string>>;
  readonly batches: readonly InferenceBatch[];
}

type Score = (features: Float32Array, rows: number) => unknown;

/**
 * Three models of 300 trees × 31 leaves on batches of changing rows: our model set as the daemon uses it, against
 * onnxruntime-node with one batched call per model, with one thread as the daemon would run it and with its defaults.
 * The engines alternate.
 */
export async function benchInference(print: (line: string) => void): Promise<InferenceResult> {
  const settings = loadSettings({ env: {} });
  const schema = featureSchema(settings.minutehand.windows);
  const [bundle] = (await benchModels(print)).random;
  const maxRows = BATCHES.at(-1)!;
  const rows = featureRows(settings, ROWS);
  const ours = await loadModelSet(bundle, schema, maxRows, { engine: 'auto' });
  const forced = await loadModelSet(bundle, schema, maxRows, { engine: 'onnxruntime' });
  const plain = await openSessions(bundle, schema.definitions.length);
  try {
    const batches: InferenceBatch[] = [];
    for (const size of BATCHES) {
      print(`inference, ${size} rows …`);
      const engines: Readonly<Record<string, Score>> = {
        ours: (features, count) => ours.infer(features, count),
        onnxruntime: (features, count) => forced.infer(features, count),
        onnxruntime_defaults: plain.score,
      };
      const timings = await timeInTurns(engines, rows, size);
      const [own, one, defaults] = Object.keys(engines).map((name) => percentiles(timings.get(name)!));
      batches.push({
        rows: size,
        ours: own!,
        onnxruntime: one!,
        onnxruntime_defaults: defaults!,
        ratio_p50: one!.p50 / own!.p50,
        ratio_defaults_p50: defaults!.p50 / own!.p50,
      });
    }
    return { engines: enginesOf(ours), batches };
  } finally {
    await ours.release();
    await forced.release();
    await plain.release();
  }
}

function enginesOf(set: ModelSet): Readonly<Record<string, string>> {
  return Object.fromEntries(MODEL_NAMES.map((name) => [name, set.engines[name]]));
}

async function timeInTurns(
  engines: Readonly<Record<string, Score>>,
  rows: FeatureRows,
  size: number,
): Promise<Map<string, number[]>> {
  const timings = new Map<string, number[]>(Object.keys(engines).map((name) => [name, []]));
  const batch = new Float32Array(size * rows.columns);
  let at = 0;
  const next = (): Float32Array => {
    if (at + size > rows.rows) at = 0;
    batch.set(rows.values.subarray(at * rows.columns, (at + size) * rows.columns));
    at += size;
    return batch;
  };
  for (let block = 0; block <= BLOCKS; block++) {
    for (const [name, score] of Object.entries(engines)) {
      const untilNs = instantNs() + (BUDGET_MS / BLOCKS) * 1e6;
      while (instantNs() < untilNs) {
        const features = next();
        const startNs = instantNs();
        const answer = score(features, size);
        if (answer instanceof Promise) await answer;
        const us = (instantNs() - startNs) / 1000;
        // The first block is warm-up.
        if (block > 0) timings.get(name)!.push(us);
      }
    }
  }
  return timings;
}

/** Uses onnxruntime-node as its documentation shows. */
async function openSessions(
  bundle: string,
  columns: number,
): Promise<{ score(features: Float32Array, rows: number): Promise<void>; release(): Promise<void> }> {
  const sessions: InferenceSession[] = [];
  for (const name of MODEL_NAMES) sessions.push(await InferenceSession.create(join(bundle, MODEL_FILES[name])));
  return {
    async score(features, rows) {
      for (const session of sessions) await session.run({ features: new Tensor('float32', features, [rows, columns]) });
    },
    async release() {
      for (const session of sessions) await session.release();
    },
  };
}
