import { createHash } from 'node:crypto';
import { accessSync, constants, rmSync, statSync, writeFileSync } from 'node:fs';
import { basename, dirname } from 'node:path';
import { Option, type Command } from 'commander';
import { renameFile } from '../../shared/durable_file.ts';
import type { Answers } from '../../shared/bundle/onnx/answers.ts';
import { fitImputation, type Categories, type Preparation } from '../../shared/bundle/onnx/preparation.ts';
import type { ModelFacts } from '../../shared/bundle/onnx/model_facts.ts';
import { MinutehandError } from '../../shared/errors.ts';
import { ENGINES, NATIVE_ENGINES, type Engine } from '../../shared/policy/engines.ts';
import {
  answersOf,
  fitTable,
  tableMetrics,
  type FittedTable,
  type TableMetrics,
} from '../../trainer/learning/learners/fit_table.ts';
import {
  LEARNER_DEFAULTS,
  type EarlyStopping,
  type LearnerParams,
  type TrainingTable,
} from '../../trainer/learning/learners/trees/learner.ts';
import type { Task } from '../../trainer/learning/learners/contract/task.ts';
import { openTreeLearner } from '../../trainer/learning/learners/trees/learners.ts';
import { likeliestClasses } from '../../trainer/learning/measures/multiclass.ts';
import { classesOf, guessTask, targetsOf } from '../../trainer/learning/table/labels.ts';
import { readTable, type Table, type TableRequest } from '../../trainer/learning/table/table.ts';
import { csvCell } from '../../shared/csv/csv_cell.ts';
import { tellWhenInterrupted } from '../interrupted.ts';
import type { Output, Progress } from '../output.ts';
import { openOutputFile } from '../../shared/output_file.ts';
import { parseInteger, parseWorkers } from '../period.ts';

const TASKS = ['binary', 'multiclass', 'regression', 'quantile'] as const;
const DEFAULT_PATIENCE = 20;

interface FitFlags {
  readonly train: string;
  readonly label: string;
  readonly task?: (typeof TASKS)[number];
  readonly quantile?: string;
  readonly engine: Engine;
  readonly test?: string;
  readonly valid?: string;
  readonly patience?: string;
  readonly weight?: string;
  readonly categories?: string;
  readonly impute?: 'median';
  readonly seed: string;
  readonly rounds: string;
  readonly leaves: string;
  readonly learningRate: string;
  readonly minData: string;
  readonly bins: string;
  readonly l1: string;
  readonly l2: string;
  readonly rowFraction: string;
  readonly columnFraction: string;
  readonly maxDepth?: string;
  readonly workers?: string;
  readonly out?: string;
  readonly predict?: string;
}

