import { spawn } from 'node:child_process';
import { createInterface } from 'node:readline';
import { errorLine } from '../../../shared/error_line.ts';
import type { ErrorReport } from '../../../shared/errors.ts';
import type { RetrainPolicy } from '../../../shared/policy/schema.ts';
import { lowerPriority, lowPriorityPrefix } from '../../../shared/process/process_priority.ts';
import { withoutPrivateKeys } from '../../../shared/secrets.ts';
import { WAITING, watchProcessorWait } from '../../jobs/progress/processor_wait.ts';
import {
  PROGRESS_FORM,
  PROGRESS_VARIABLE,
  readNoteLine,
  readProgressLine,
  type ProgressLine,
} from '../../jobs/progress/progress_line.ts';

/** Time to end after a request, before it is killed. */
const END_MS = 5000;
/** Maximum length of an error message; a library may write a megabyte. */
const SHOWN_CHARACTERS = 500;

/** Behind the program and its first arguments: does the job on standard input, and prints its result as JSON. */
export const RUN_JOB = ['job', 'run', '-', '--json'] as const;

export interface CommandEnd {
  /** null: ended by a signal, or not started. */
  readonly code: number | null;
  /** Standard output. */
  readonly answer: string;
  /** Last line of standard error, without progress. */
  readonly lastLine: string;
}

export interface CommandProcess {
  readonly pid: number | null;
  /** Never rejects. */
  readonly ended: Promise<CommandEnd>;
  /** Terminates it, and kills it when it does not end. */
  stop(): void;
}

export interface CommandOptions {
  /** Program and all arguments of the command line. */
  readonly command: readonly string[];
  readonly env?: NodeJS.ProcessEnv;
  /** Whether it signs what it makes: only then it knows the private keys. */
  readonly signs?: boolean;
  /** Whether it runs at low priority and leaves a core free; default true. */
  readonly yields?: boolean;
  /** Standard input; default: none. */
  readonly input?: string;
  /** In characters; killed beyond. No limit when absent. */
  readonly maxAnswer?: number;
  onProgress(line: ProgressLine): void;
  /** Remarks of the command; default: they are left out. */
  onNote?(text: string): void;
}

/** Whether jobs run at low priority and leave a core free. */
export function jobsYield({ retrain_job_priority }: Pick<RetrainPolicy, 'retrain_job_priority'>): boolean {
  return retrain_job_priority === 'idle';
}

/** Runs a command of minutehand in a process of its own that answers on standard output and reports its progress. */
export function startCommand(options: CommandOptions): CommandProcess {
  const { command, env, signs = false, yields = true, maxAnswer = Infinity, input, onProgress, onNote } = options;
  const [program, ...args] = yields ? [...lowPriorityPrefix(), ...command] : command;
  const child = spawn(program!, args, {
    stdio: [input === undefined ? 'ignore' : 'pipe', 'pipe', 'pipe'],
    // Makes it a session leader: see `lowerPriority`.
    detached: true,
    windowsHide: true,
    env: { ...(signs ? process.env : withoutPrivateKeys()), [PROGRESS_VARIABLE]: PROGRESS_FORM, ...env },
  });
  if (input !== undefined) {
    // A process that ends before it has read its input reports why by its exit code.
    child.stdin!.on('error', () => undefined);
    child.stdin!.end(input);
  }
  if (yields && child.pid !== undefined) lowerPriority(child.pid);
  let answer = '';
  let lastLine = '';
  let newest: ProgressLine = { stage: 'starting', share: 0 };
  const stopWatching =
    yields && child.pid !== undefined
      ? watchProcessorWait(child.pid, (isWaiting) =>
          onProgress(isWaiting ? { ...newest, stage: `${newest.stage}, ${WAITING}` } : newest),
        )
      : () => undefined;
  child.stdout!.on('data', (data: Buffer) => {
    answer += data.toString('utf8');
    if (answer.length > maxAnswer) child.kill('SIGKILL');
  });
  createInterface({ input: child.stderr! }).on('line', (line) => {
    const progress = readProgressLine(line);
    const note = readNoteLine(line);
    if (progress !== null) onProgress((newest = progress));
    else if (note !== null) onNote?.(note.slice(0, SHOWN_CHARACTERS));
    else if (line.trim() !== '') lastLine = line.slice(0, SHOWN_CHARACTERS);
  });
  let lastResort: NodeJS.Timeout | undefined;
  const ended = new Promise<number | null>((resolve) => {
    child.on('error', () => resolve(null));
    child.on('close', resolve);
  });
  void ended.then(() => {
    clearTimeout(lastResort);
    stopWatching();
  });
  return {
    pid: child.pid ?? null,
    ended: ended.then((code) => ({ code, answer, lastLine })),
    stop() {
      child.kill('SIGTERM');
      lastResort ??= setTimeout(() => void child.kill('SIGKILL'), END_MS).unref();
    },
  };
}

/** Answer of a command with `--json`, or why there is none. */
export type CommandAnswer = { readonly document: string } | { readonly error: string };

/** @param name of the work, as an error names it */
export function answerOf({ answer, code, lastLine }: CommandEnd, name: string): CommandAnswer {
  try {
    const { error } = JSON.parse(answer) as { error?: ErrorReport };
    return error === undefined ? { document: answer } : { error: errorLine(error) };
  } catch {
    const end = `${name} ended with ${code ?? 'a signal'}`;
    return { error: lastLine === '' ? end : `${end}: ${lastLine}` };
  }
}
