import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Matrix } from '../../../../shared/bundle/onnx/tree_ensemble.ts';
import { MinutehandError } from '../../../../shared/errors.ts';
import { noWeight, usedColumns } from '../contract/learner.ts';
import { fitRequest, inTemporaryFolder, namesOf } from '../program/fit_request.ts';
import type { ProgramProcess } from '../program/program_process.ts';
import { writeRows } from '../program/rows_file.ts';
import type { ComparisonModel, ComparisonRequest } from './comparison_learner.ts';

export interface ComparedProgram {
  readonly program: ProgramProcess;
  readonly columnNames: readonly string[];
  readonly rowLimit: number;
}

/**
 * A model that a program has in its memory alone: it learns the rows anew for each table that it answers, so that the
 * program keeps nothing from one request to the next.
 */
export function programAnswers(how: ComparedProgram, request: ComparisonRequest): ComparisonModel {
  const subset = evenly(
    request.subset.filter((row) => request.rows.weights[row]! > 0),
    how.rowLimit,
  );
  if (subset.length === 0) throw noWeight();
  return {
    answers: (x) =>
      how.program.inTurn(() => inTemporaryFolder((folder) => answersInFolder(how, { ...request, subset }, x, folder))),
  };
}

/** At most so many of these rows, evenly spaced, the first and the last among them. */
export function evenly(rows: Int32Array, limit: number): Int32Array {
  if (rows.length <= limit) return rows;
  return Int32Array.from({ length: limit }, (_, i) => rows[Math.round((i * (rows.length - 1)) / (limit - 1))]!);
}

async function answersInFolder(
  { program, columnNames }: ComparedProgram,
  { rows, subset, columns: wanted, seed }: ComparisonRequest,
  x: Matrix,
  folder: string,
): Promise<Float64Array> {
  const columns = usedColumns({ rows, columns: wanted });
  const names = namesOf(columns, columnNames);
  const rowsFile = join(folder, 'rows.parquet');
  const asked = join(folder, 'asked.f32');
  const answers = join(folder, 'answers.f64');
  await writeRows(rowsFile, { rows, subset, stopping: null, columns, names, table: null });
  writeFileSync(asked, columnsOf(x, columns));
  const done = await program.fit(
    {
      ...fitRequest({ rows: rowsFile, features: names, seed }),
      iterations: null,
      parameters: {},
      answers: { rows: asked, to: answers },
    },
    {},
  );
  return readAnswers(answers, x.rows, done.name);
}

/** Little-endian float32, [rows × columns]. */
function columnsOf(x: Matrix, columns: readonly number[]): Uint8Array {
  const bytes = new DataView(new ArrayBuffer(4 * x.rows * columns.length));
  let at = 0;
  for (let row = 0; row < x.rows; row++)
    for (const column of columns) {
      bytes.setFloat32(at, x.values[row * x.columns + column]!, true);
      at += 4;
    }
  return new Uint8Array(bytes.buffer);
}

/** @throws MinutehandError LEARNER_FAILED for another number of answers, or one that is no probability */
function readAnswers(path: string, rows: number, name: string): Float64Array {
  const fail = (seen: string, cause?: unknown): MinutehandError =>
    new MinutehandError('LEARNER_FAILED', { seen: `${name}: ${seen}`, expected: `${rows} probabilities`, cause });
  let bytes: Buffer;
  try {
    bytes = readFileSync(path);
  } catch (error) {
    throw fail('it wrote no answers', error);
  }
  if (bytes.length !== 8 * rows) throw fail(`${bytes.length / 8} answers`);
  const answers = Float64Array.from({ length: rows }, (_, row) => bytes.readDoubleLE(8 * row));
  const wrong = answers.findIndex((p) => !(p >= 0 && p <= 1));
  if (wrong >= 0) throw fail(`the answer ${answers[wrong]} to row ${wrong}`);
  return answers;
}
