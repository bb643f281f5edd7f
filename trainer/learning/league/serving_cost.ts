import { decodeTreeGraph, type TreeGraph } from '../../../shared/bundle/onnx/tree_graph.ts';
import type { Matrix } from '../../../shared/bundle/onnx/tree_ensemble.ts';
import { loadScorer } from '../../../shared/bundle/scorer.ts';
import { packTrees } from '../../../shared/bundle/tree_kernel/pack.ts';
import { openTreeKernel } from '../../../shared/bundle/tree_kernel/tree_kernel.ts';
import { MinutehandError } from '../../../shared/errors.ts';
import { takeRows } from '../learners/contract/fit_rows.ts';
import type { Fitted } from '../learners/contract/fitted.ts';
import { isSequence, sequencesOf } from '../learners/contract/past_rows.ts';

/** Subjects that the daemon scores together. */
const SUBJECTS = 10;
const WARM_UP = 50;
const RUNS = 500;

/** What a model costs the daemon. */
export interface ServingCost {
  /** What scores it there. */
  readonly engine: 'wasm-simd' | 'onnxruntime-node';
  /** Of the ONNX file. */
  readonly bytes: number;
  /** Microseconds for the rows of ten subjects, one thread, caches warm; by this machine and its load. */
  readonly latency_us: { readonly p50: number; readonly p99: number };
}

/** Times the model as the daemon scores it. @param x at least one row */
export async function servingCost(fitted: Fitted, x: Matrix): Promise<ServingCost> {
  const bytes = fitted.toOnnx({ metadata: {} });
  const rows = takeRows(
    x,
    Array.from({ length: SUBJECTS }, (_, row) => row % x.rows),
  );
  const bars = isSequence(rows) ? rows.past.bars : 1;
  const features = isSequence(rows) ? sequencesOf(rows, 0, SUBJECTS) : rows.values;
  const trees = bars > 1 ? null : treesAlone(bytes);
  if (trees !== null) {
    const kernel = openTreeKernel([packTrees(trees.ensemble, trees.link)], SUBJECTS);
    const latency = await timed(() => kernel.score(features, SUBJECTS));
    return { engine: 'wasm-simd', bytes: bytes.length, latency_us: latency };
  }
  const scorer = await loadScorer(bytes, { columns: rows.columns, bars }, fitted.learner);
  try {
    const latency = await timed(() => scorer.score(features, SUBJECTS));
    return { engine: 'onnxruntime-node', bytes: bytes.length, latency_us: latency };
  } finally {
    await scorer.release();
  }
}

function treesAlone(bytes: Uint8Array): TreeGraph | null {
  try {
    return decodeTreeGraph(bytes);
  } catch (error) {
    if (error instanceof MinutehandError) return null;
    throw error;
  }
}

async function timed(score: () => unknown): Promise<ServingCost['latency_us']> {
  for (let run = 0; run < WARM_UP; run++) await score();
  const times = new Float64Array(RUNS);
  for (let run = 0; run < RUNS; run++) {
    const start = performance.now();
    await score();
    times[run] = 1000 * (performance.now() - start);
  }
  times.sort();
  return { p50: times[Math.floor(RUNS / 2)]!, p99: times[Math.floor(0.99 * RUNS)]! };
}
