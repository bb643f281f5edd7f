import type { Matrix, TreeEnsemble, TreeModel } from '../../../../shared/bundle/onnx/tree_ensemble.ts';
import { predictModel } from '../../../../shared/bundle/onnx/tree_ensemble.ts';
import { byRow } from '../contract/class_rescaled.ts';
import { softmaxRows } from '../../../../shared/elementary.ts';
import { packTrees, type PackedTrees } from '../../../../shared/bundle/tree_kernel/pack.ts';
import { openTreeKernel } from '../../../../shared/bundle/tree_kernel/tree_kernel.ts';

/** Rows the kernel takes at once: they and their answers stay in the second-level cache. */
const ROWS_PER_CALL = 4096;

/** Answers of several ensembles to the rows of a matrix, [ensembles][rows]. */
export type Scorer = (x: Matrix) => Float32Array[];

/**
 * Raw scores, before any link, by the daemon's own kernel: float32 sums, the same on every machine, at a tenth of the
 * time of walking the trees.
 * @throws MinutehandError KERNEL_MISSING
 */
export function openRawScorer({ ensembles }: TreeModel): Scorer {
  return openScorer(ensembles, 'none');
}

/** Logits of a model with one sigmoid, [rows]. */
export function scoreLogits(model: TreeModel, x: Matrix): Float64Array {
  return Float64Array.from(openScorer([model.ensembles[0]!], 'none')(x)[0]!);
}

/**
 * The answers of a model, [rows × answers] by row, as serving computes them where the model is all that is served: a
 * probability is the float32 answer of this kernel, and those of classes are the softmax of float32 sums. A share of a
 * class in a forest is a float64 sum that is rounded to float32; other single answers are float64 sums.
 */
export function treeAnswers(model: TreeModel, x: Matrix): Float64Array {
  const { link, ensembles } = model;
  if (link === 'sigmoid') return Float64Array.from(openScorer(ensembles, 'sigmoid')(x)[0]!);
  if (link === 'softmax') return softmaxRows(byRow(openRawScorer(model)(x)), ensembles.length);
  return ensembles.length === 1 ? predictModel(model, x) : answersInGraph(model, x);
}

/**
 * The answers of a model of several answers, [rows × answers] by row, where it is a part of a graph that our own code
 * computes: sums in float64, rounded to float32, and so the shares of classes that are made of them.
 */
export function answersInGraph({ link, ensembles }: TreeModel, x: Matrix): Float64Array {
  const sums = openScorer(ensembles, 'none', 'float64')(x);
  return link === 'softmax' ? softmaxRows(byRow(sums), ensembles.length).map(Math.fround) : byRow(sums);
}

function openScorer(
  ensembles: readonly TreeEnsemble[],
  link: PackedTrees['link'],
  sums: PackedTrees['sums'] = 'float32',
): Scorer {
  const kernel = openTreeKernel(
    ensembles.map((ensemble) => packTrees(ensemble, link, sums)),
    ROWS_PER_CALL,
  );
  return (x) => {
    const answers = ensembles.map(() => new Float32Array(x.rows));
    for (let row = 0; row < x.rows; row += ROWS_PER_CALL) {
      const count = Math.min(ROWS_PER_CALL, x.rows - row);
      kernel.score(x.values.subarray(row * x.columns, (row + count) * x.columns), count);
      answers.forEach((own, i) => own.set(kernel.answers[i]!.subarray(0, count), row));
    }
    return answers;
  };
}
