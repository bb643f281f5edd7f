import { describeError, knownError, type MinutehandError } from '../shared/errors.ts';
import { maskSecrets } from '../shared/secrets.ts';
import { noteLine, PROGRESS_FORM, PROGRESS_VARIABLE, progressLine } from '../trainer/jobs/progress/progress_line.ts';
import { onOneSidedEpoch } from '../trainer/learning/learners/program/one_sided_epochs.ts';
import { asTyped } from './typed_command.ts';
import { ProgressBar } from './progress_bar.ts';

/** Exit codes. Nothing done is a failure; a part done has a code of its own, and the rest is on standard error. */
export const DONE = 0;
export const FAILED = 1;
export const MISUSED = 2;
export const PARTLY_DONE = 3;

/** Output of a command: results on stdout, everything else on stderr, so that `--json` can be piped. */
export interface Output {
  readonly json: boolean;
  /** A result for people; silent with --json. */
  line(text: string): void;
  /** Status lines of a process that keeps running: on standard output for people, on standard error with --json. */
  print(text: string): void;
  /** A remark beside the result. */
  note(text: string): void;
  /** What the command has not done, and why: on standard error, and as the reason in the record of its job. */
  missing(text: string): void;
  /** The result for programs, as one JSON document; silent without --json. */
  result(value: unknown): void;
  /**
   * What the command has changed, for the audit; null: nothing of this installation. Without a call, a command of
   * `AUDITED_COMMANDS` is recorded with its arguments.
   */
  written(change: Change | null): void;
  /** A bar on a terminal, plain lines elsewhere; lines for the trainer in a process that it has started. */
  progress(): Progress;
}

/** A change by a command. `before` and `after` are any JSON. */
export interface Change {
  /** Where it is not the name of the command. */
  readonly action?: string;
  readonly target: string;
  readonly before?: unknown;
  readonly after?: unknown;
}

export interface Progress {
  update(stage: string, done: number, total: number): void;
  stop(): void;
}

const PLAIN_STEP = 0.25;

export function createOutput(json: boolean, onWritten: Output['written'] = () => undefined): Output {
  const note = (text: string): void => void process.stderr.write(`${shown(maskSecrets(text))}\n`);
  return {
    json,
    line: (text) => {
      if (!json) process.stdout.write(`${shown(text)}\n`);
    },
    print: (text) => void (json ? process.stderr : process.stdout).write(`${shown(text)}\n`),
    note,
    missing: note,
    result: (value) => {
      if (json) process.stdout.write(`${escapedJson(value)}\n`);
    },
    written: onWritten,
    progress: () => {
      if (process.env[PROGRESS_VARIABLE] === PROGRESS_FORM)
        return tellingEpochs(lineProgress(), (text) => void process.stderr.write(`${noteLine(text)}\n`));
      return tellingEpochs(process.stderr.isTTY ? terminalProgress() : plainProgress(), note);
    },
  };
}

/**
 * Text for a terminal: lines of a file may be quoted in it, whose control characters would move the cursor or change
 * colors. Line feeds and tabs stay.
 */
export function printable(text: string): string {
  // oxlint-disable-next-line no-control-regex
  return text.replaceAll(/[\u0000-\u0008\u000b-\u001f\u007f-\u009f\u200e\u200f\u202a-\u202e\u2066-\u2069]/g, '\ufffd');
}

/** As a person reads it. */
function shown(text: string): string {
  return asTyped(printable(text));
}

/** JSON leaves some control characters as they are, which a terminal would act on. */
function escapedJson(value: unknown): string {
  const escape = (letter: string): string => `\\u${letter.charCodeAt(0).toString(16).padStart(4, '0')}`;
  // oxlint-disable-next-line no-control-regex
  return JSON.stringify(value).replaceAll(/[\u007f-\u009f\u200e\u200f\u202a-\u202e\u2066-\u2069]/g, escape);
}

/** Until it stops, epochs of networks that call one side too often are told as they happen. */
function tellingEpochs(progress: Progress, tell: (text: string) => void): Progress {
  const end = onOneSidedEpoch(tell);
  return {
    update: (stage, done, total) => progress.update(stage, done, total),
    stop() {
      end();
      progress.stop();
    },
  };
}

/** A line for each stage, and for each percent of it. */
function lineProgress(): Progress {
  let last = '';
  return {
    update(stage, done, total) {
      const percent = total > 0 ? Math.floor((done / total) * 100) : 100;
      const key = `${percent} ${stage}`;
      if (key === last) return;
      last = key;
      process.stderr.write(`${progressLine(stage, done, total)}\n`);
    },
    stop: () => undefined,
  };
}

function terminalProgress(): Progress {
  return new ProgressBar(process.stderr, () => performance.now());
}

function plainProgress(): Progress {
  let current = '';
  let nextShare = 0;
  return {
    update(stage, done, total) {
      if (stage !== current) nextShare = 0;
      current = stage;
      const share = total === 0 ? 1 : done / total;
      if (share < nextShare) return;
      process.stderr.write(`${stage}: ${Math.floor(share * 100)} %\n`);
      nextShare = Math.min(1, Math.floor(share / PLAIN_STEP) * PLAIN_STEP + PLAIN_STEP) + (share >= 1 ? 1 : 0);
    },
    stop: () => undefined,
  };
}

/**
 * A reader that ends early (`| head`), or a parent that has ended, closes the pipe: this is no defect. A write in
 * progress still fails.
 */
export function tolerateClosedPipes(): void {
  for (const stream of [process.stdout, process.stderr])
    if (!stream.listeners('error').includes(throwUnlessClosed)) stream.on('error', throwUnlessClosed);
}

function throwUnlessClosed(error: unknown): void {
  if (!isClosedPipe(error)) throw error;
}

export function isClosedPipe(error: unknown): boolean {
  return (error as NodeJS.ErrnoException | null)?.code === 'EPIPE';
}

/**
 * Ends a command that has shown its result: with FAILED where none of it was done, else with PARTLY_DONE where
 * something is missing.
 */
export function endPartly(missing: readonly string[], isAnyDone: boolean, output: Pick<Output, 'missing'>): void {
  if (isAnyDone && missing.length === 0) return;
  for (const text of missing) output.missing(text);
  process.exitCode = isAnyDone ? PARTLY_DONE : FAILED;
}

/** One line for standard error, as an error that ends a command has it. */
export function problemText(error: MinutehandError): string {
  const { code, message, next } = describeError(error);
  return `${code}: ${message}\n  → ${next}`;
}

/** Shows the error and the next step. @returns the exit code: 2 for misuse, else 1 */
export function showError(error: unknown, json: boolean): number {
  const report = describeError(error);
  const { code, message, next } = report;
  if (json) process.stdout.write(`${JSON.stringify({ error: report })}\n`);
  process.stderr.write(`${shown(`${code}: ${message}`)}\n  → ${shown(next)}\n`);
  if (knownError(error) === null && error instanceof Error) process.stderr.write(`${maskSecrets(error.stack ?? '')}\n`);
  return code === 'USAGE' ? MISUSED : FAILED;
}
