import type { Matrix, TreeEnsemble, TreeModel } from '../../../../shared/bundle/onnx/tree_ensemble.ts';
import { predictModel } from '../../../../shared/bundle/onnx/tree_ensemble.ts';
import { packTrees } from '../../../../shared/bundle/tree_kernel/pack.ts';
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
 * The one answer of a model to each row, [rows]. A probability is the very float32 that the daemon gets where this
 * kernel serves the model; other answers are float64 sums.
 * @throws RangeError when there are several answers per row
 */
export function treeAnswer(model: TreeModel, x: Matrix): Float64Array {
  if (model.ensembles.length !== 1) throw new RangeError(`${model.ensembles.length} answers per row, expected one`);
  return model.link === 'sigmoid'
    ? Float64Array.from(openScorer(model.ensembles, 'sigmoid')(x)[0]!)
    : predictModel(model, x);
}

function openScorer(ensembles: readonly TreeEnsemble[], link: 'none' | 'sigmoid'): Scorer {
  const kernel = openTreeKernel(
    ensembles.map((ensemble) => packTrees(ensemble, link)),
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