export function addFit(program: Command, output: () => Output): void {
  const defaults = LEARNER_DEFAULTS;
  program
    .command('fit')
    .description(
      'Learns boosted trees (or a forest) from a CSV file, plain or .gz, and writes them as ONNX. Every column but the label and the weight is a feature: ' +
        'a number, inf, or missing (an empty cell, NaN, NA, null), or a text (--categories). Labels are numbers or texts; classes are put in order, numbers ascending, then texts by code unit, and the ' +
        'last of two is the positive one. The test table, whose columns are found by name, is evaluated on the answers of the ONNX file in onnxruntime, each row with the same weight. ' +
        'Defaults are those of LightGBM with 200 rounds. The same table, seed and parameters give the same bytes of ONNX, whatever --workers.',
    )
    .requiredOption('--train <file>', 'table to learn from')
    .requiredOption('--label <column>', 'what is to be learned')
    .addOption(
      new Option('--task <task>', 'kind of task (default: guessed from the label, and printed)').choices(TASKS),
    )
    .option('--quantile <q>', 'quantile of the label, between 0 and 1, for --task quantile')
    .addOption(
      new Option('--engine <engine>', `${NATIVE_ENGINES.join(' and ')} are the real ones, where their library is found`)
        .choices(ENGINES)
        .default('gbdt'),
    )
    .option('--test <file>', 'table to evaluate the model on; prints AUC, log loss and accuracy, or RMSE, MAE and R²')
    .option('--valid <file>', 'table for early stopping; trees after its best round are dropped')
    .option('--patience <n>', `rounds without an improvement on --valid (default: ${DEFAULT_PATIENCE})`)
    .option('--weight <column>', 'column of row weights ≥ 0 in the training table, and in --valid')
    .option('--categories <list>', 'columns of texts, coded in order; inputs category/<column> of the graph')
    .addOption(
      new Option(
        '--impute <how>',
        'missing numbers become the median of the training table, with a column of flags, inside the graph (default: trees send missing values to one side)',
      ).choices(['median']),
    )
    .option('--seed <n>', 'seed of row and column sampling', '0')
    .option('--rounds <n>', 'trees at most (per class)', String(defaults.rounds))
    .option('--leaves <n>', 'leaves per tree at most', String(defaults.leaves))
    .option('--learning-rate <x>', 'share of each tree that is added', String(defaults.learningRate))
    .option('--min-data <n>', 'rows in a leaf at least', String(defaults.minDataInLeaf))
    .option('--bins <n>', 'value bins per column, 2 to 255', String(defaults.maxBins))
    .option('--l1 <x>', 'penalty on the size of leaf values', String(defaults.l1))
    .option('--l2 <x>', 'penalty on the square of leaf values', String(defaults.l2))
    .option('--row-fraction <x>', 'share of the rows drawn for each tree', String(defaults.rowFraction))
    .option('--column-fraction <x>', 'share of the columns each tree may split on', String(defaults.columnFraction))
    .option('--max-depth <n>', 'splits between root and leaf at most (default: no limit)')
    .option('--workers <n>', 'threads to learn on (default: one for each core); affects speed only, not results')
    .option('--out <file>', 'ONNX file to write: input features [N, columns], output score [N, 1] or [N, classes]')
    .option('--predict <file>', 'CSV to write with the answers for the test table, one row per row, in order')
    .addHelpText(
      'after',
      `
Examples:
  minutehand fit --train train.csv --label y --test test.csv
  minutehand fit --train train.csv.gz --label species --test test.csv --out species.onnx --predict p.csv
  minutehand fit --train train.csv --label price --valid valid.csv --rounds 2000 --learning-rate 0.05
  minutehand fit --train train.csv --label delay --task quantile --quantile 0.9 --test test.csv --json
  minutehand fit --train train.csv --label y --test test.csv --engine lightgbm     # the same matrix, the real engine`,
    )
    .action((flags: FitFlags) => runFit(flags, output()));
}

async function runFit(flags: FitFlags, output: Output): Promise<void> {
  const plan = parseFlags(flags);
  const learner = openTreeLearner(flags.engine);
  if (flags.engine === 'random_forest' && flags.valid !== undefined)
    output.note('A forest does not stop early: --valid changes nothing.');
  const progress = output.progress();
  tellWhenInterrupted({ output, progress, kept: () => ['Nothing was written.'] });
  try {
    const tables = await readTables(flags, plan, output, progress);
    const { task, classes, table, stopping, test, targets } = tables;
    const facts: ModelFacts = {
      task: task.kind,
      quantile: task.kind === 'quantile' ? task.quantile : null,
      columns: tables.features,
      classes,
    };
    const onRound = (round: number, rounds: number): void => progress.update('learning', round, rounds);
    const request = { task, table, params: plan.params, stopping, threads: plan.workers, onRound };
    const fitted = await fitTable(learner, request, facts, preparationOf(tables, flags.impute));
    progress.stop();

    const answers = test === null ? null : await answersOf(fitted, test.x);
    const metrics = answers === null || targets === null ? {} : tableMetrics(task, answers, targets);
    if (flags.out !== undefined) writeWhole(flags.out, fitted.bytes);
    if (flags.predict !== undefined) writePredictions(flags.predict, answers!, task, classes);
    report(flags, tables, fitted, metrics, output);
  } finally {
    progress.stop();
  }
}

