import { writeSync } from 'node:fs';
import { isMainThread, Worker, workerData } from 'node:worker_threads';
import { errorParts, MinutehandError, type ErrorParts } from '../../errors.ts';
import { joinedFloat32 } from '../../joined_numbers.ts';
import { modelLoadError } from '../onnx/model_load_error.ts';
import { openRowSession, rowWidth, type RowSession, type RowShape } from '../scorer.ts';

/**
 * The child process that runs graphs of other programs (`scoring_process.ts`): what they take, and how they end, is
 * its matter alone. A thread of its own ends it when it uses more memory than it may, or when its parent is gone:
 * onnxruntime may hold the main thread for as long as it likes.
 */

export type ScoringRequest =
  | { readonly kind: 'open'; readonly id: number; readonly bytes: Uint8Array; readonly shape: RowShape }
  | {
      readonly kind: 'run';
      readonly id: number;
      /** [rows × numbers of a row], of all batches one after the other. */
      readonly values: Float32Array;
      /** Rows of each batch. */
      readonly batches: readonly number[];
    }
  | { readonly kind: 'close'; readonly id: number };

export type ScoringAnswer =
  | { readonly done: true }
  /** By rows. */
  | { readonly answers: Float32Array }
  | { readonly refusal: ErrorParts };

/** First word of the last line of a process that takes too much memory. */
const OVER_MEMORY = 'OVER_MEMORY';
const LOOK_MS = 25;

interface Opened {
  readonly session: RowSession;
  readonly shape: RowShape;
}

/** @param memoryBytes resident */
function watch(memoryBytes: number): void {
  const parent = process.ppid;
  setInterval(() => {
    const used = process.memoryUsage.rss();
    if (used > memoryBytes) writeSync(2, `${OVER_MEMORY} ${used}\n`);
    else if (process.ppid === parent) return;
    process.kill(process.pid, 'SIGKILL');
  }, LOOK_MS);
}

async function answer(request: ScoringRequest, opened: Map<number, Opened>): Promise<ScoringAnswer> {
  const { id } = request;
  if (request.kind === 'open') {
    const { bytes, shape } = request;
    opened.set(id, { session: await openRowSession(bytes, shape, 'the model'), shape });
    return { done: true };
  }
  const { session, shape } = opened.get(id)!;
  if (request.kind === 'close') {
    opened.delete(id);
    await session.release();
    return { done: true };
  }
  const width = rowWidth(shape);
  const parts: Float32Array[] = [];
  let from = 0;
  for (const rows of request.batches) {
    parts.push(await session.run(request.values.slice(from * width, (from + rows) * width), rows));
    from += rows;
  }
  return { answers: joinedFloat32(parts) };
}

/** What onnxruntime says is no defect of this program. */
function refusalOf(error: unknown): ErrorParts {
  return error instanceof MinutehandError ? errorParts(error) : errorParts(modelLoadError('the model', error));
}

function serve(memoryBytes: number): void {
  new Worker(new URL(import.meta.url), { workerData: memoryBytes, execArgv: [] }).unref();
  const opened = new Map<number, Opened>();
  const send = (message: ScoringAnswer): void => void process.send!(message);
  process.on('message', (request: ScoringRequest) => {
    answer(request, opened).then(send, (error: unknown) => send({ refusal: refusalOf(error) }));
  });
  process.on('disconnect', () => process.kill(process.pid, 'SIGKILL'));
}

if (isMainThread) serve(Number(process.argv[2]));
else watch(workerData as number);
