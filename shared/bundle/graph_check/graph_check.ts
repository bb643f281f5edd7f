import { MinutehandError } from '../../errors.ts';
import { joinedFloat32 } from '../../joined_numbers.ts';
import { createRng } from '../../rng.ts';
import { sha256Hex } from '../../sha256.ts';
import { rowWidth, type RowShape } from '../scorer.ts';
import { refuseUnservedGraph } from '../onnx/graph_limits.ts';
import { ScoringProcess } from './scoring_process.ts';

/** Rows that a graph has to answer alike in every batch. */
export const CHECKED_ROWS = 1000;
/** Rows of the batches that are compared: one, two, as many as a daemon has subjects, and all. */
const BATCHES = [1, 2, 10, CHECKED_ROWS] as const;
/**
 * Difference of an answer in batches of different sizes: onnxruntime may take other kernels for a product of one row,
 * whose sums are rounded in another order. Where the answers hardly differ from each other, it has to be smaller.
 */
const ROUNDING = 1e-5;
const ROUNDING_OF_SPREAD = 0.01;
/** Unit in the last place of float32 numbers in [0.5, 1]. */
const ULP = 2 ** -24;

/** A batch of rows, and the order in which it gets them. */
export interface Call {
  /** Rows per batch. */
  readonly size: number;
  /** Indices of the rows; the last batch may be smaller. */
  readonly rows: Int32Array;
}

interface Comparison {
  /** What is compared with the call before it that has the same size and each row at its own place. */
  readonly call: Call;
  /** Places whose rows are their own, beside others than in the first call. */
  readonly kept: Uint8Array;
}

/** What is asked of a graph. */
interface Questions {
  /** Each row in its own place, by size of the batches. */
  readonly ordered: readonly Call[];
  /** The rows shuffled, in one batch. */
  readonly shuffled: Call;
  /** Half of the rows replaced by others, then the other half. */
  readonly beside: readonly Comparison[];
}

/** The same questions for the same number of rows. */
function questions(count: number): Questions {
  const rng = createRng('rows of a graph');
  const own = Int32Array.from({ length: count }, (_, row) => row);
  const shuffled = own.slice();
  for (let i = count - 1; i > 0; i--) {
    const other = rng.integer(i + 1);
    [shuffled[i], shuffled[other]] = [shuffled[other]!, shuffled[i]!];
  }
  const kept = Uint8Array.from(own, () => rng.integer(2));
  const beside = BATCHES.filter((size) => size > 1).flatMap((size) =>
    [kept, kept.map((one) => 1 - one)].map((half): Comparison => {
      const rows = own.map((row) => (half[row] === 1 ? row : shuffled[row]!));
      return { call: { size, rows }, kept: half };
    }),
  );
  return {
    ordered: BATCHES.map((size) => ({ size, rows: own })),
    shuffled: { size: CHECKED_ROWS, rows: shuffled },
    beside,
  };
}

/** @param answers to a call, by row */
function differ(answers: Float32Array, wanted: Float32Array, width: number, place: number, row: number): number {
  let most = 0;
  for (let k = 0; k < width; k++) {
    const a = answers[place * width + k]!;
    const b = wanted[row * width + k]!;
    if (!Object.is(a, b)) most = Number.isNaN(a - b) ? Infinity : Math.max(most, Math.abs(a - b));
  }
  return most;
}

/**
 * The answers to a row must be the same bits whatever the other rows of its batch are, and apart from rounding the same
 * in a batch of any size and at any place of it.
 * @param count of rows, at most CHECKED_ROWS
 * @returns the answers in one batch; each call that it yields wants its answers, by row
 * @throws MinutehandError MODEL_ROWS
 */
function* comparedRows(count: number, name: string): Generator<Call, Float32Array, Float32Array> {
  const { ordered, shuffled, beside } = questions(count);
  const bySize = new Map<number, Float32Array>();
  for (const call of ordered) bySize.set(call.size, yield call);
  const all = bySize.get(CHECKED_ROWS)!;
  const width = all.length / count;
  for (const { call, kept } of beside) {
    const answers = yield call;
    const first = bySize.get(call.size)!;
    for (let row = 0; row < count; row++)
      if (kept[row] === 1 && differ(answers, first, width, row, row) > 0)
        throw dependent(name, `the answers of row ${row} differ`, `beside other rows in a batch of ${call.size}`);
  }
  const most = Math.min(ROUNDING, Math.max(ULP, ROUNDING_OF_SPREAD * spreadOf(all)));
  const mixed = yield shuffled;
  for (let row = 0; row < count; row++) {
    for (const size of BATCHES.slice(0, -1))
      if (!(differ(bySize.get(size)!, all, width, row, row) <= most))
        throw dependent(name, `the answers of row ${row} differ`, `in batches of ${size} and of ${count}`);
    if (!(differ(mixed, all, width, row, shuffled.rows[row]!) <= most))
      throw dependent(name, `the answers of row ${shuffled.rows[row]} differ`, 'where the rows are shuffled');
  }
  return all;
}

function dependent(name: string, what: string, where: string): MinutehandError {
  return new MinutehandError('MODEL_ROWS', {
    seen: `${name}: ${what} ${where}`,
    expected: 'an answer that the row alone determines',
  });
}

/** Standard deviation of those that are finite. */
function spreadOf(values: Float32Array): number {
  const finite = values.filter(Number.isFinite);
  if (finite.length === 0) return 0;
  const mean = finite.reduce((sum, value) => sum + value, 0) / finite.length;
  return Math.sqrt(finite.reduce((sum, value) => sum + (value - mean) ** 2, 0) / finite.length);
}

/**
 * The same with rows of the data, of a model that answers at once.
 * @param answer to rows of these indices
 * @throws MinutehandError MODEL_ROWS
 */
