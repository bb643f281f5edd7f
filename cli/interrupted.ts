import type { Output } from './output.ts';

/** As a shell reports a program that Ctrl-C ended: 128 and the number of SIGINT. */
const INTERRUPTED = 130;

/**
 * Ends by the signal itself, which a shell reports as 130, or 143 after SIGTERM. `process.exit` first waits for the
 * threads that read files: a read from a pipe or from a file server that does not answer would hold the process.
 */
function endBy(signal: NodeJS.Signals): void {
  if (process.platform === 'win32') process.exit(INTERRUPTED);
  process.removeAllListeners(signal);
  process.kill(process.pid, signal);
}

interface LongCommand {
  readonly output: Pick<Output, 'note'>;
  readonly progress: { stop(): void };
  /** What is there after the interruption, and how it continues; a sentence each. */
  kept(): readonly string[];
}

/** The last command that began: a process runs one. */
let answering: ((signal: NodeJS.Signals) => void) | null = null;
/** Writes that a person has ended the job of this process; null: it does none. */
let record: (() => Promise<void>) | null = null;

/**
 * Keeps the end of the job of this process by Ctrl-C, and by SIGTERM where a person has started it: the trainer ends
 * its own ones at once.
 * @param keep within about a second; never rejects
 * @returns a function that forgets it, when the job has ended
 */
export function recordInterruption(keep: () => Promise<void>, isOfPerson: boolean): () => void {
  record = keep;
  // For a command that has not called `tellWhenInterrupted`.
  const unanswered = (signal: NodeJS.Signals): void => {
    if (answering === null) void keep().then(() => endBy(signal));
  };
  const asked = (signal: NodeJS.Signals): void => (answering ?? unanswered)(signal);
  process.once('SIGINT', unanswered);
  if (isOfPerson) process.once('SIGTERM', asked);
  return () => {
    record = null;
    process.off('SIGINT', unanswered);
    process.off('SIGTERM', asked);
  };
}

/**
 * Answers Ctrl-C during a long command at once: what has been kept, and exit code 130. A second Ctrl-C ends it without
 * an answer.
 */
export function tellWhenInterrupted({ output, progress, kept }: LongCommand): void {
  if (answering !== null) process.off('SIGINT', answering);
  answering = (signal) => {
    progress.stop();
    output.note('Interrupted.');
    for (const line of kept()) output.note(line);
    if (record === null) endBy(signal);
    else void record().then(() => endBy(signal));
  };
  process.once('SIGINT', answering);
}
