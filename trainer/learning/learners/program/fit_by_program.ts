import { closeSync, fstatSync, readFileSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { MinutehandError } from '../../../../shared/errors.ts';
import { openForReading } from '../../../../shared/outside_files.ts';
import { refuseFocalLoss, weightByClass } from '../contract/class_labels.ts';
import { otherShares, SHARES_WANTED } from '../contract/class_shares.ts';
import { takeRows } from '../contract/fit_rows.ts';
import type { Fitted } from '../contract/fitted.ts';
import { type FitRequest, noWeight, usedColumns } from '../contract/learner.ts';
import { barsPerRow, isSequence, ownTable } from '../contract/past_rows.ts';
import { fittedOnnx } from '../onnx/fitted_onnx.ts';
import { watchEpochs } from './one_sided_epochs.ts';
import type { ProgramProcess } from './program_process.ts';
import type { Done } from './protocol.ts';
import { writeRows } from './rows_file.ts';
import { writeTable } from './table_file.ts';
import { createRng } from '../../../../shared/rng.ts';
import { temporaryFolder } from '../../../../shared/temporary_folder.ts';

let requests = 0;

interface AskedFit {
  /** Path of the file of the rows. */
  readonly rows: string;
  readonly features: readonly string[];
  readonly seed: string;
  /** Absent: one probability. */
  readonly classes?: number | undefined;
}

/** What the request of every fit says. No two of this process have the same id. */
function fitRequest({ rows, features, seed, classes }: AskedFit) {
  return {
    id: ++requests,
    ...(classes === undefined ? { task: 'binary' as const } : { task: 'multiclass' as const, classes }),
    rows,
    features,
    seed: createRng(seed).integer(2 ** 31),
  };
}

/** Names of some columns of a matrix, where a column has none by its number. */
function namesOf(columns: readonly number[], columnNames: readonly string[]): string[] {
  return columns.map((column) => columnNames[column] ?? `column_${column}`);
}

/** Gives work a temporary folder for the files of a request, which is removed afterward. */
async function inTemporaryFolder<Result>(work: (folder: string) => Promise<Result>): Promise<Result> {
  const folder = temporaryFolder('learner');
  try {
    return await work(folder);
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

export interface ProgramFit {
  /** Name of the learner. */
  readonly learner: string;
  readonly program: ProgramProcess;
  readonly parameters: Readonly<Record<string, number>>;
  /** Names of the columns of the matrix. */
  readonly columnNames: readonly string[];
  /** Whether its models get the sequence of rows that ends at each row, where rows have one. */
  readonly sequential?: boolean;
}

/** Rows whose answers are compared with the program's own. */
const CHECKED_ROWS = 256;
const MAX_MODEL_BYTES = 256 * 2 ** 20;
/** How far the model in onnxruntime may be from the program's own answer. */
const PARITY = 1e-5;

/**
 * Has a program learn, and checks that its model answers in onnxruntime as the program says it does.
 * @throws MinutehandError LEARNER_FAILED, LEARNER_MEMORY, MODEL_LOAD, DATA_TOO_SHORT; the reason of an abort
 */
export async function fitByProgram(how: ProgramFit, request: FitRequest): Promise<Fitted> {
  return how.program.inTurn(async () => {
    request.signal?.throwIfAborted();
    return await inTemporaryFolder((folder) => fitInFolder(how, request, folder));
  });
}

async function fitInFolder(
  { learner, program, parameters, columnNames, sequential = false }: ProgramFit,
  request: FitRequest,
  folder: string,
): Promise<Fitted> {
  const { task, rows, budget, seed, signal, onProgress } = request;
  refuseFocalLoss(learner, task);
  const classes = task.kind === 'multiclass' ? task.classes : undefined;
  // Whether a program respects a weight of nothing is not known.
  const weighted = (of: Int32Array): Int32Array => of.filter((row) => rows.weights[row]! > 0);
  const subset = weighted(request.subset);
  if (subset.length === 0) throw noWeight();
  const columns = usedColumns(request);
  const names = namesOf(columns, columnNames);
  const stopping = budget.kind === 'early_stopping' && budget.stopping !== null ? weighted(budget.stopping) : null;
  const rowsFile = join(folder, 'rows.parquet');
  const model = join(folder, 'model.onnx');
  const tableFile = join(folder, 'table.f32');
  const sequences = sequential && isSequence(rows.x) ? rows.x : null;
  const bars = sequences?.past.bars ?? 1;
  const given = stopping === null ? subset : Int32Array.from([...subset, ...stopping]);
  if (classes !== undefined) weightByClass(rows, given, classes);
  const table = sequences === null ? null : writeTable(tableFile, sequences, given, columns);
  await writeRows(rowsFile, { rows, subset, stopping, columns, names, table });
  const done = await program.fit(
    {
      ...fitRequest({ rows: rowsFile, features: names, seed, classes }),
      iterations: iterationsOf(budget),
      parameters,
      ...(sequences !== null && { sequence: { bars, table: tableFile } }),
      model,
      check_rows: Math.min(CHECKED_ROWS, subset.length),
    },
    { signal, onProgress, onEpoch: watchEpochs(learner) },
  );
  const fitted = await fittedOnnx({
    learner,
    bytes: readModel(model, done.name),
    columns: rows.x.columns,
    used: columns,
    iterations: done.iterations,
    epochs: classes === undefined ? done.epochs : undefined,
    classEpochs: classes === undefined ? undefined : epochsOfClasses(done, classes),
    bars,
    classes,
  });
  refuseOtherAnswers(fitted, request, subset, done);
  return fitted;
}

function iterationsOf(budget: FitRequest['budget']): number | null {
  if (budget.kind === 'fixed') return budget.iterations;
  return budget.kind === 'like' ? budget.model.iterations : null;
}

/** @throws MinutehandError LEARNER_FAILED for epochs with other shares than one of each class */
function epochsOfClasses(
  { class_epochs, name }: Done & { readonly name: string },
  classes: number,
): Done['class_epochs'] {
  const other = class_epochs?.find(({ class_shares }) => class_shares.length !== classes);
  if (other === undefined) return class_epochs;
  throw new MinutehandError('LEARNER_FAILED', {
    seen: `${name}: an epoch with ${other.class_shares.length} class_shares`,
    expected: `${classes}, one of each class`,
  });
}

/** A pipe or a device would never end, and stop this process with it. @throws MinutehandError LEARNER_FAILED */
function readModel(path: string, name: string): Uint8Array {
  let file: number;
  try {
    file = openForReading(path);
  } catch (cause) {
    throw new MinutehandError('LEARNER_FAILED', { seen: `${name} wrote no model: ${String(cause)}`, cause });
  }
  try {
    const { size } = fstatSync(file);
    if (size > MAX_MODEL_BYTES)
      throw new MinutehandError('LEARNER_FAILED', {
        seen: `${name} wrote a model of ${size} bytes`,
        expected: `at most ${MAX_MODEL_BYTES}`,
      });
    return readFileSync(file);
  } finally {
    closeSync(file);
  }
}

/**
 * The model must answer as the program says it does, and with a probability also where all features are missing.
 * @throws MinutehandError LEARNER_FAILED
 */
function refuseOtherAnswers(fitted: Fitted, { rows }: FitRequest, subset: Int32Array, done: Done): void {
  const { x } = rows;
  const checked = subset.subarray(0, CHECKED_ROWS);
  const answers = fitted.exactAnswers(takeRows(x, checked));
  const { width } = fitted;
  if (done.probabilities.length !== checked.length * width)
    throw new MinutehandError('LEARNER_FAILED', {
      seen: `${done.probabilities.length} probabilities`,
      expected: `${width === 1 ? 'one' : width} for each of the first ${checked.length} rows`,
    });
  if (fitted.link === 'softmax') refuseOtherSums(answers, width);
  for (const [i, own] of done.probabilities.entries())
    if (!(Math.abs(own - answers[i]!) <= PARITY))
      throw new MinutehandError('LEARNER_FAILED', {
        seen: `row ${Math.floor(i / width)}${width === 1 ? '' : `, class ${i % width}`}: the program says ${own}, its ONNX model ${answers[i]!}`,
        expected: `a difference of at most ${PARITY}`,
        next: 'Export the model with all its steps, scaling and imputation included, in float32.',
      });
  const shape = { rows: 1, columns: x.columns, bars: barsPerRow(x) };
  const nothing = ownTable(new Float32Array(shape.bars * shape.columns).fill(NaN), shape);
  const ofNothing = fitted.exactAnswers(nothing);
  for (const p of ofNothing)
    if (!(p >= 0 && p <= 1))
      throw new MinutehandError('LEARNER_FAILED', {
        seen: `the answer ${p} where all features are missing (NaN)`,
        expected: 'a probability',
        next: 'Impute missing values within the model.',
      });
  if (fitted.link === 'softmax') refuseOtherSums(ofNothing, width);
}

/** @throws MinutehandError LEARNER_FAILED for probabilities of classes that are not shares of one */
function refuseOtherSums(answers: Float64Array, classes: number): void {
  const other = otherShares(answers, classes);
  if (other !== null)
    throw new MinutehandError('LEARNER_FAILED', {
      seen: `row ${other.row}: the probabilities ${other.text}`,
      ...SHARES_WANTED,
    });
}
