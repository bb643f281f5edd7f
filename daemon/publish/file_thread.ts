import { existsSync } from 'node:fs';
import { Worker } from 'node:worker_threads';
import { MinutehandError } from '../../shared/errors.ts';
import { MACHINE_FILES } from '../../shared/files.ts';
import { filesUnderUmask } from '../../shared/private_files.ts';
import type { Scheduler } from '../../shared/ports.ts';
import { waitAtMost } from '../wait.ts';
import { createFilePublisher, type FilePublisher, type FilePublisherOptions } from './file.ts';
import type { Publication } from './publish.ts';

export interface FileThreadOptions extends Omit<FilePublisherOptions, 'files' | 'pause'> {
  readonly scheduler: Scheduler;
  /** Of the files, where it is another than that of this process. */
  readonly umask?: number | null;
  /** The thread's program as JavaScript; by default the compiled one beside this file. */
  readonly program?: URL;
}

/** What the thread is made with. */
export interface FileThreadData {
  readonly folder: string;
  readonly allName: string | undefined;
  readonly umask: number | null;
}

/** What the thread says after each batch, and between batches when files that failed are written after all. */
export interface FileThreadAnswer {
  readonly isBetween: boolean;

  /** Files of this batch that were not written. */
  readonly failures: number;
  /** Files whose last write failed, of this batch or an earlier one. */
  readonly failing: number;
  /** What was seen at the last first failure. */
  readonly seen: string;
  /** How often files that a reader blocked were tried again, since the start. */
  readonly retries: number;
}

const PROGRAM = new URL('./file_thread_program.js', import.meta.url);
/** A disk that takes longer than this for one batch (a network drive that is gone, say) counts as failed. */
const STALL_MS = 5_000;
const CLOSE_GRACE_MS = 1_000;

/**
 * The file publisher of `file.ts` on a thread of its own: a batch costs the caller a hundredth of what the disk's system calls
 * take, and a disk that stands still costs it nothing. Failure and recovery are told a moment after `publish`.
 *
 * While the thread is busy, batches are merged: it next writes the newest signal of each pair, so that at most one signal
 * per pair waits. Where there is no compiled program (tests run the sources), and when the thread dies, the caller writes the files.
 */
export function createFileThread(options: FileThreadOptions): FilePublisher {
  const { folder, allName, umask = null, scheduler, program = PROGRAM, onFailure, onRecovered } = options;
  const place = {
    files: umask === null ? MACHINE_FILES : filesUnderUmask(umask),
    folder,
    ...(allName === undefined ? {} : { allName }),
  };
  if (!existsSync(program)) return createFilePublisher({ ...place, onFailure, onRecovered });

  const lastTextByPair = new Map<string, string>();
  let waiting = new Map<string, string>();
  let inPlace: FilePublisher | null = null;
  let failures = 0;
  let failing = 0;
  let retries = 0;
  let closed = false;
  /** Not null while the thread has a batch. */
  let endStallWatch: (() => void) | null = null;
  let whenIdle: (() => void) | null = null;

  const thread = new Worker(program, { workerData: { folder, allName, umask } satisfies FileThreadData });

  function check({
    failures: newFailures,
    failing: nowFailing,
    seen,
  }: Omit<FileThreadAnswer, 'isBetween' | 'retries'>): void {
    const wasFailing = failing;
    failures += newFailures;
    failing = nowFailing;
    if (nowFailing > 0 && wasFailing === 0) onFailure(new MinutehandError('PUBLISH_FILE', { seen }));
    else if (nowFailing === 0 && wasFailing > 0) onRecovered();
  }

  /** Nobody knows how many files it is. */
  const lost = (seen: string): Parameters<typeof check>[0] => ({ failures: 1, failing: Math.max(1, failing), seen });

  function handOver(): void {
    endStallWatch = scheduler.after(STALL_MS, () => check(lost(`not written within ${STALL_MS} ms`)));
    thread.postMessage([...waiting].flat());
    // Not clear(): V8 links the old table to the new one, and each that gets old keeps all texts after it until a major collection.
    waiting = new Map();
  }

  function rest(): void {
    endStallWatch?.();
    endStallWatch = null;
    whenIdle?.();
  }

  function writeInPlace(batch: readonly Publication[]): void {
    let seen = '';
    inPlace ??= createFilePublisher({
      ...place,
      onFailure: (error) => (seen = error.seen ?? error.message),
      onRecovered: () => undefined,
    });
    const before = inPlace.failures;
    inPlace.publish(batch);
    check({ failures: inPlace.failures - before, failing: inPlace.failing, seen });
  }

  thread.on('message', (answer: FileThreadAnswer) => {
    retries = answer.retries;
    if (answer.isBetween) return check(answer);
    endStallWatch?.();
    check(answer);
    if (waiting.size > 0) handOver();
    else rest();
  });
  thread.on('error', (error) => {
    check(lost(`the thread that writes them ended: ${error.message}`));
    writeInPlace([...lastTextByPair].map(([pairId, text]) => ({ pairId, text })));
    rest();
  });
  // `close` waits for what was handed over; otherwise a process may end without it. A listener for messages takes this back, so it comes last.
  thread.unref();

  return {
    name: 'file',
    get failures() {
      return failures;
    },
    get failing() {
      return failing;
    },
    get retries() {
      return retries;
    },
    publish(batch: readonly Publication[]): void {
      if (closed || batch.length === 0) return;
      if (inPlace !== null) return writeInPlace(batch);
      for (const { pairId, text } of batch) {
        lastTextByPair.set(pairId, text);
        waiting.set(pairId, text);
      }
      if (endStallWatch === null) handOver();
    },
    async close(): Promise<void> {
      if (closed) return;
      closed = true;
      if (endStallWatch !== null) {
        await waitAtMost(scheduler, CLOSE_GRACE_MS, (tell) => (whenIdle = tell));
      }
      await thread.terminate();
    },
  };
}
