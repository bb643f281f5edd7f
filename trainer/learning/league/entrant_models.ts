import type { Matrix } from '../../../shared/bundle/onnx/tree_ensemble.ts';
import type { DatasetRows } from '../dataset/dataset_rows.ts';
import { positions } from '../dataset/rows.ts';
import { takeRows } from '../learners/contract/fit_rows.ts';
import type { Fitted } from '../learners/contract/fitted.ts';
import { fitAllRows, type Learner } from '../learners/contract/learner.ts';
import { TASK } from '../learners/learning.ts';

/** A model and the pairs that it answers for. */
export interface EntrantPart {
  /** Indices of the pairs, ascending; null: all of them. */
  readonly pairs: readonly number[] | null;
  readonly fitted: Fitted;
}

/** What an entrant has learned from some rows. */
export type EntrantModels = readonly EntrantPart[];

/** How an entrant learns. */
export interface EntrantFit {
  readonly learner: Learner;
  readonly columns: readonly number[];
  /** Indices of the pairs of each group, which gets its own model; null: one model for all pairs. */
  readonly groups: readonly (readonly number[])[] | null;
}

/**
 * A model of the subset; or one of each group’s own rows of it, and for pairs without a group the model of all of its
 * rows, as a training with `train.groups` has them.
 */
export async function fitEntrant(
  { learner, columns, groups }: EntrantFit,
  rows: DatasetRows,
  subset: Int32Array,
  seed: string,
): Promise<EntrantModels> {
  const fit = async (pairs: EntrantPart['pairs'], own: Int32Array): Promise<EntrantPart> => {
    const fitted = await fitAllRows(learner, { task: TASK, rows, subset: own, columns, seed, continueFrom: null });
    return { pairs, fitted };
  };
  if (groups === null) return [await fit(null, subset)];
  const parts: EntrantPart[] = [];
  for (const group of groups)
    parts.push(
      await fit(
        group,
        subset.filter((row) => group.includes(rows.pair[row]!)),
      ),
    );
  const grouped = new Set(groups.flat());
  const others = [...new Set(rows.pair)].filter((pair) => !grouped.has(pair)).sort((a, b) => a - b);
  if (others.length > 0) parts.push(await fit(others, subset));
  return parts;
}

/**
 * The answer to each row of the matrix by the model of its pair, [rows].
 * @param pair index of each row’s pair, [rows]
 */
export function answersOf(models: EntrantModels, x: Matrix, pair: ArrayLike<number>): Float64Array {
  const [first] = models;
  if (first !== undefined && first.pairs === null) return first.fitted.answers(x);
  const answers = new Float64Array(x.rows);
  for (const { pairs, fitted } of models) {
    const own = positions(x.rows, (row) => pairs!.includes(pair[row]!));
    if (own.length === 0) continue;
    const found = fitted.answers(takeRows(x, own));
    own.forEach((row, i) => (answers[row] = found[i]!));
  }
  return answers;
}
