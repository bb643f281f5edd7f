import { spawn, type ChildProcessWithoutNullStreams } from 'node:child_process';
import { MinutehandError } from '../../../../shared/errors.ts';
import { LEARNER_MEMORY } from '../../../../shared/policy/environment.ts';
import { residentBytes } from '../../../../shared/process/memory.ts';
import { InTurn } from '../../../../shared/in_turn.ts';
import { outsideEnvironment } from '../../../../shared/secrets.ts';
import { endGroupWithThisProcess } from './group_watch.ts';
import { MEMORY_LOOK_MS, type ProgramLimits } from './limits.ts';
import { withoutNetwork } from './network.ts';
import {
  answerSchema,
  helloSchema,
  PROTOCOL_VERSION,
  type Done,
  type Hello,
  type ProgramRequest,
  type ProgramTask,
  type SeenEpoch,
} from './protocol.ts';

/** A program that has said nothing for so long is ended: it reports its progress while it learns. */
export const LONGEST_SILENCE_MS = 600_000;
const HELLO = `{"minutehand_learner": ${PROTOCOL_VERSION}, "name": "…", "tasks": ["binary"]}`;
const STDERR_CHARACTERS = 2000;
/** Of an answer: the probabilities of some hundred rows, and those of each epoch. */
const MAX_LINE_CHARACTERS = 16 * 2 ** 20;
/** Windows has no groups of processes. */
const GROUPS = process.platform !== 'win32';
/** A timer of Node takes no more. */
const LONGEST_TIMER_MS = 2 ** 31 - 1;

export interface FitOptions {
  readonly signal?: AbortSignal | undefined;
  /** @param share done, 0 to 1 */
  readonly onProgress?: ((share: number) => void) | undefined;
  /** @param share done, 0 to 1 */
  readonly onEpoch?: ((epoch: SeenEpoch, share: number) => void) | undefined;
}

interface Waiting extends FitOptions {
  readonly id: number;
  resolve(done: Done): void;
  reject(error: unknown): void;
}

/**
 * The program of a learner: started at the first fit, kept for the next ones (a start with a large library takes
 * seconds), and ended with this process. One fit at a time. A program that ends, breaks the protocol or is silent fails
 * the fit; the next fit starts it anew.
 */
export class ProgramProcess {
  readonly #command: readonly string[];
  readonly #limits: ProgramLimits;
  readonly #variables: Readonly<Record<string, string>>;
  #child: ChildProcessWithoutNullStreams | null = null;
  #hello: Hello | null = null;
  #greeted: ((hello: Hello) => void) | null = null;
  #waiting: Waiting | null = null;
  #silence: NodeJS.Timeout | null = null;
  /** Of the fit. */
  #timers: NodeJS.Timeout[] = [];
  #stderr = '';
  readonly #turns = new InTurn(null);

  /**
   * @param command a program and its arguments
   * @param variables for its environment
   */
  constructor(command: readonly string[], limits: ProgramLimits, variables: Readonly<Record<string, string>> = {}) {
    this.#command = command;
    this.#limits = limits;
    this.#variables = variables;
  }

  /** Runs the work when all earlier work with this program is done: files of waiting fits are not written yet. */
  inTurn<Result>(work: () => Promise<Result>): Promise<Result> {
    return this.#turns.own(work);
  }

