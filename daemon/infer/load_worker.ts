import { setPriority } from 'node:os';
import { parentPort, workerData } from 'node:worker_threads';
import { MinutehandError } from '../../shared/errors.ts';
import { prepare, type LoadAnswer, type LoadTask } from './model_loader.ts';

/** Prepares one bundle, hands its tables over without copying them, and ends. */
// On Linux this is the priority of the calling thread alone, elsewhere that of the whole process.
if (process.platform === 'linux') setPriority(10);

const answer = await prepare(workerData as LoadTask).then(
  (prepared): LoadAnswer => ({ prepared }),
  (error: unknown): LoadAnswer => {
    if (!(error instanceof MinutehandError)) return { defect: error instanceof Error ? error.stack! : String(error) };
    const { code, seen, expected, next } = error;
    return { refusal: { code, next, ...(seen && { seen }), ...(expected && { expected }) } };
  },
);
const tables =
  'prepared' in answer
    ? Object.values(answer.prepared.models).flatMap((model) =>
        model.engine === 'wasm-simd' ? [model.packed.bytes.buffer] : [],
      )
    : [];
parentPort!.postMessage(answer, tables);
