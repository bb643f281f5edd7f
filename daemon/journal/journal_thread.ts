import { existsSync } from 'node:fs';
import { Worker } from 'node:worker_threads';
import type { OpenTime } from '../../shared/bar.ts';
import { MinutehandError, type ErrorReport } from '../../shared/errors.ts';
import type { Scheduler } from '../../shared/ports.ts';
import type { JournalFile, JournalStore, ForgetBounds, PruneBounds, RowNumbers } from '../../shared/store/journal.ts';
import { waitAtMost } from '../threads/wait.ts';
import { appendBatches, type JournalBatch, type JournalWriter, type OnWritten } from './journal_writer.ts';

export interface JournalThreadOptions {
  readonly path: string;
  /** The journal at `path`: when the thread ends, it shows what was stored, and the caller writes to it. */
  readonly store: JournalFile;
  readonly scheduler: Scheduler;
  /** The thread's program as JavaScript; by default the compiled one beside this file. */
  readonly program?: URL;
  /** Called once, when the thread has failed. */
  onDeath(error: MinutehandError): void;
}

/** Everything the daemon writes to its journal while it runs. */
export interface JournalThread extends JournalWriter {
  /** See `JournalFile`. @throws MinutehandError JOURNAL_WRITE */
  prune(bounds: PruneBounds, limit: number): Promise<number>;
  /** See `JournalStore`. @throws MinutehandError JOURNAL_WRITE */
  forgetBefore(time: OpenTime): Promise<void>;
  /** See `JournalFile`. @throws MinutehandError JOURNAL_WRITE */
  forgetMinutes(bounds: ForgetBounds): Promise<void>;
  /** Releases the file. A write that is in progress is waited for, but not longer than CLOSE_GRACE_MS. */
  close(): Promise<void>;
}

export interface JournalThreadData {
  readonly path: string;
}

export type JournalTask =
  | { readonly kind: 'write'; readonly batches: readonly JournalBatch[] }
  | { readonly kind: 'prune'; readonly bounds: PruneBounds; readonly limit: number }
  | { readonly kind: 'forget'; readonly before: OpenTime }
  | { readonly kind: 'forget_minutes'; readonly bounds: ForgetBounds }
  | { readonly kind: 'close' };

/** @param done batches that were stored, or signals that were passed */
export interface JournalTaskAnswer {
  readonly done: number;
  readonly refusal: (ErrorReport & { readonly seen?: string }) | null;
  /** After a deletion, which may have taken the newest rows. */
  readonly newest?: RowNumbers;
}

const PROGRAM = new URL('./journal_thread_program.js', import.meta.url);
/** SQLite waits for the lock of another process for 5 s. */
const CLOSE_GRACE_MS = 6_000;

/**
 * Writes the journal on a worker thread: commits, checkpoints and a stalled disk do not block the caller.
 * Without a compiled program (tests run the sources), and after the thread has ended, the caller writes.
 */
export function openJournalThread(options: JournalThreadOptions): JournalThread {
  return new WriterThread(options);
}

interface Pending {
  readonly task: JournalTask;
  onAnswer(answer: JournalTaskAnswer): void;
}

class WriterThread implements JournalThread {
  readonly #options: JournalThreadOptions;
  /** null: this thread writes. */
  #thread: Worker | null = null;
  /** Tasks of the thread, oldest first. */
  #pending: Pending[] = [];
  /** The journal's newest rows, as answered writes leave it. */
  #newest: RowNumbers;
  #error: Error | null = null;
  #isClosing = false;
  #whenIdle: () => void = () => undefined;