/** All that is learned from and evaluated on. */
interface FitTables {
  readonly task: Task;
  readonly classes: ModelFacts['classes'];
  /** Why it is this task; null where the user chose it. */
  readonly guess: string | null;
  /** Numbers, then categories. */
  readonly features: readonly string[];
  readonly categories: readonly Categories[];
  readonly table: TrainingTable;
  readonly stopping: EarlyStopping | null;
  readonly test: Table | null;
  /** Of the test table; null without one, and where it has no labels. */
  readonly targets: Float64Array | null;
}

/** Reads everything before training starts, so that errors of a table are reported at once. */
async function readTables(flags: FitFlags, plan: FitPlan, output: Output, progress: Progress): Promise<FitTables> {
  const { label, weight = null } = flags;
  const read = async (path: string, others: Partial<TableRequest>): Promise<Table> => {
    const onProgress = (done: number, total: number): void => progress.update(`reading ${basename(path)}`, done, total);
    return readTable(path, { label, labelIsOptional: false, weight: null, features: null, ...others, onProgress });
  };
  const texts = flags.categories?.split(',').filter((name) => name !== '') ?? [];
  const train = await read(flags.train, { weight, categories: new Map(texts.map((name) => [name, null])) });
  const { features, categories } = train;
  const { task, classes, guess } = taskOf(train, flags, plan);
  const learned = ({ x, weights }: Table, y: Float64Array): TrainingTable => ({ x, y, weights });
  const table = learned(train, targetsOf(train, label, classes));
  let stopping: EarlyStopping | null = null;
  if (flags.valid !== undefined) {
    const valid = await read(flags.valid, { weight, features, categories });
    noteIgnored(valid, output);
    stopping = { table: learned(valid, targetsOf(valid, label, classes)), patience: plan.patience };
  }
  let test: Table | null = null;
  if (flags.test !== undefined) {
    test = await read(flags.test, { features, categories, labelIsOptional: flags.predict !== undefined });
    noteIgnored({ ...test, ignored: test.ignored.filter((name) => name !== weight) }, output);
  }
  const targets = test === null || test.labels === null ? null : targetsOf(test, label, classes);
  const known = [...categories].map(([name, values]) => ({ name, values }));
  return { task, classes, guess, features, categories: known, table, stopping, test, targets };
}

/** null: the graph has the trees alone. */
function preparationOf({ categories, table: { x } }: FitTables, impute: FitFlags['impute']): Preparation | null {
  if (categories.length === 0 && impute === undefined) return null;
  const imputation = impute === undefined ? { fill: null, flags: [] } : fitImputation(x, categories);
  return { numbers: x.columns - categories.length, categories, ...imputation };
}

function noteIgnored({ path, ignored, unknownTexts }: Table, output: Output): void {
  if (unknownTexts > 0)
    output.note(`${path}: ${unknownTexts} texts that the training table does not have count as missing`);
  if (ignored.length > 0)
    output.note(`${path}: columns that the model does not use are ignored: ${ignored.join(', ')}`);
}

