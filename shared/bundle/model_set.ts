import { join } from 'node:path';
import type { FeatureSchema } from './feature_schema.ts';
import { MODEL_NAMES, type ModelName } from '../core/features/feature.ts';
import { riskRank } from '../core/decide/risk_rank.ts';
import { MinutehandError } from '../errors.ts';
import { readBundle, type Bundle } from './bundle.ts';
import { MODEL_FILES, type Manifest } from './manifest.ts';
import { loadScorer, type Scorer } from './scorer.ts';

const GOLDEN_TOLERANCE = 1e-5;
const WARM_UP_RUNS = 3;

/** The answers of the three models for one batch; row i belongs to row i of the features. Overwritten by the next call. */
export interface BatchScores {
  readonly return_prob: Float64Array;
  /** Calibrated probability of AI2, before its rank is taken. */
  readonly risk_prob: Float64Array;
  readonly risk_score: Float64Array;
  readonly position_scale: Float64Array;
}

/** Three models that are verified, warm and ready to be swapped in together. */
export interface ModelSet {
  readonly version: string;
  readonly modelsHash: string;
  readonly manifest: Manifest;
  readonly theta1: number;
  readonly theta2: number;
  hasEdge(pairId: string): boolean;
  /** @throws MinutehandError MODEL_OUTPUT when an answer is not within [0, 1] */
  infer(features: Float32Array, rows: number): Promise<BatchScores>;
  release(): Promise<void>;
}

/**
 * Reads, verifies, loads and warms a bundle, and compares it with its own golden answers.
 * @throws MinutehandError MODEL_MISSING, MODEL_MANIFEST, MODEL_HASH, MODEL_SCHEMA, MODEL_LOAD, MODEL_GOLDEN
 */
export async function loadModelSet(folder: string, schema: FeatureSchema, maxRows: number): Promise<ModelSet> {
  const bundle = readBundle(folder);
  if (bundle.manifest.feature_schema !== schema.hash) {
    throw new MinutehandError('MODEL_SCHEMA', {
      seen: `feature schema ${bundle.manifest.feature_schema} in ${folder}`,
      expected: schema.hash,
    });
  }
  const scorers = await loadScorers(bundle, schema.definitions.length);
  try {
    await checkGolden(bundle, scorers, schema.definitions.length);
  } catch (error) {
    await Promise.all(Object.values(scorers).map((scorer) => scorer.release()));
    throw error;
  }
  return createModelSet(bundle, scorers, maxRows);
}

type Scorers = Readonly<Record<ModelName, Scorer>>;

async function loadScorers(bundle: Bundle, columns: number): Promise<Scorers> {
  const scorers: Partial<Record<ModelName, Scorer>> = {};
  try {
    for (const name of MODEL_NAMES)
      scorers[name] = await loadScorer(bundle.models[name], columns, join(bundle.folder, MODEL_FILES[name]));
    return scorers as Record<ModelName, Scorer>;
  } catch (error) {
    await Promise.all(Object.values(scorers).map((scorer) => scorer.release()));
    throw error;
  }
}

async function checkGolden(bundle: Bundle, scorers: Scorers, columns: number): Promise<void> {
  const { golden } = bundle.manifest;
  const rows = golden.features.length;
  if (golden.features.some((row) => row.length !== columns))
    throw new MinutehandError('MODEL_MANIFEST', { seen: 'golden rows of the wrong length' });
  const features = Float32Array.from(golden.features.flat(), (value) => value ?? NaN);
  for (const name of MODEL_NAMES) {
    const answers = await firstAnswers(scorers[name], features, rows, `${name} of ${bundle.folder}`);
    for (let row = 0; row < rows; row++) {
      const expected = golden[name][row];
      if (expected === undefined || !(Math.abs(answers[row]! - expected) <= GOLDEN_TOLERANCE)) {
        throw new MinutehandError('MODEL_GOLDEN', {
          seen: `${name} answers ${answers[row]} on golden row ${row} of ${bundle.folder}`,
          expected: String(expected),
        });
      }
    }
  }
}

/** Warms the model. A graph that takes other shapes than its features shows here. @throws MinutehandError MODEL_LOAD */
async function firstAnswers(scorer: Scorer, features: Float32Array, rows: number, name: string): Promise<Float32Array> {
  try {
    for (let run = 1; run < WARM_UP_RUNS; run++) await scorer.score(features, rows);
    return await scorer.score(features, rows);
  } catch (cause) {
    const text = cause instanceof Error ? cause.message : String(cause);
    throw new MinutehandError('MODEL_LOAD', { seen: `${name}: ${text}`, cause });
  }
}

function createModelSet(bundle: Bundle, scorers: Scorers, maxRows: number): ModelSet {
  const { manifest, modelsHash } = bundle;
  const scores = {
    return_prob: new Float64Array(maxRows),
    risk_prob: new Float64Array(maxRows),
    risk_score: new Float64Array(maxRows),
    position_scale: new Float64Array(maxRows),
  };
  const fill = async (name: ModelName, target: Float64Array, features: Float32Array, rows: number): Promise<void> => {
    const answers = await scorers[name].score(features, rows);
    for (let row = 0; row < rows; row++) {
      const value = answers[row]!;
      if (!(value >= 0 && value <= 1))
        throw new MinutehandError('MODEL_OUTPUT', { seen: `${name} of ${manifest.version} answered ${value}` });
      target[row] = value;
    }
  };
  return {
    version: manifest.version,
    modelsHash,
    manifest,
    theta1: manifest.theta1,
    theta2: manifest.theta2,
    hasEdge: (pairId) => manifest.edge[pairId]?.no_edge === false,
    async infer(features, rows) {
      if (rows > maxRows) throw new RangeError(`${rows} rows in a set for ${maxRows}`);
      await fill('ai1', scores.return_prob, features, rows);
      await fill('ai2', scores.risk_prob, features, rows);
      await fill('ai3', scores.position_scale, features, rows);
      for (let row = 0; row < rows; row++)
        scores.risk_score[row] = riskRank(manifest.risk_knots, scores.risk_prob[row]!);
      return scores;
    },
    async release() {
      for (const name of MODEL_NAMES) await scorers[name].release();
    },
  };
}
