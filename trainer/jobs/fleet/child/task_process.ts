import { spawn, type ChildProcess } from 'node:child_process';
import { join } from 'node:path';
import { MinutehandError } from '../../../../shared/errors.ts';
import { residentBytes } from '../../../../shared/process/memory.ts';
import { idlePrefix, lowerPriority } from '../../../../shared/process/process_priority.ts';
import { packageRoot } from '../../../../shared/root.ts';
import { SentArrays } from './child_arrays.ts';
import type { MemoryGroup, MemoryGroups } from './memory_group.ts';
import type { ChildAnswer, ChildTask } from './task_child.ts';
import { withoutSecretVariables } from '../../../../shared/secrets.ts';

/** The compiled program, so that sources and built code start the same children. */
const PROGRAM = 'dist/trainer/jobs/fleet/child/task_child.js';
const MIB = 2 ** 20;
const WATCH_MS = 100;
/** Of its standard error, in characters. */
const SHOWN = 400;
/** Of the memory limit: data that a child keeps for later tasks, and what it may hold beside that between tasks. */
const KEPT_SHARE = 0.2;
const REST_SHARE = 0.5;

export const TASK_PRIORITIES = ['idle', 'low'] as const;
export type TaskPriority = (typeof TASK_PRIORITIES)[number];

export interface TaskLimits {
  /** Resident memory of the child. */
  readonly memoryBytes: number;
  /** Of one task, from its begin in a child that has started. */
  readonly timeMs: number;
  /** idle: it runs while no other process wants its core (SCHED_IDLE, where there is); low: with the least weight. */
  readonly priority: TaskPriority;
}

export interface TaskWatch {
  onTree(done: number, total: number): void;
  readonly signal: AbortSignal | undefined;
}

/** A timer of Node takes no more: 24 days. */
const LONGEST_MS = 2 ** 31 - 1;

/** A child process that does tasks one after the other, within limits. */
export class TaskProcess {
  readonly #limits: TaskLimits;
  readonly #child: ChildProcess;
  readonly #sent: SentArrays;
  readonly #group: MemoryGroup | null;
  #lastWords = '';
  #end: string | null = null;
  /** Whether the kernel has ended it for its memory. */
  #wasOver = false;
  /** As the child reports it, where the system does not tell. */
  #reported = 0;

