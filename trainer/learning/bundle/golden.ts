import type { BundleModel, Manifest, PerBundleModel } from '../../../shared/bundle/manifest.ts';
import type { Matrix } from '../../../shared/bundle/onnx/tree_ensemble.ts';
import { createRng } from '../../../shared/rng.ts';
import type { Dataset } from '../dataset/dataset.ts';
import type { Fitted } from '../learners/contract/fitted.ts';
import { takeRows } from '../learners/contract/fit_rows.ts';

const GOLDEN_ROWS = 32;

/**
 * Rows of the holdout (of the training rows when it is empty) and one with everything missing, with the learner's
 * answers.
 */
export function goldenVectors(
  dataset: Dataset,
  models: PerBundleModel<{ readonly model: Fitted }>,
): Manifest['golden'] {
  const source = [dataset.holdout.ai1, dataset.holdout.ai2, dataset.train.ai2].find((rows) => rows.x.rows > 0)!;
  const rng = createRng('golden rows');
  const picked = takeRows(
    source.x,
    Array.from({ length: GOLDEN_ROWS - 1 }, () => rng.integer(source.x.rows)),
  );
  const { columns } = picked;
  const values = new Float32Array(GOLDEN_ROWS * columns).fill(NaN);
  // JSON has no infinity: the manifest would contain null, which means missing.
  values.set(picked.values.map((value) => (Number.isFinite(value) ? value : NaN)));
  const x: Matrix = { rows: GOLDEN_ROWS, columns, values };
  const features = Array.from({ length: x.rows }, (_, row) =>
    Array.from(values.subarray(row * columns, (row + 1) * columns), (value) => (Number.isFinite(value) ? value : null)),
  );
  const answers = (name: BundleModel): number[] => Array.from(models[name]!.model.exactAnswers(x));
  const net = models.net === undefined ? {} : { net: answers('net') };
  return { features, ai1: answers('ai1'), ai2: answers('ai2'), ai3: answers('ai3'), ...net };
}