function report(
  flags: FitFlags,
  { task, classes, guess, table, test, targets, categories }: FitTables,
  fitted: FittedTable,
  metrics: TableMetrics,
  output: Output,
): void {
  const sha256 = createHash('sha256').update(fitted.bytes).digest('hex');
  const { rows, columns } = table.x;
  const kind = guess === null ? task.kind : `${task.kind} (guessed: ${guess})`;
  const perClass = fitted.model.ensembles.length > 1 ? ' per class' : '';
  output.line(`${flags.engine}, ${kind}: ${rows} rows × ${columns} columns${classText(classes, task)}`);
  if (categories.length > 0)
    output.line(`categories: ${categories.map(({ name, values }) => `${name} (${values.length})`).join(', ')}`);
  if (fitted.preparation?.fill != null)
    output.line(`missing values: median, ${fitted.preparation.flags.length} columns with a flag`);
  output.line(`${fitted.rounds} trees${perClass} in ${fitted.seconds.toFixed(2)} s`);
  if (test !== null)
    output.line(`test: ${test.x.rows} rows${targets === null ? `, without the label "${flags.label}"` : ''}`);
  for (const [name, value] of Object.entries(metrics))
    output.line(`  ${name.padEnd(9)} ${value === null ? '–' : value.toPrecision(6)}`);
  if (flags.out !== undefined) output.line(`model ${flags.out}, sha256 ${sha256}`);
  if (flags.predict !== undefined) output.line(`predictions ${flags.predict}`);
  output.result({
    engine: flags.engine,
    task: task.kind,
    guessed: guess !== null,
    rows,
    columns,
    test_rows: test?.x.rows ?? null,
    rounds: fitted.rounds,
    train_seconds: Math.round(fitted.seconds * 1000) / 1000,
    ...metrics,
    out: flags.out ?? null,
    sha256,
    classes,
  });
}

interface FitPlan {
  readonly params: LearnerParams;
  readonly patience: number;
  readonly workers: number;
  /** null where no quantile was given. */
  readonly quantile: number | null;
}

/**
 * @throws MinutehandError USAGE for values and combinations that make no sense; OUTPUT_UNWRITABLE before anything is
 * read
 */
function parseFlags(flags: FitFlags): FitPlan {
  const misuse = (seen: string, expected: string): never => {
    throw new MinutehandError('USAGE', { seen, expected });
  };
  if (flags.patience !== undefined && flags.valid === undefined) misuse('--patience without --valid', '--valid <file>');
  if (flags.predict !== undefined && flags.test === undefined) misuse('--predict without --test', '--test <file>');
  if (flags.weight === flags.label) misuse(`--weight ${flags.weight}`, 'another column than --label');
  if (flags.task === 'quantile' && flags.quantile === undefined)
    misuse('--task quantile without --quantile', '--quantile <q>, such as 0.5 for the median');
  if (flags.quantile !== undefined && (flags.task ?? 'quantile') !== 'quantile')
    misuse(`--quantile with --task ${flags.task}`, '--task quantile');
  const quantile = flags.quantile === undefined ? null : Number(flags.quantile);
  if (quantile !== null && !(quantile > 0 && quantile < 1)) misuse(`--quantile ${flags.quantile}`, 'between 0 and 1');
  for (const path of [flags.out, flags.predict]) if (path !== undefined) checkWritable(path);
  if (flags.out !== undefined && flags.out === flags.predict)
    misuse('--out and --predict name the same file', 'two files');

  const number = (text: string, option: string, holds: (value: number) => boolean, expected: string): number => {
    const value = text.trim() === '' ? NaN : Number(text);
    return holds(value) ? value : misuse(`${option} ${text}`, expected);
  };
  const share = (text: string, option: string): number =>
    number(text, option, (x) => x > 0 && x <= 1, 'a number above 0, up to 1');
  const penalty = (text: string, option: string): number =>
    number(text, option, (x) => x >= 0 && x < Infinity, 'a number ≥ 0');
  const bins = parseInteger(flags.bins, '--bins', 2);
  if (bins > 255) misuse(`--bins ${bins}`, 'at most 255');
  return {
    params: {
      ...LEARNER_DEFAULTS,
      rounds: parseInteger(flags.rounds, '--rounds', 1),
      learningRate: share(flags.learningRate, '--learning-rate'),
      leaves: parseInteger(flags.leaves, '--leaves', 2),
      maxDepth: flags.maxDepth === undefined ? null : parseInteger(flags.maxDepth, '--max-depth', 1),
      minDataInLeaf: parseInteger(flags.minData, '--min-data', 1),
      l1: penalty(flags.l1, '--l1'),
      l2: penalty(flags.l2, '--l2'),
      maxBins: bins,
      rowFraction: share(flags.rowFraction, '--row-fraction'),
      columnFraction: share(flags.columnFraction, '--column-fraction'),
      seed: String(parseInteger(flags.seed, '--seed')),
    },
    patience: flags.patience === undefined ? DEFAULT_PATIENCE : parseInteger(flags.patience, '--patience', 1),
    workers: parseWorkers(flags.workers),
    quantile,
  };
}

