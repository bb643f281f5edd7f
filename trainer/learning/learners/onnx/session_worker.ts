import { parentPort } from 'node:worker_threads';
import { CHECKED_ROWS } from '../../../../shared/bundle/graph_check/graph_check.ts';
import { ScoringProcess } from '../../../../shared/bundle/graph_check/scoring_process.ts';
import { errorParts, type ErrorParts } from '../../../../shared/errors.ts';
import type { SessionAnswer, SessionRequest } from './sessions.ts';

/**
 * The thread of `sessions.ts`: it passes requests on to the child process in which the graphs run, and wakes the thread
 * that waits for answers.
 */
const port = parentPort!;

type Opening = Extract<SessionRequest, { readonly kind: 'open' }>;

/** A graph, and the process in which it is open. */
interface Opened {
  readonly request: Opening;
  process: ScoringProcess;
  id: number;
}

const sessions = new Map<number, Opened>();
let current: ScoringProcess | null = null;

async function openIn({ bytes, shape }: Opening): Promise<Pick<Opened, 'process' | 'id'>> {
  if (current?.isRunning !== true) current = new ScoringProcess();
  const process = current;
  return { process, id: await process.open(bytes, shape) };
}

async function serve(request: SessionRequest): Promise<void> {
  if (request.kind === 'open') {
    sessions.set(request.id, { request, ...(await openIn(request)) });
    port.postMessage({ id: request.id, error: null } satisfies SessionAnswer);
    return;
  }
  const session = sessions.get(request.id)!;
  if (request.kind === 'close') {
    sessions.delete(request.id);
    await session.process.close(session.id);
    return;
  }
  // Another graph may have ended the process.
  if (!session.process.isRunning) Object.assign(session, await openIn(session.request));
  const { rows, columns, values, answers } = request;
  const { width } = session.request;
  for (let from = 0; from < rows; from += CHECKED_ROWS) {
    const count = Math.min(CHECKED_ROWS, rows - from);
    const own = values.slice(from * columns, (from + count) * columns);
    answers.set(await session.process.run(session.id, own, [count]), from * width);
  }
}

port.on('message', (request: SessionRequest) => {
  serve(request).then(
    () => {
      if (request.kind === 'run') finish(request.state, 1, null, request.message);
    },
    (error: unknown) => {
      if (request.kind === 'run') finish(request.state, 2, errorParts(error), request.message);
      else if (request.kind === 'open')
        port.postMessage({ id: request.id, error: errorParts(error) } satisfies SessionAnswer);
    },
  );
});

/** @param state [state, length of the message]: 1 = done, 2 = failed */
function finish(state: Int32Array, to: 1 | 2, error: ErrorParts | null, message: Uint8Array): void {
  state[1] = error === null ? 0 : new TextEncoder().encodeInto(JSON.stringify(error), message).written;
  Atomics.store(state, 0, to);
  Atomics.notify(state, 0);
}
