import { MinutehandError } from '../../../../shared/errors.ts';
import type { Engine } from '../../../../shared/policy/engines.ts';
import type { Matrix, TreeModel } from '../../../../shared/bundle/onnx/tree_ensemble.ts';
import { countRows, type LearnRequest, type LearnerParams, type TrainingTable } from './learner.ts';
import { linkOf, type Task } from '../contract/task.ts';

/** Gradients are float32 numbers. */
const LARGEST = 1e37;

/**
 * @throws RangeError when shapes, targets, weights, parameters or the base are not as learner.ts states;
 * MinutehandError DATA_TOO_SHORT when no row has weight
 */
export function checkRequest({ task, table, params, stopping, threads, base }: LearnRequest): void {
  checkTask(task);
  checkBase(base ?? null, task, table.x);
  checkParams(table.x, params);
  if (!(Number.isInteger(threads) && threads >= 1))
    throw new RangeError(`threads is ${threads}, expected an integer ≥ 1`);
  checkTable(table, task, 'training');
  if (stopping === null) return;
  checkTable(stopping.table, task, 'stopping');
  if (stopping.table.x.columns !== table.x.columns) {
    throw new RangeError(`the stopping table has ${stopping.table.x.columns} columns, training ${table.x.columns}`);
  }
  if (!(Number.isInteger(stopping.patience) && stopping.patience >= 1)) {
    throw new RangeError(`patience is ${stopping.patience}, expected an integer ≥ 1`);
  }
}

/** @throws MinutehandError LEARNER_TASK when an engine without warm start receives a base */
export function refuseBase(engine: Engine, { base }: LearnRequest): void {
  if (base === undefined || base === null) return;
  throw new MinutehandError('LEARNER_TASK', {
    seen: `${engine}, with a model to add trees to`,
    next: 'Use the engine gbdt to warm-start from a model, or learn from the beginning.',
  });
}

/** @throws MinutehandError LEARNER_TASK when an engine other than `gbdt` receives the focal loss */
export function refuseFocal(engine: Engine, { task }: LearnRequest): void {
  if (task.kind !== 'multiclass' || task.focal === undefined) return;
  throw new MinutehandError('LEARNER_TASK', { seen: `${engine}, with focal loss`, next: 'Use the engine gbdt.' });
}

function checkBase(base: TreeModel | null, task: Task, x: Matrix): void {
  if (base === null) return;
  const answers = task.kind === 'multiclass' ? task.classes : 1;
  if (base.link !== linkOf(task) || base.ensembles.length !== answers) {
    throw new RangeError(
      `the base is ${base.ensembles.length} × ${base.link}, expected ${answers} × ${linkOf(task)} (${task.kind})`,
    );
  }
  for (const { columns } of base.ensembles) {
    if (columns !== x.columns) throw new RangeError(`the base has ${columns} columns, the training table ${x.columns}`);
  }
}

function checkTask(task: Task): void {
  if (task.kind === 'multiclass' && !(Number.isInteger(task.classes) && task.classes >= 2)) {
    throw new RangeError(`classes is ${task.classes}, expected an integer ≥ 2`);
  }
  if (task.kind === 'multiclass' && task.focal !== undefined) {
    const { gamma, alpha } = task.focal;
    if (!(gamma >= 0 && gamma < Infinity && alpha > 0 && alpha < Infinity))
      throw new RangeError(`focal loss with gamma ${gamma} and alpha ${alpha}, expected gamma ≥ 0 and alpha > 0`);
  }
  if (task.kind === 'quantile' && !(task.quantile > 0 && task.quantile < 1)) {
    throw new RangeError(`quantile is ${task.quantile}, expected a number in (0, 1)`);
  }
}