  /** @param groups null: only looks at the memory limit it */
  constructor(limits: TaskLimits, groups: MemoryGroups | null) {
    this.#limits = limits;
    this.#sent = new SentArrays(KEPT_SHARE * limits.memoryBytes);
    const command = [
      ...(limits.priority === 'idle' ? idlePrefix() : []),
      process.execPath,
      `--max-old-space-size=${Math.ceil(limits.memoryBytes / MIB)}`,
      join(packageRoot(), PROGRAM),
      `${process.pid}`,
    ];
    this.#child = spawn(command[0]!, command.slice(1), {
      stdio: ['ignore', 'ignore', 'pipe', 'ipc'],
      serialization: 'advanced',
      // Makes it a session leader: see `lowerPriority`, and Ctrl-C in a terminal reaches the worker alone.
      detached: true,
      windowsHide: true,
      env: withoutSecretVariables(),
    });
    this.#child.stderr!.on('data', (data: Buffer) => {
      this.#lastWords = (this.#lastWords + data.toString('utf8')).slice(-4 * SHOWN);
    });
    this.#child.on('error', (error) => (this.#end ??= error.message));
    const { pid } = this.#child;
    this.#group = (pid !== undefined && groups?.add(pid, limits.memoryBytes)) || null;
    this.#child.on('exit', (code, signal) => {
      this.#end ??= signal ?? `exit code ${code}`;
      this.#wasOver = this.#group?.hasKilled() ?? false;
      this.#group?.remove();
    });
    if (pid !== undefined) lowerPriority(pid);
  }

  /** Whether it can do another task. Memory that it did not give back could be charged to the next one. */
  get isFit(): boolean {
    if (this.#end !== null) return false;
    return this.#resident() - this.#sent.bytes <= REST_SHARE * this.#limits.memoryBytes;
  }

  /**
   * Does a task; no other may be running.
   * @returns the result, with equal bits as on a thread
   * @throws MinutehandError the refusal of the task; TASK_MEMORY, TASK_TIME, LEARNER_PROCESS, after which the child is
   * gone; the reason of the signal, likewise
   */
  run<Result>(task: ChildTask, { onTree, signal }: TaskWatch): Promise<Result> {
    const child = this.#child;
    const { memoryBytes, timeMs } = this.#limits;
    return new Promise((resolve, reject) => {
      const settle = (act: () => void): void => {
        clearTimeout(timer);
        clearInterval(watching);
        child.off('message', onMessage).off('exit', onExit).off('error', onExit);
        signal?.removeEventListener('abort', onAbort);
        act();
      };
      const stop = (error: unknown): void =>
        settle(() => {
          this.kill();
          reject(error as Error);
        });
      const onMessage = (answer: ChildAnswer): void => {
        if ('begun' in answer) timer.refresh();
        else if ('done' in answer) {
          this.#reported = answer.residentBytes;
          onTree(answer.done, answer.total);
        } else if ('result' in answer) settle(() => resolve(answer.result as Result));
        else {
          const { code, detail } = answer.error;
          settle(() => reject(new MinutehandError(code, detail)));
        }
      };
      const onExit = (): void => settle(() => reject(this.#ended(task)));
      const onAbort = (): void => stop(signal!.reason);
      const timer = setTimeout(
        () => stop(new MinutehandError('TASK_TIME', { seen: `${nameOf(task)}: more than ${timeMs / 1000} s` })),
        Math.min(timeMs, LONGEST_MS),
      );
      const watching = setInterval(() => {
        const bytes = this.#resident();
        if (bytes > memoryBytes) stop(overMemory(task, bytes, memoryBytes));
      }, WATCH_MS);
      if (this.#end !== null) return onExit();
      child.on('message', onMessage).on('exit', onExit).on('error', onExit);
      signal?.addEventListener('abort', onAbort);
      // A child that is gone says so by its exit.
      child.send(this.#sent.pack(task) as object as never, () => undefined);
    });
  }

  kill(): void {
    this.#end ??= 'SIGKILL';
    this.#child.kill('SIGKILL');
  }

  #ended(task: ChildTask): MinutehandError {
    // V8 ends a program whose heap is full by SIGABRT.
    const isFull = this.#lastWords.includes('heap out of memory');
    if (isFull || this.#wasOver) return overMemory(task, null, this.#limits.memoryBytes);
    const words = this.#lastWords.trim().slice(-SHOWN);
    const seen = `${nameOf(task)}: process ${this.#child.pid ?? '–'} ended by ${this.#end ?? 'a signal'}`;
    return new MinutehandError('LEARNER_PROCESS', { seen: words === '' ? seen : `${seen}: ${words}` });
  }

  #resident(): number {
    return residentBytes(this.#child.pid) ?? this.#reported;
  }
}

/** @param bytes null: it was ended for it before a look */
function overMemory(task: ChildTask, bytes: number | null, limit: number): MinutehandError {
  const had = bytes === null ? 'more than it got' : `${Math.round(bytes / MIB)} MB`;
  return new MinutehandError('TASK_MEMORY', {
    seen: `${nameOf(task)}: ${had} of at most ${Math.round(limit / MIB)} MB`,
  });
}

/** For people. */
function nameOf(work: ChildTask): string {
  if (work.kind === 'generation') return `generation ${work.task.state.generation + 1} of a search of rules`;
  const { engine, rows, subset } = work.task;
  return `a fit of ${engine} on ${subset.length} of ${rows.x.rows} rows and ${rows.x.columns} columns`;
}
