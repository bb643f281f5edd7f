import { onnxAnswers, type Answers } from '../../../shared/bundle/onnx/answers.ts';
import { encodeFacts, type ModelFacts } from '../../../shared/bundle/onnx/model_facts.ts';
import { encodeTreeModel, FLOAT32_TREES } from '../../../shared/bundle/onnx/onnx.ts';
import { prepared, type Preparation } from '../../../shared/bundle/onnx/preparation.ts';
import { predictModel, type Matrix, type TreeModel } from '../../../shared/bundle/onnx/tree_ensemble.ts';
import { MinutehandError } from '../../../shared/errors.ts';
import { confusion, confusionMetrics } from '../measures/confusion.ts';
import { auc, logLoss } from '../measures/metrics.ts';
import { likeliestClasses, multiclassLogLoss } from '../measures/multiclass.ts';
import { mae, pinball, r2, rmse } from '../measures/regression.ts';
import type { TreeLearner, LearnRequest } from './trees/learner.ts';
import type { Task } from './contract/task.ts';

/** Tolerance between onnxruntime and the trained model, relative to the greatest answer but at least 1. */
const TOLERANCE = 1e-5;
/** Rows of the training table for checking the graph if there is no other table. */
const PROOF_ROWS = 10_000;

/** A model of a table, and its ONNX file. */
export interface FittedTable {
  readonly task: Task;
  readonly model: TreeModel;
  /** Steps of the graph before the trees. */
  readonly preparation: Preparation | null;
  /** See `encodeTreeModel`; the metadata are the facts. */
  readonly bytes: Uint8Array;
  /** Number of kept trees, per class if there are several. */
  readonly rounds: number;
  /** Training time including binning, without reading, export and check. */
  readonly seconds: number;
}

/**
 * Trains on a table and exports the model. The ONNX bytes depend only on the request, not on threads or machine.
 * @throws MinutehandError DATA_TOO_SHORT if no split is possible; MODEL_EXPORT if onnxruntime disagrees with the
 * trained trees on the first rows of the table; and errors of the learner
 */
export async function fitTable(
  learner: TreeLearner,
  request: LearnRequest,
  facts: ModelFacts,
  preparation: Preparation | null = null,
): Promise<FittedTable> {
  const { x } = request.table;
  const { minDataInLeaf } = request.params;
  if (x.rows < Math.max(2, 2 * minDataInLeaf))
    throw new MinutehandError('DATA_TOO_SHORT', {
      seen: `${x.rows} rows to learn from`,
      expected: `at least ${Math.max(2, 2 * minDataInLeaf)}: each side of a split has ${minDataInLeaf} or more`,
      next: 'Give more rows, or lower --min-data.',
    });
  const start = performance.now();
  const own = preparation === null ? request : preparedRequest(request, preparation);
  const model = learner.learnQuickly?.(own) ?? (await learner.learn(own));
  const seconds = (performance.now() - start) / 1000;
  const rounds = model.ensembles.reduce((most, { trees }) => Math.max(most, trees.length), 0);
  const metadata = { ...encodeFacts(facts), engine: learner.engine };
  const exactSums = rounds > FLOAT32_TREES;
  const bytes = encodeTreeModel(model, { metadata, exactSums, ...(preparation && { preparation }) });
  const fitted = { task: request.task, model, preparation, bytes, rounds, seconds };
  const rows = Math.min(PROOF_ROWS, x.rows);
  await answersOf(fitted, { ...x, rows, values: x.values.subarray(0, rows * x.columns) });
  return fitted;
}

function preparedRequest(request: LearnRequest, preparation: Preparation): LearnRequest {
  const { table, stopping } = request;
  const of = <T extends { readonly x: Matrix }>(one: T): T => ({ ...one, x: prepared(one.x, preparation) });
  return {
    ...request,
    table: of(table),
    stopping: stopping === null ? null : { ...stopping, table: of(stopping.table) },
  };
}

/**
 * Answers of the ONNX file in onnxruntime.
 * @throws MinutehandError MODEL_EXPORT if the trained trees give other answers
 */
export async function answersOf({ model, preparation, bytes }: FittedTable, x: Matrix): Promise<Answers> {
  const answers = await onnxAnswers(bytes, x, preparation);
  const expected = predictModel(model, preparation === null ? x : prepared(x, preparation));
  let scale = 1;
  for (const value of expected) if (Math.abs(value) > scale) scale = Math.abs(value);
  for (let i = 0; i < expected.length; i++) {
    const difference = Math.abs(answers.values[i]! - expected[i]!);
    if (!(difference <= TOLERANCE * scale))
      throw new MinutehandError('MODEL_EXPORT', {
        seen: `${answers.values[i]} in row ${Math.floor(i / answers.width) + 1}`,
        expected: `${expected[i]}, within ${TOLERANCE * scale}`,
      });
  }
  return answers;
}

/** Metrics by printed name; null if not computable (AUC of one class). */
export type TableMetrics = Readonly<Record<string, number | null>>;

/** @param targets classes 0 … or values, [rows ≥ 1], each of the same weight. @throws RangeError when lengths differ */
export function tableMetrics(task: Task, { values, width }: Answers, targets: Float64Array): TableMetrics {
  switch (task.kind) {
    case 'binary':
      return {
        auc: auc(values, targets),
        log_loss: logLoss(values, targets),
        accuracy: confusionMetrics(confusion(values, targets)).accuracy,
      };
    case 'multiclass': {
      const called = likeliestClasses(values, width);
      const right = called.reduce((sum, k, row) => sum + (k === targets[row] ? 1 : 0), 0);
      return {
        log_loss: multiclassLogLoss({ classes: width, probabilities: values, labels: targets }),
        accuracy: right / targets.length,
      };
    }
    case 'regression':
      return { rmse: rmse(values, targets), mae: mae(values, targets), r2: r2(values, targets) };
    case 'quantile':
      return { pinball: pinball(values, targets, task.quantile), mae: mae(values, targets) };
  }
}