  /**
   * One at a time: `inTurn`.
   * @returns the program's answer, and how it calls itself
   * @throws MinutehandError LEARNER_FAILED, LEARNER_MEMORY; LEARNER_TASK for a task that the program does not name; the
   * reason of the signal once that is aborted
   */
  async fit(request: ProgramRequest, options: FitOptions): Promise<Done & { readonly name: string }> {
    const { signal } = options;
    signal?.throwIfAborted();
    const onAbort = (): void => this.#fail(signal!.reason);
    signal?.addEventListener('abort', onAbort);
    try {
      const done = await new Promise<Done>((resolve, reject) => {
        this.#waiting = { ...options, id: request.id, resolve, reject };
        const child = (this.#child ??= this.#start());
        hold(child, true);
        this.#listen();
        this.#limit(child);
        const ask = (hello: Hello): void => {
          if (hello.tasks.includes(request.task)) child.stdin.write(`${JSON.stringify(request)}\n`);
          else reject(otherTask(hello, request.task));
        };
        if (this.#hello === null) this.#greeted = ask;
        else ask(this.#hello);
      });
      return { ...done, name: this.#hello?.name ?? '' };
    } finally {
      signal?.removeEventListener('abort', onAbort);
      if (this.#silence !== null) clearTimeout(this.#silence);
      for (const timer of this.#timers.splice(0)) clearTimeout(timer);
      this.#waiting = null;
      if (this.#child !== null) hold(this.#child, false);
    }
  }

  #start(): ChildProcessWithoutNullStreams {
    const [program, ...args] = this.#limits.network ? this.#command : withoutNetwork(this.#command);
    this.#hello = null;
    this.#stderr = '';
    const env = { ...outsideEnvironment(), ...this.#variables };
    // It leads a group, so that what it starts ends with it.
    const child = spawn(program!, args, { env, windowsHide: true, detached: GROUPS });
    if (running.size === 0) process.once('exit', endAll);
    running.add(child);
    if (GROUPS) endGroupWithThisProcess(child);
    child.once('exit', () => {
      running.delete(child);
      if (running.size === 0) process.off('exit', endAll);
      // What it has left behind.
      endGroup(child);
    });
    const isOwn = (): boolean => this.#child === child;
    child.on('error', ({ message }) => isOwn() && this.#fail(this.#failure(message)));
    child.on('exit', (code, signal) => {
      if (isOwn()) this.#fail(this.#failure(`ended with ${signal ?? `code ${code}`}`));
    });
    // It may end before it has read the request.
    child.stdin.on('error', () => undefined);
    child.stderr.setEncoding('utf8').on('data', (text: string) => {
      this.#stderr = (this.#stderr + text).slice(-STDERR_CHARACTERS);
    });
    let line = '';
    child.stdout.setEncoding('utf8').on('data', (text: string) => {
      const [end, ...next] = text.split('\n');
      line += end;
      for (const following of next) {
        if (isOwn()) this.#read(line);
        line = following;
      }
      if (line.length <= MAX_LINE_CHARACTERS || !isOwn()) return;
      line = '';
      this.#fail(this.#failure(`printed a line of more than ${MAX_LINE_CHARACTERS} characters`));
    });
    return child;
  }

  #listen(): void {
    if (this.#silence !== null) clearTimeout(this.#silence);
    this.#silence = setTimeout(
      () => this.#fail(this.#failure(`said nothing for ${LONGEST_SILENCE_MS / 60_000} minutes`)),
      LONGEST_SILENCE_MS,
    );
  }

  /** Ends the program when a fit takes too long or too much memory. */
  #limit(child: ChildProcessWithoutNullStreams): void {
    const { hours, memoryMb } = this.#limits;
    const tooLong = (): void => this.#fail(this.#failure(`has learned for ${hours} hours, its limit`));
    const look = (): void => {
      const used = (residentBytes(child.pid) ?? 0) / 2 ** 20;
      if (used <= memoryMb) return;
      this.#fail(
        new MinutehandError('LEARNER_MEMORY', {
          seen: `${this.#command.join(' ')}: ${Math.round(used)} MB`,
          expected: `at most ${memoryMb} MB`,
          next: `Lower train.max_rows, or set ${LEARNER_MEMORY} to more.`,
        }),
      );
    };
    this.#timers = [
      setTimeout(tooLong, Math.min(hours * 3_600_000, LONGEST_TIMER_MS)),
      setInterval(look, MEMORY_LOOK_MS),
    ];
  }

  #read(line: string): void {
    if (line.trim() === '') return;
    this.#listen();
    const json = parsed(line);
    if (this.#hello === null) {
      const hello = helloSchema.safeParse(json);
      if (!hello.success) return this.#fail(this.#failure(`began with ${quoted(line)}`, `a first line like ${HELLO}`));
      this.#hello = hello.data;
      this.#greeted?.(hello.data);
      return;
    }
    const waiting = this.#waiting;
    const answer = answerSchema.safeParse(json);
    if (!answer.success || waiting === null || answer.data.id !== waiting.id)
      return this.#fail(
        this.#failure(`printed ${quoted(line)}`, 'on standard output only answers to the request; all else on stderr'),
      );
    if ('progress' in answer.data) {
      const { progress, epoch } = answer.data;
      waiting.onProgress?.(progress);
      if (epoch !== undefined) waiting.onEpoch?.(epoch, progress);
    } else if ('error' in answer.data) waiting.reject(this.#failure(answer.data.error));
    else waiting.resolve(answer.data);
  }

  /** Ends the program. */
  #fail(reason: unknown): void {
    const child = this.#child;
    this.#child = null;
    if (child !== null) endGroup(child);
    this.#waiting?.reject(reason);
  }

  #failure(what: string, expected?: string): MinutehandError {
    const stderr = this.#stderr.trim();
    return new MinutehandError('LEARNER_FAILED', {
      seen: `${this.#command.join(' ')}: ${what}${stderr === '' ? '' : `; it said: ${stderr}`}`,
      ...(expected !== undefined && { expected }),
      next: 'Run the program by hand and give it a request: docs/guides/extend/WRITE_A_LEARNER.md.',
    });
  }
}

/** The refusal of a request that a program does not say it answers, by its name. */
function otherTask({ name, tasks, minutehand_learner }: Hello, task: ProgramTask): MinutehandError {
  return new MinutehandError('LEARNER_TASK', {
    seen: `${name}, ${task}: it speaks version ${minutehand_learner} of the protocol and learns ${tasks.join(', ')}`,
    expected: `a program whose first line names the task ${task}`,
    next:
      `Have it learn ${task} and greet with {"minutehand_learner": ${PROTOCOL_VERSION}, "name": "…", "tasks": ` +
      `${JSON.stringify([...tasks, task])}} (docs/guides/extend/WRITE_A_LEARNER.md), or use another engine.`,
  });
}

/** Programs of this process. */
const running = new Set<ChildProcessWithoutNullStreams>();
const endAll = (): void => running.forEach(endGroup);

/** Ends a program and all that it has started. */
function endGroup(child: ChildProcessWithoutNullStreams): void {
  if (child.pid === undefined) return;
  try {
    if (GROUPS) process.kill(-child.pid, 'SIGKILL');
    else child.kill('SIGKILL');
  } catch {
    // All of it has ended.
  }
}

/** Whether this process stays alive for the program. The program ends when its standard input does. */
function hold(child: ChildProcessWithoutNullStreams, isHeld: boolean): void {
  const streams = [child.stdin, child.stdout, child.stderr] as unknown as { ref(): void; unref(): void }[];
  for (const each of [child, ...streams]) {
    if (isHeld) each.ref();
    else each.unref();
  }
}

function parsed(line: string): unknown {
  try {
    return JSON.parse(line);
  } catch {
    return undefined;
  }
}

function quoted(line: string): string {
  return JSON.stringify(line.length > 200 ? `${line.slice(0, 200)}…` : line);
}
