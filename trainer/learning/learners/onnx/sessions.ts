import { join } from 'node:path';
import { Worker } from 'node:worker_threads';
import type { Matrix } from '../../../../shared/bundle/onnx/tree_ensemble.ts';
import type { RowShape } from '../../../../shared/bundle/scorer.ts';
import { errorParts, MinutehandError, type ErrorParts } from '../../../../shared/errors.ts';
import { packageRoot } from '../../../../shared/root.ts';
import { sharedFloat32 } from '../../threads/shared_array.ts';

export type SessionRequest =
  | {
      readonly kind: 'open';
      readonly id: number;
      readonly bytes: Uint8Array;
      readonly shape: RowShape;
      /** Answers per row. */
      readonly width: number;
    }
  | { readonly kind: 'close'; readonly id: number }
  | {
      readonly kind: 'run';
      readonly id: number;
      readonly rows: number;
      readonly columns: number;
      /** In shared memory, [rows × columns]. */
      readonly values: Float32Array;
      /** In shared memory, [rows × width]. */
      readonly answers: Float32Array;
      /** [state, length of the message]; 0 = not finished, 1 = done, 2 = failed */
      readonly state: Int32Array;
      /** UTF-8 of an ErrorParts. */
      readonly message: Uint8Array;
    };

/** To `open`. */
export interface SessionAnswer {
  readonly id: number;
  readonly error: ErrorParts | null;
}

/** An ONNX model (input `features`, output `score` [N, width]) in onnxruntime, whose answers are there at once. */
export interface Session {
  /**
   * @param x the numbers of a row are those of all its bars
   * @returns float32 answers, [rows × width] by rows
   * @throws MinutehandError MODEL_LOAD when onnxruntime reports an error; MODEL_LIMITS
   */
  run(x: Matrix): Float32Array;
}

/** Beside the compiled thread, so that sources and built code start the same one. */
const THREAD_FILE = 'dist/trainer/learning/learners/onnx/session_worker.js';
/** A single call; then the thread must have ended. */
const LONGEST_RUN_MS = 600_000;
const MESSAGE_BYTES = 8000;

class SessionThread {
  readonly #thread = new Worker(join(packageRoot(), THREAD_FILE), { execArgv: [] });
  readonly #opening = new Map<number, (error: ErrorParts | null) => void>();
  readonly #unused = new FinalizationRegistry((id: number) => this.#send({ kind: 'close', id }));
  #opened = 0;

  constructor() {
    this.#thread.on('message', ({ id, error }: SessionAnswer) => this.#opening.get(id)?.(error));
    this.#thread.on('error', (error) => this.#end(errorParts(error)));
    this.#thread.on('exit', (code) =>
      this.#end({ code: 'MODEL_LOAD', detail: { seen: `the thread of onnxruntime ended with code ${code}` } }),
    );
    this.#thread.unref();
  }

  async open(bytes: Uint8Array, shape: RowShape, width: number): Promise<Session> {
    const id = ++this.#opened;
    this.#thread.ref();
    const error = await new Promise<ErrorParts | null>((resolve) => {
      this.#opening.set(id, resolve);
      this.#send({ kind: 'open', id, bytes, shape, width });
    });
    this.#opening.delete(id);
    if (this.#opening.size === 0) this.#thread.unref();
    if (error !== null) throw new MinutehandError(error.code, error.detail);
    const session: Session = { run: (x) => this.#run(id, width, x) };
    this.#unused.register(session, id);
    return session;
  }

  #run(id: number, width: number, { rows, columns, values }: Matrix): Float32Array {
    const shared = sharedFloat32(rows * columns);
    shared.set(values.subarray(0, rows * columns));
    const answers = sharedFloat32(rows * width);
    const state = new Int32Array(new SharedArrayBuffer(8));
    const message = new Uint8Array(new SharedArrayBuffer(MESSAGE_BYTES));
    this.#send({ kind: 'run', id, rows, columns, values: shared, answers, state, message });
    if (Atomics.wait(state, 0, 0, LONGEST_RUN_MS) === 'timed-out')
      throw new MinutehandError('MODEL_LOAD', { seen: `no answers within ${LONGEST_RUN_MS / 60_000} minutes` });
    if (Atomics.load(state, 0) === 1) return answers.slice();
    const { code, detail } = JSON.parse(Buffer.from(message.slice(0, state[1])).toString('utf8')) as ErrorParts;
    throw new MinutehandError(code, detail);
  }

  #send(request: SessionRequest): void {
    this.#thread.postMessage(request);
  }

  #end(reason: ErrorParts): void {
    if (thread === this) thread = undefined;
    for (const answer of this.#opening.values()) answer(reason);
  }
}

let thread: SessionThread | undefined;

/**
 * Training asks its models in loops that know no waiting, and onnxruntime answers asynchronously: a thread of its own
 * asks the child process that holds the sessions (scoring_process.ts), and this one sleeps until the answers are there.
 * Sessions that nobody holds any more are closed.
 * @param width answers per row
 * @throws MinutehandError MODEL_LOAD when onnxruntime does not take the bytes; MODEL_LIMITS
 */
export function openSession(bytes: Uint8Array, shape: RowShape, width = 1): Promise<Session> {
  return (thread ??= new SessionThread()).open(bytes, shape, width);
}
