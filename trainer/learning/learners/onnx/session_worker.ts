import { parentPort } from 'node:worker_threads';
import { INPUT_NAME, OUTPUT_NAME } from '../../../../shared/bundle/onnx/onnx.ts';
import { InferenceSession, Tensor } from '../../../../shared/bundle/onnxruntime.ts';
import type { SessionAnswer, SessionRequest } from './sessions.ts';

/**
 * The thread of `sessions.ts`: it holds sessions of onnxruntime, whose own interface is asynchronous, and wakes the
 * thread that waits for answers.
 */
const BATCH_ROWS = 8192;
const port = parentPort!;
/** A session, and its answers per row. */
interface Opened {
  readonly session: InferenceSession;
  readonly width: number;
}

const sessions = new Map<number, Opened>();

async function serve(request: SessionRequest): Promise<void> {
  if (request.kind === 'open') {
    const threads = { intraOpNumThreads: 1, interOpNumThreads: 1 };
    const session = await InferenceSession.create(request.bytes, { ...threads, logSeverityLevel: 4 });
    sessions.set(request.id, { session, width: request.width });
    port.postMessage({ id: request.id, error: null } satisfies SessionAnswer);
    return;
  }
  if (request.kind === 'close') {
    const closed = sessions.get(request.id);
    sessions.delete(request.id);
    await closed?.session.release();
    return;
  }
  const { rows, columns, bars, values, answers } = request;
  const shape = bars === 1 ? [columns] : [bars, columns / bars];
  const { session, width } = sessions.get(request.id)!;
  for (let from = 0; from < rows; from += BATCH_ROWS) {
    const count = Math.min(BATCH_ROWS, rows - from);
    // A copy: onnxruntime takes no shared memory.
    const own = values.slice(from * columns, (from + count) * columns);
    const result = await session.run({ [INPUT_NAME]: new Tensor('float32', own, [count, ...shape]) });
    answers.set(result[OUTPUT_NAME]!.data as Float32Array, from * width);
  }
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}

port.on('message', (request: SessionRequest) => {
  serve(request).then(
    () => {
      if (request.kind === 'run') finish(request.state, 1, '', request.message);
    },
    (error: unknown) => {
      if (request.kind === 'run') finish(request.state, 2, messageOf(error), request.message);
      else if (request.kind === 'open')
        port.postMessage({ id: request.id, error: messageOf(error) } satisfies SessionAnswer);
    },
  );
});

/** @param state [state, length of the message]: 1 = done, 2 = failed */
function finish(state: Int32Array, to: 1 | 2, text: string, message: Uint8Array): void {
  state[1] = new TextEncoder().encodeInto(text, message).written;
  Atomics.store(state, 0, to);
  Atomics.notify(state, 0);
}
