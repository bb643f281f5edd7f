import type { Output } from './output.ts';

/** As a shell reports a program that Ctrl-C ended: 128 and the number of SIGINT. */
const INTERRUPTED = 130;

/**
 * Ends by the signal itself, which a shell reports as 130. `process.exit` first waits for the threads that read files:
 * a read from a pipe or from a file server that does not answer would hold the process.
 */
function endInterrupted(): void {
  if (process.platform === 'win32') process.exit(INTERRUPTED);
  process.removeAllListeners('SIGINT');
  process.kill(process.pid, 'SIGINT');
}

interface LongCommand {
  readonly output: Pick<Output, 'note'>;
  readonly progress: { stop(): void };
  /** What is there after the interruption, and how it continues; a sentence each. */
  kept(): readonly string[];
}

/** The last command that began: a process runs one. */
let answering: (() => void) | null = null;
/** Writes that a person has ended the job of this process; null: it does none. */
let record: (() => Promise<void>) | null = null;

/** @param keep within about a second; never rejects. @returns a function that forgets it, when the job has ended */
export function recordInterruption(keep: () => Promise<void>): () => void {
  record = keep;
  // For a command that has not called `tellWhenInterrupted`.
  const unanswered = (): void => {
    if (answering === null) void keep().then(endInterrupted);
  };
  process.once('SIGINT', unanswered);
  return () => {
    record = null;
    process.off('SIGINT', unanswered);
  };
}

/**
 * Answers Ctrl-C during a long command at once: what has been kept, and exit code 130. A second Ctrl-C ends it without
 * an answer.
 */
export function tellWhenInterrupted({ output, progress, kept }: LongCommand): void {
  if (answering !== null) process.off('SIGINT', answering);
  answering = () => {
    progress.stop();
    output.note('Interrupted.');
    for (const line of kept()) output.note(line);
    if (record === null) endInterrupted();
    else void record().then(endInterrupted);
  };
  process.once('SIGINT', answering);
}