  constructor(options: JournalThreadOptions) {
    const { path, store, program = PROGRAM } = options;
    this.#options = options;
    this.#newest = store.newestRows();
    if (!existsSync(program)) return;
    const thread = new Worker(program, { workerData: { path } satisfies JournalThreadData });
    thread.on('message', (answer: JournalTaskAnswer) => this.#onAnswer(answer));
    thread.on('error', (error) => (this.#error = error));
    thread.on('exit', (code) => this.#onExit(code));
    // `close` waits for it. A message listener refs the thread, so this comes last.
    thread.unref();
    this.#thread = thread;
  }

  write(batches: readonly JournalBatch[], onWritten: OnWritten): void {
    this.#give({ kind: 'write', batches }, ({ done, refusal }) => {
      this.#newest = rowsAfter(this.#newest, batches.slice(0, done));
      onWritten(done, refusal);
    });
  }

  prune(bounds: PruneBounds, limit: number): Promise<number> {
    return this.#ask({ kind: 'prune', bounds, limit });
  }

  async forgetBefore(before: OpenTime): Promise<void> {
    await this.#ask({ kind: 'forget', before });
  }

  async forgetMinutes(bounds: ForgetBounds): Promise<void> {
    await this.#ask({ kind: 'forget_minutes', bounds });
  }

  async close(): Promise<void> {
    if (this.#isClosing) return;
    this.#isClosing = true;
    const thread = this.#thread;
    if (thread === null) return;
    this.#give({ kind: 'close' }, () => this.#whenIdle());
    await waitAtMost(this.#options.scheduler, CLOSE_GRACE_MS, (release) => (this.#whenIdle = release));
    await thread.terminate();
  }

  #ask(task: JournalTask): Promise<number> {
    return new Promise((resolve, reject) => {
      this.#give(task, ({ done, refusal, newest = this.#newest }) => {
        this.#newest = newest;
        if (refusal === null) resolve(done);
        else reject(new MinutehandError(refusal.code, { seen: refusal.seen ?? refusal.message }));
      });
    });
  }

  #give(task: JournalTask, onAnswer: Pending['onAnswer']): void {
    if (this.#thread === null) return onAnswer(doTask(this.#options.store, task));
    this.#pending.push({ task, onAnswer });
    this.#thread.postMessage(task);
  }

  #onAnswer(answer: JournalTaskAnswer): void {
    this.#pending.shift()!.onAnswer(answer);
  }

  #onExit(code: number): void {
    this.#thread = null;
    if (this.#isClosing) return this.#whenIdle();
    const reason = this.#error === null ? `exit code ${code}` : this.#error.message;
    const death = new MinutehandError('JOURNAL_WRITE', { seen: `the thread that writes it ended: ${reason}` });
    this.#options.onDeath(death);
    // The oldest write may have been stored, or part of it.
    for (const { task, onAnswer } of this.#pending.splice(0))
      onAnswer(
        task.kind === 'write'
          ? finishWrite(this.#options.store, task.batches, this.#newest)
          : doTask(this.#options.store, task),
      );
  }
}

/** Stores the batches that a failed thread has not stored. @param before newest rows before the first */
export function finishWrite(
  store: JournalStore,
  batches: readonly JournalBatch[],
  before: RowNumbers,
): JournalTaskAnswer {
  const found = storedOf(batches, before, store.newestRows());
  const { stored, refusal } = appendBatches(store, batches.slice(found));
  return { done: found + stored, refusal };
}

/** Does the work of one task, on the thread and in its place. */
export function doTask(store: JournalFile, task: JournalTask): JournalTaskAnswer {
  if (task.kind === 'write') {
    const { stored, refusal } = appendBatches(store, task.batches);
    return { done: stored, refusal };
  }
  try {
    let done = 0;
    if (task.kind === 'prune') done = store.prune(task.bounds, task.limit);
    else if (task.kind === 'forget') store.forgetBefore(task.before);
    else if (task.kind === 'forget_minutes') store.forgetMinutes(task.bounds);
    else {
      store.close();
      return { done, refusal: null };
    }
    return { done, refusal: null, newest: store.newestRows() };
  } catch (error) {
    if (!(error instanceof MinutehandError)) throw error;
    return { done: 0, refusal: { ...error.toJSON(), ...(error.seen === undefined ? {} : { seen: error.seen }) } };
  }
}

function rowsAfter(newest: RowNumbers, batches: readonly JournalBatch[]): RowNumbers {
  let { inputs, signals, shadows } = newest;
  for (const batch of batches) {
    inputs += batch.inputs.length;
    signals += batch.signals.length;
    shadows += batch.shadows.length;
  }
  return { inputs, signals, shadows };
}

/** How many of the batches are in a journal whose newest rows were `before` and are `now`. */
function storedOf(batches: readonly JournalBatch[], before: RowNumbers, now: RowNumbers): number {
  let stored = 0;
  for (let after = before; stored < batches.length; stored++) {
    after = rowsAfter(after, [batches[stored]!]);
    if (after.inputs > now.inputs || after.signals > now.signals || after.shadows > now.shadows) break;
  }
  // A feed position alone has no row: it is written again.
  while (stored > 0 && rowCount(batches[stored - 1]!) === 0) stored--;
  return stored;
}

function rowCount({ inputs, signals, shadows }: JournalBatch): number {
  return inputs.length + signals.length + shadows.length;
}
