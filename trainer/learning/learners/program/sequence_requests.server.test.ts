import { mkdtempSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { sequenceModel } from '../../../../shared/bundle/sequence_bundle.fixture.ts';
import { decodeWholeModel } from '../onnx/whole_model.ts';
import { createRng } from '../../../../shared/rng.ts';
import type { FitRows } from '../contract/fit_rows.ts';
import { takeRows } from '../contract/fit_rows.ts';
import type { FitRequest } from '../contract/learner.ts';
import { ownTable, type SequenceMatrix } from '../contract/past_rows.ts';
import { fitByProgram } from './fit_by_program.ts';
import { ProgramProcess } from './program_process.ts';
import { writeTable } from './table_file.ts';

const FIXTURE = fileURLToPath(new URL('./sequence_program.fixture.mjs', import.meta.url));
const NAMES = ['z_score', 'beta', 'half_life'];
const COLUMNS = NAMES.length;
/** The model gets two of three columns. */
const USED = [2, 0];
const BARS = 4;
const TILT = 0.25;
const TABLE_ROWS = 400;

let folder: string;
let graph: string;
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'minutehand-sequence-requests-'));
  graph = join(folder, 'model.onnx');
  writeFileSync(graph, sequenceModel(USED.length, BARS, TILT));
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

/** Every third row of a table, without those that have too few rows before them. */
function rowsOfSequences(): FitRows & { readonly x: SequenceMatrix } {
  const rng = createRng('sequences');
  const table = Float32Array.from({ length: TABLE_ROWS * COLUMNS }, () => (rng.uniform() < 0.05 ? NaN : rng.normal()));
  const last = Int32Array.from({ length: 120 }, (_, i) => BARS - 1 + 3 * i);
  const values = Float32Array.from({ length: last.length * COLUMNS }, (_, i) => {
    const row = last[Math.floor(i / COLUMNS)]!;
    return table[row * COLUMNS + (i % COLUMNS)]!;
  });
  const time = Float64Array.from(last, (row) => 60 * row);
  return {
    x: { rows: last.length, columns: COLUMNS, values, past: { bars: BARS, table, last } },
    y: Float64Array.from(last, (row) => row % 2),
    time,
    labelEnd: time.map((at) => at + 60),
    weights: time.map(() => 1),
  };
}

const REQUEST = {
  task: { kind: 'binary' },
  subset: Int32Array.from({ length: 60 }, (_, row) => 2 * row),
  columns: USED,
  budget: { kind: 'early_stopping', stopping: Int32Array.from([1, 3, 5]) },
  seed: 'sequences',
  continueFrom: null,
} as const satisfies Omit<FitRequest, 'rows'>;

function fit(rows: FitRows, ...moved: string[]) {
  const command = [process.execPath, FIXTURE, graph, String(TILT), ...moved];
  const program = new ProgramProcess(command, { network: true, memoryMb: 4096, hours: 1 });
  return fitByProgram(
    { learner: 'lstm', program, parameters: {}, columnNames: NAMES, sequential: true },
    { ...REQUEST, rows },
  );
}

describe('a program that learns from sequences', () => {
  it('gets the rows of each sequence, and its model answers alike here', async () => {
    const rows = rowsOfSequences();
    const fitted = await fit(rows);
    const { table, last } = rows.x.past;
    const bounded = (row: number): number[] =>
      USED.map((column) => Math.tanh(table[row * COLUMNS + column]!)).map((value) => (Number.isNaN(value) ? 0 : value));
    const mean = (of: readonly number[]): number => of.reduce((sum, value) => sum + value, 0) / of.length;
    const picked = [1, 50, 119];
    const answers = fitted.answers(takeRows(rows.x, picked));
    for (const [i, row] of picked.entries()) {
      const bars = Array.from({ length: BARS }, (_, bar) => bounded(last[row]! - BARS + 1 + bar));
      const logit = mean(bars[BARS - 1]!) - mean(bars[0]!) + mean(bars.flat()) / 2 + TILT;
      expect(answers[i]).toBeCloseTo(1 / (1 + Math.exp(-logit)), 6);
    }
    expect(() => fitted.answers({ ...rows.x, past: { ...rows.x.past, bars: BARS + 1 } })).toThrow(
      /sequences of 4 rows/,
    );
    const served = decodeWholeModel(fitted.toOnnx({ metadata: {} })).graph!.inputs[0]!.type!.tensor!.shape!.dimensions;
    expect(served.map(({ size }) => size)).toEqual([0, BARS, COLUMNS]);
  });

  it('that takes other rows than those of the sequence is refused', async () => {
    await expect(fit(rowsOfSequences(), '1')).rejects.toMatchObject({ code: 'LEARNER_FAILED' });
  });
});

it('a table has the rows of the sequences of a fit, and no others', () => {
  const { x } = rowsOfSequences();
  const path = join(folder, 'table.f32');
  const { lastOf } = writeTable(path, x, Int32Array.from([0, 10, 11]), USED);
  // The last two sequences share a row.
  expect(statSync(path).size).toBe((BARS + 2 * BARS - 1) * USED.length * 4);
  expect([0, 10, 11].map(lastOf)).toEqual([3, 7, 10]);
});

it('sequences of a matrix stay with its rows', () => {
  const { x } = rowsOfSequences();
  const taken = takeRows(x, [7, 3]) as SequenceMatrix;
  expect([...taken.past.last]).toEqual([x.past.last[7], x.past.last[3]]);
  expect(taken.past.table).toBe(x.past.table);
  const own = ownTable(new Float32Array([1, 2, 3, 4, 5, 6, 7, 8]), { rows: 2, columns: 2, bars: 2 });
  expect([...own.values]).toEqual([3, 4, 7, 8]);
  expect([...own.past!.last]).toEqual([1, 3]);
});
