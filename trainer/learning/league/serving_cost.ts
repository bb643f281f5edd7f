import type { Matrix } from '../../../shared/bundle/onnx/tree_ensemble.ts';
import { loadScorer } from '../../../shared/bundle/scorer.ts';
import { openOwnModel, readOwnModel, type OwnModel } from '../../../shared/bundle/own_model.ts';
import { slowestEngine, type ScoringEngine } from '../../../shared/bundle/scoring_engine.ts';
import { MinutehandError } from '../../../shared/errors.ts';
import { takeRows } from '../learners/contract/fit_rows.ts';
import { barsOf, type Fitted } from '../learners/contract/fitted.ts';
import type { EntrantModels } from './entrant_models.ts';
import { modelInputs } from '../learners/contract/past_rows.ts';
import { SERVED_SUBJECTS, servingLatency, type ServingLatency } from './serving_latency.ts';

/** What a model costs the daemon. */
export interface ServingCost {
  /** What scores it there. */
  readonly engine: ScoringEngine;
  /** Of the ONNX file. */
  readonly bytes: number;
  /** Microseconds for the rows of ten subjects, one thread, caches warm; by this machine and its load. */
  readonly latency_us: ServingLatency;
}

/**
 * Times the models of an entrant as the daemon scores them, one after the other, each its share of the subjects.
 * @param x at least one row
 * @param pairs of which ten subjects are a sample
 */
export async function servingCost(models: EntrantModels, x: Matrix, pairs: number): Promise<ServingCost> {
  const parts: Scored[] = [];
  try {
    for (const { pairs: own, fitted } of models) {
      const share = own === null ? 1 : own.length / pairs;
      parts.push(await openScored(fitted, x, Math.max(1, Math.round(SERVED_SUBJECTS * share))));
    }
    const [first] = parts;
    const scoreAll = async (): Promise<void> => {
      for (const { score } of parts) await score();
    };
    // A single model without a promise more than the daemon has.
    const latency = await servingLatency(parts.length === 1 ? () => first!.score() : scoreAll);
    return {
      engine: slowestEngine(parts.map(({ engine }) => engine)),
      bytes: parts.reduce((sum, { bytes }) => sum + bytes, 0),
      latency_us: latency,
    };
  } finally {
    for (const { release } of parts) await release();
  }
}

/** A model with the rows that it scores. */
interface Scored extends Pick<ServingCost, 'engine' | 'bytes'> {
  score(): unknown;
  release(): Promise<void>;
}

async function openScored(fitted: Fitted, x: Matrix, subjects: number): Promise<Scored> {
  const bytes = fitted.toOnnx({ metadata: {} });
  const rows = takeRows(
    x,
    Array.from({ length: subjects }, (_, row) => row % x.rows),
  );
  // A model of single bars gets these alone in a league whose rows have sequences, too.
  const bars = barsOf(fitted);
  const features = bars > 1 ? modelInputs(rows, 0, subjects) : rows.values;
  const own = bars > 1 ? null : ownModel(bytes);
  if (own !== null) {
    const score = openOwnModel(own, subjects);
    return {
      engine: own.engine,
      bytes: bytes.length,
      score: () => score(features, subjects),
      release: () => Promise.resolve(),
    };
  }
  const scorer = await loadScorer(bytes, { columns: rows.columns, bars }, fitted.learner);
  return {
    engine: 'onnxruntime-node',
    bytes: bytes.length,
    score: () => scorer.score(features, subjects),
    release: () => scorer.release(),
  };
}

function ownModel(bytes: Uint8Array): OwnModel | null {
  try {
    return readOwnModel(bytes).model;
  } catch (error) {
    if (error instanceof MinutehandError) return null;
    throw error;
  }
}
