import type { BundleModel, Manifest, PerBundleModel } from '../../../shared/bundle/manifest.ts';
import { createRng } from '../../../shared/rng.ts';
import type { Dataset } from '../strategies/pair_reversion/dataset/dataset.ts';
import type { Fitted } from '../learners/contract/fitted.ts';
import { takeRows } from '../learners/contract/fit_rows.ts';
import { barsPerRow, isSequence, modelInputs, ownTable } from '../learners/contract/past_rows.ts';

const GOLDEN_ROWS = 32;
/** Of models that get a sequence of rows: each golden row has all of its numbers. */
const GOLDEN_SEQUENCES = 4;

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
  const rows = isSequence(source.x) ? GOLDEN_SEQUENCES : GOLDEN_ROWS;
  const picked = takeRows(
    source.x,
    Array.from({ length: rows - 1 }, () => rng.integer(source.x.rows)),
  );
  const { columns } = picked;
  const bars = barsPerRow(picked);
  const table = new Float32Array(rows * bars * columns).fill(NaN);
  // JSON has no infinity: the manifest would contain null, which means missing.
  const known = modelInputs(picked, 0, picked.rows);
  table.set(known.map((value) => (Number.isFinite(value) ? value : NaN)));
  const x = ownTable(table, { rows, columns, bars });
  const width = bars * columns;
  const features = Array.from({ length: rows }, (_, row) =>
    Array.from(table.subarray(row * width, (row + 1) * width), (value) => (Number.isFinite(value) ? value : null)),
  );
  const answers = (name: BundleModel): number[] => Array.from(models[name]!.model.exactAnswers(x));
  const net = models.net === undefined ? {} : { net: answers('net') };
  return { features, ai1: answers('ai1'), ai2: answers('ai2'), ai3: answers('ai3'), ...net };
}
