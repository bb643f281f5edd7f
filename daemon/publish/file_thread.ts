import { existsSync } from 'node:fs';
import { Worker } from 'node:worker_threads';
import { MinutehandError } from '../../shared/errors.ts';
import { MACHINE_FILES } from '../../shared/files.ts';
import { filesUnderUmask } from '../../shared/private_files.ts';
import type { Scheduler } from '../../shared/ports.ts';
import { waitAtMost } from '../threads/wait.ts';
import { createFilePublisher, type FilePublisher, type FilePublisherOptions } from './file.ts';
import type { Publication } from './publish.ts';

export interface FileThreadOptions extends Omit<FilePublisherOptions, 'files' | 'pause'> {
  readonly scheduler: Scheduler;
  /** Of the files, where it is another than that of this process. */
  readonly umask?: number | null;
  /** The thread's program as JavaScript; by default the compiled one beside this file. */
  readonly program?: URL;
}

/**
 * One batch: milliseconds of `os.uptime()` after which nothing may be written, null = no limit; then pair id and text
 * of each pair. A flat array takes the least time to be copied to another thread.
 */
export type FileThreadBatch = readonly [deadlineMs: number | null, ...texts: string[]];

/** Data for starting the thread. */
export interface FileThreadData {
  readonly folder: string;
  readonly allName: string | undefined;
  readonly umask: number | null;
}

/** Message of the thread after each batch, and between batches when files that failed are written later. */
export interface FileThreadAnswer {
  readonly isBetween: boolean;

  /** Files of this batch that were not written. */
  readonly failures: number;
  /** Files whose last write failed, of this batch or an earlier one. */
  readonly failing: number;
  /** Reason of the last first failure. */
  readonly seen: string;
  /** Number of retries of files that a reader blocked, since the start. */
  readonly retries: number;
}

const PROGRAM = new URL('./file_thread_program.js', import.meta.url);
/** A disk that takes longer than this for one batch (such as a lost network drive) counts as failed. */
const STALL_MS = 5_000;
const CLOSE_GRACE_MS = 1_000;

/**
 * The file publisher of `file.ts` on a thread of its own: a batch costs the caller a hundredth of the disk's system
 * calls, and a stalled disk costs it nothing. Failure and recovery are reported shortly after `publish`.
 *
 * While the thread is busy, batches are merged: it next writes the newest signal of each pair, so that at most one
 * signal per pair waits. Where there is no compiled program (tests run the sources), and when the thread dies, the
 * caller writes the files.
 */
export function createFileThread(options: FileThreadOptions): FilePublisher {
  const { program = PROGRAM, onFailure, onRecovered } = options;
  if (!existsSync(program)) return createFilePublisher({ ...placeOf(options), onFailure, onRecovered });
  return new FileThread(options, program);
}

function placeOf({ folder, allName, umask = null, mayWrite }: FileThreadOptions) {
  return {
    files: umask === null ? MACHINE_FILES : filesUnderUmask(umask),
    folder,
    ...(allName === undefined ? {} : { allName }),
    ...(mayWrite === undefined ? {} : { mayWrite }),
  };
}

type Outcome = Omit<FileThreadAnswer, 'isBetween' | 'retries'>;

class FileThread implements FilePublisher {
  readonly name = 'file';
  failures = 0;
  failing = 0;
  retries = 0;
  readonly #options: FileThreadOptions;
  readonly #thread: Worker;
  readonly #lastHandedOver = new Map<string, string>();
  #waiting = new Map<string, string>();
  /** Not null when the thread has failed. */
  #inPlace: FilePublisher | null = null;
  #seenInPlace = '';
  #deadlineMs: number | null = null;
  #closed = false;
  /** Not null while the thread has a batch. */
  #endStallWatch: (() => void) | null = null;
  #whenIdle: (() => void) | null = null;

  constructor(options: FileThreadOptions, program: URL) {
    const { folder, allName, umask = null } = options;
    this.#options = options;
    this.#thread = new Worker(program, { workerData: { folder, allName, umask } satisfies FileThreadData });
    this.#thread.on('message', (answer: FileThreadAnswer) => this.#onAnswer(answer));
    this.#thread.on('error', (error) => this.#onDeath(error));
    // `close` waits for pending work; otherwise a process may end without it. A message listener refs the thread again,
    // so this comes last.
    this.#thread.unref();
  }

  publish(batch: readonly Publication[]): void {
    if (this.#closed || batch.length === 0) return;
    if (this.#inPlace !== null) return this.#writeInPlace(this.#inPlace, batch);
    this.#deadlineMs = this.#options.deadlineMs?.() ?? null;
    for (const { pairId, text } of batch) this.#waiting.set(pairId, text);
    if (this.#endStallWatch === null) this.#handOver();
  }

  async close(): Promise<void> {
    if (this.#closed) return;
    this.#closed = true;
    if (this.#endStallWatch !== null) {
      await waitAtMost(this.#options.scheduler, CLOSE_GRACE_MS, (release) => (this.#whenIdle = release));
    }
    await this.#thread.terminate();
  }

  #handOver(): void {
    this.#endStallWatch = this.#options.scheduler.after(STALL_MS, () =>
      this.#note(this.#lost(`not written within ${STALL_MS} ms`)),
    );
    const batch: [number | null, ...string[]] = [this.#deadlineMs];
    for (const [pairId, text] of this.#waiting) {
      this.#lastHandedOver.set(pairId, text);
      batch.push(pairId, text);
    }
    this.#thread.postMessage(batch satisfies FileThreadBatch);
    // Not clear(): V8 links the old table to the new one, and each that gets old keeps all texts after it until a major
    // collection.
    this.#waiting = new Map();
  }

  #onAnswer(answer: FileThreadAnswer): void {
    this.retries = answer.retries;
    if (answer.isBetween) return this.#note(answer);
    this.#endStallWatch?.();
    this.#note(answer);
    if (this.#waiting.size > 0) this.#handOver();
    else this.#rest();
  }

  #onDeath(error: Error): void {
    this.#note(this.#lost(`the thread that writes them ended: ${error.message}`));
    const lastByPair = new Map([...this.#lastHandedOver, ...this.#waiting]);
    const last = [...lastByPair].map(([pairId, text]) => ({ pairId, text }));
    this.#writeInPlace(this.#inPlace ?? this.#openInPlace(), last);
    this.#rest();
  }

  #rest(): void {
    this.#endStallWatch?.();
    this.#endStallWatch = null;
    this.#whenIdle?.();
  }

  #note({ failures, failing, seen }: Outcome): void {
    const wasFailing = this.failing > 0;
    this.failures += failures;
    this.failing = failing;
    if (failing > 0 && !wasFailing) this.#options.onFailure(new MinutehandError('PUBLISH_FILE', { seen }));
    else if (failing === 0 && wasFailing) this.#options.onRecovered();
  }

  /** The number of files is unknown. */
  #lost(seen: string): Outcome {
    return { failures: 1, failing: Math.max(1, this.failing), seen };
  }

  #openInPlace(): FilePublisher {
    return (this.#inPlace = createFilePublisher({
      ...placeOf(this.#options),
      onFailure: (error) => (this.#seenInPlace = error.seen ?? error.message),
      onRecovered: () => undefined,
    }));
  }

  #writeInPlace(inPlace: FilePublisher, batch: readonly Publication[]): void {
    const before = inPlace.failures;
    this.#seenInPlace = '';
    inPlace.publish(batch);
    this.#note({ failures: inPlace.failures - before, failing: inPlace.failing, seen: this.#seenInPlace });
  }
}