/** The task, its classes where there are some, and the reason when it was guessed. */
function taskOf(
  train: Table,
  flags: FitFlags,
  { quantile }: FitPlan,
): { task: Task; classes: ModelFacts['classes']; guess: string | null } {
  if (quantile !== null) return { task: { kind: 'quantile', quantile }, classes: null, guess: null };
  const guessed = flags.task === undefined ? guessTask(train.labels!) : null;
  const kind = guessed?.task ?? flags.task!;
  const guess = guessed?.why ?? null;
  if (kind !== 'binary' && kind !== 'multiclass') return { task: { kind: 'regression' }, classes: null, guess };
  const classes = classesOf(train, flags.label, kind);
  const task: Task = kind === 'binary' ? { kind } : { kind, classes: classes.length };
  return { task, classes, guess };
}

const SHOWN_CLASSES = 10;

function classText(classes: ModelFacts['classes'], task: Task): string {
  if (classes === null) return '';
  const shown = classes.slice(0, SHOWN_CLASSES).map((label) => JSON.stringify(label));
  const positive = task.kind === 'binary' ? ` (positive: ${shown[1]})` : '';
  return `, classes ${shown.join(', ')}${classes.length > SHOWN_CLASSES ? ' …' : ''}${positive}`;
}

/** Every answer in full: the float32 that onnxruntime gave, as the shortest decimal of its double. */
function writePredictions(path: string, { values, width }: Answers, task: Task, classes: ModelFacts['classes']): void {
  const file = openOutputFile(path);
  try {
    if (task.kind !== 'multiclass') {
      file.write('prediction\n');
      for (const value of values) file.write(`${value}\n`);
    } else {
      const names = classes!.map((label) => csvCell(String(label)));
      file.write(`${classes!.map((label) => csvCell(`p_${label}`)).join()},prediction\n`);
      likeliestClasses(values, width).forEach((likeliest, row) => {
        file.write(`${values.subarray(row * width, (row + 1) * width).join()},${names[likeliest]}\n`);
      });
    }
  } catch (error) {
    file.discard();
    throw error;
  }
  file.close();
}

/** @throws MinutehandError OUTPUT_UNWRITABLE */
function checkWritable(path: string): void {
  attempt(path, () => accessSync(dirname(path), constants.W_OK));
  if (statSync(path, { throwIfNoEntry: false })?.isDirectory() === true)
    throw new MinutehandError('OUTPUT_UNWRITABLE', { seen: `${path} is a folder` });
}

/** A reader sees the old file or the new one. @throws MinutehandError OUTPUT_UNWRITABLE */
function writeWhole(path: string, bytes: Uint8Array): void {
  const temporary = `${path}.${process.pid}.tmp`;
  attempt(path, () => {
    try {
      writeFileSync(temporary, bytes);
      renameFile(temporary, path);
    } catch (error) {
      rmSync(temporary, { force: true });
      throw error;
    }
  });
}

function attempt(path: string, work: () => void): void {
  try {
    work();
  } catch (cause) {
    const { code, message } = cause as NodeJS.ErrnoException;
    throw new MinutehandError('OUTPUT_UNWRITABLE', { seen: `${path} (${code ?? message})`, cause });
  }
}
