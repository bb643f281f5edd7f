import { setTimeout as sleep } from 'node:timers/promises';

/** How long a thread rests after its last work before it ends, in milliseconds. */
const REST_MS = 100;

/** What of a `worker_threads` thread is needed to end it. */
interface Endable {
  terminate(): Promise<unknown>;
}

/**
 * Ends threads that have done their work, after a short rest. V8 optimizes hot functions in the background; up to
 * Node 22, such a compilation that needs memory while the heap of its thread is being given back ends the whole process
 * ("Assertion failed: (data.first) != nullptr" in `NodePlatform::ForIsolate`). Within the rest compilations end.
 */
export async function endThreads(threads: readonly Endable[]): Promise<void> {
  if (threads.length > 0) await sleep(REST_MS);
  await Promise.all(threads.map((thread) => thread.terminate()));
}

/** Keeps a worker thread that exits by itself alive for the same delay after its work. */
export function restBeforeEnd(): void {
  setTimeout(() => undefined, REST_MS);
}