function checkParams(x: Matrix, params: LearnerParams): void {
  const mustBe = (name: keyof LearnerParams, holds: boolean, expected: string): void => {
    if (!holds) throw new RangeError(`${name} is ${String(params[name])}, expected ${expected}`);
  };
  const isCount = (value: number, least: number): boolean => Number.isInteger(value) && value >= least;
  const isAtLeast0 = (value: number): boolean => value >= 0 && value < Infinity;
  mustBe('rounds', isCount(params.rounds, 0), 'an integer ≥ 0');
  mustBe('learningRate', params.learningRate > 0 && params.learningRate <= 1, 'a number in (0, 1]');
  mustBe('leaves', isCount(params.leaves, 2) && params.leaves <= 65536, 'an integer in 2…65536');
  mustBe('maxDepth', params.maxDepth === null || isCount(params.maxDepth, 1), 'an integer ≥ 1 or null');
  mustBe('minDataInLeaf', isCount(params.minDataInLeaf, 1), 'an integer ≥ 1');
  mustBe('minHessianInLeaf', isAtLeast0(params.minHessianInLeaf), 'a number ≥ 0');
  mustBe('l1', isAtLeast0(params.l1), 'a number ≥ 0');
  mustBe('l2', isAtLeast0(params.l2), 'a number ≥ 0');
  mustBe('minGain', isAtLeast0(params.minGain), 'a number ≥ 0');
  mustBe('maxBins', isCount(params.maxBins, 2) && params.maxBins <= 255, 'an integer in 2…255');
  mustBe('rowFraction', params.rowFraction > 0 && params.rowFraction <= 1, 'a number in (0, 1]');
  mustBe('columnFraction', params.columnFraction > 0 && params.columnFraction <= 1, 'a number in (0, 1]');
  allowedColumns(x, params);
}

/**
 * The columns that may split, ascending.
 * @throws RangeError when there is none, or one that the matrix does not have
 */
export function allowedColumns(x: Matrix, { columns }: LearnerParams): number[] {
  if (columns === null) {
    if (x.columns === 0) throw new RangeError('the matrix has no column');
    return Array.from({ length: x.columns }, (_, column) => column);
  }
  for (const column of columns) {
    if (!Number.isInteger(column) || column < 0 || column >= x.columns) {
      throw new RangeError(`column ${column} is not one of 0…${x.columns - 1}`);
    }
  }
  if (columns.length === 0) throw new RangeError('no column is allowed to split');
  return [...new Set(columns)].sort((a, b) => a - b);
}

function checkTable(table: TrainingTable, task: Task, name: string): void {
  const { x, y, weights } = table;
  const count = countRows(table);
  if (x.values.length !== x.rows * x.columns || y.length !== count || (weights !== null && weights.length !== count)) {
    throw new RangeError(
      `shapes of the ${name} table differ: ${x.rows}×${x.columns} with ${x.values.length} values, ${y.length} targets` +
        (weights === null ? '' : `, ${weights.length} weights`) +
        (table.rows === undefined ? '' : `, ${count} rows of it`),
    );
  }
  checkRowsOf(table, name);
  const [holds, expected] = targetRule(task);
  let hasWeight = false;
  for (let row = 0; row < count; row++) {
    const target = y[row]!;
    if (!holds(target)) throw new RangeError(`target ${target} of ${name} row ${row} is not ${expected}`);
    const weight = weights === null ? 1 : weights[row]!;
    if (!(weight >= 0 && weight < Infinity)) {
      throw new RangeError(`weight ${weight} of ${name} row ${row} is not a number ≥ 0`);
    }
    if (!(Math.abs(target) * weight <= LARGEST && weight <= LARGEST)) {
      throw new RangeError(`target ${target} × weight ${weight} of ${name} row ${row} is beyond ${LARGEST}`);
    }
    hasWeight ||= weight > 0;
  }
  if (!hasWeight) {
    throw new MinutehandError('DATA_TOO_SHORT', {
      seen: `no row with a weight in the ${name} table`,
      expected: 'at least one',
    });
  }
}

/** @throws RangeError when a table names a row that its matrix does not have */
function checkRowsOf({ x, rows = [] }: TrainingTable, name: string): void {
  for (let i = 0; i < rows.length; i++) {
    const row = rows[i]!;
    if (!(Number.isInteger(row) && row >= 0 && row < x.rows))
      throw new RangeError(`row ${i} of the ${name} table is row ${row} of ${x.rows}`);
  }
}

function targetRule(task: Task): [(target: number) => boolean, string] {
  switch (task.kind) {
    case 'binary':
      return [(target) => target >= 0 && target <= 1, 'in [0, 1]'];
    case 'multiclass':
      return [
        (target) => Number.isInteger(target) && target >= 0 && target < task.classes,
        `one of 0…${task.classes - 1}`,
      ];
    case 'regression':
    case 'quantile':
      return [(target) => Number.isFinite(target), 'a finite number'];
  }
}