export function refuseDependentRows(rows: number, answer: (rows: Int32Array) => Float32Array, name: string): void {
  const count = Math.min(rows, CHECKED_ROWS);
  const asked = comparedRows(count, name);
  let step = asked.next();
  while (step.done !== true) {
    const { size, rows: wanted } = step.value;
    const parts: Float32Array[] = [];
    for (let from = 0; from < count; from += size) parts.push(answer(wanted.subarray(from, from + size)));
    step = asked.next(joinedFloat32(parts));
  }
}

/** Rows of all sizes, some of whose values are missing: what the columns of a model mean is not known here. */
function drawnRows(shape: RowShape): Float32Array {
  const rng = createRng('values of a graph');
  const rows = new Float32Array(CHECKED_ROWS * rowWidth(shape));
  for (let i = 0; i < rows.length; i++)
    rows[i] = rng.uniform() < 0.05 ? NaN : rng.normal() * 10 ** (rng.integer(7) - 3);
  return rows;
}

function valuesOf({ rows }: Call, x: Float32Array, width: number): Float32Array {
  const values = new Float32Array(rows.length * width);
  for (const [place, row] of rows.entries()) values.set(x.subarray(row * width, (row + 1) * width), place * width);
  return values;
}

function batchesOf({ size, rows }: Call): number[] {
  return Array.from({ length: Math.ceil(rows.length / size) }, (_, i) => Math.min(size, rows.length - i * size));
}

/** Two processes of this one: a graph whose answers depend on its process differs between them. */
const PROCESSES = 2;
let idle: { readonly processes: ScoringProcess[]; readonly timer: NodeJS.Timeout } | null = null;
/** A further model often follows at once. */
const IDLE_MS = 3000;

async function withProcesses(work: (processes: readonly ScoringProcess[]) => Promise<void>): Promise<void> {
  const kept = idle?.processes.filter(({ isRunning }) => isRunning) ?? [];
  if (idle !== null) clearTimeout(idle.timer);
  idle = null;
  const processes = Array.from({ length: PROCESSES }, () => kept.pop() ?? new ScoringProcess());
  const endAll = (): void => processes.forEach((one) => one.end());
  try {
    await work(processes);
  } catch (error) {
    endAll();
    throw error;
  }
  if (idle !== null) endAll();
  else idle = { processes, timer: setTimeout(endIdle, IDLE_MS).unref() };
}

function endIdle(): void {
  for (const one of idle?.processes ?? []) one.end();
  idle = null;
}

/** Graphs that this process has found to be right, by their hash and shape. */
const known = new Set<string>();

/**
 * The one check of a graph that onnxruntime is to run, before this process opens it: its operators by name, its memory
 * and time in child processes, and whether its answers repeat and depend on their own row alone.
 * @param bytes input `features`, one output `score`
 * @throws MinutehandError MODEL_LOAD, MODEL_OPERATOR, MODEL_LIMITS, MODEL_REPEAT, MODEL_ROWS
 */
export async function checkGraph(bytes: Uint8Array, shape: RowShape, name: string): Promise<void> {
  refuseUnservedGraph(bytes, name);
  const key = `${sha256Hex(bytes)} ${shape.bars} ${shape.columns}`;
  if (known.has(key)) return;
  try {
    await withProcesses((processes) => compareProcesses(processes, bytes, shape, name));
  } catch (error) {
    if (!(error instanceof MinutehandError) || !['MODEL_LOAD', 'MODEL_LIMITS'].includes(error.code)) throw error;
    const { code, seen, expected, next } = error;
    throw new MinutehandError(code, { seen: `${name}: ${seen}`, next, ...(expected !== undefined && { expected }) });
  }
  known.add(key);
}

async function compareProcesses(
  processes: readonly ScoringProcess[],
  bytes: Uint8Array,
  shape: RowShape,
  name: string,
): Promise<void> {
  const x = drawnRows(shape);
  const width = rowWidth(shape);
  const asks = processes.map((process): AskGraph => {
    // The first question of each process waits for the answers of the one before: each may take half of the memory.
    let opening: Promise<number> | null = null;
    return async (call) => {
      opening ??= process.open(bytes, shape);
      return await process.run(await opening, valuesOf(call, x, width), batchesOf(call));
    };
  });
  await refuseOtherAnswers(asks, name);
  for (const process of processes) await process.closeAll();
}

/** The answers of a graph in a process to the rows of a call, by row. */
export type AskGraph = (call: Call) => Promise<Float32Array>;

/**
 * The answers must repeat, in all processes, and depend on their own row alone.
 * @throws MinutehandError MODEL_REPEAT, MODEL_ROWS
 */
export async function refuseOtherAnswers([first, ...others]: readonly AskGraph[], name: string): Promise<void> {
  const answers: Float32Array[] = [];
  const asked = comparedRows(CHECKED_ROWS, name);
  for (let step = asked.next(); step.done !== true;) {
    const answer = await first!(step.value);
    if (answers.length === 0) refuseOther(answer, await first!(step.value), name);
    answers.push(answer);
    step = asked.next(answer);
  }
  for (const again of others)
    for (const [i, call] of questions(CHECKED_ROWS).ordered.entries())
      refuseOther(answers[i]!, await again(call), name);
}

/** @throws MinutehandError MODEL_REPEAT */
function refuseOther(first: Float32Array, second: Float32Array, name: string): void {
  const at = first.findIndex((value, i) => !Object.is(value, second[i]));
  if (at >= 0)
    throw new MinutehandError('MODEL_REPEAT', {
      seen: `${name}: ${first[at]}, then ${second[at]} for the same rows`,
      expected: 'the same bits at each call, in each process',
    });
}
