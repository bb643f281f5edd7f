import * as z from 'zod';
import { describeError, knownError, MinutehandError, type ErrorReport } from '../errors.ts';
import type { Scheduler } from '../ports.ts';
import { CHECK_EVERY_MS, CHECK_TIMEOUT_MS, type DependencyName } from './table.ts';

/** A failed dependency, as `/healthz` shows it. */
export interface DependencyFault extends ErrorReport {
  readonly dependency: DependencyName;
  /** Of the first failed check, ISO 8601. */
  readonly since: string;
}

export const dependencyFaultSchema = z.looseObject({
  dependency: z.string(),
  code: z.string(),
  message: z.string(),
  next: z.string(),
  since: z.string(),
});

/** Throws when the dependency fails. */
export type DependencyCheck = () => void | Promise<void>;

/** A dependency that is not used has none. */
export type DependencyChecks = Readonly<Partial<Record<DependencyName, DependencyCheck>>>;

export interface DependencyWatchOptions {
  readonly checks: DependencyChecks;
  readonly scheduler: Scheduler;
  nowMs(): number;
  /** Called at the first failed check after a good one, and when the code changes. */
  onFault(fault: DependencyFault): void;
  /** Called at the first good check after a failed one. */
  onWell(dependency: DependencyName): void;
  /** Resolves when this thread may be used. */
  whenIdle?(): Promise<unknown>;
  readonly everyMs?: number;
  readonly timeoutMs?: number;
}

const TIMEOUT_PARTS = 8;

/** Checks dependencies at regular times, each on its own: one that hangs delays no other. */
export class DependencyWatch {
  readonly #options: DependencyWatchOptions;
  readonly #faults = new Map<DependencyName, DependencyFault>();
  /** Checks that have not ended, by the time of their start. */
  readonly #pending = new Map<DependencyName, Promise<void>>();
  #stop: () => void = () => undefined;
  #isStopped = false;

  constructor(options: DependencyWatchOptions) {
    this.#options = options;
  }

  /** The checked dependencies; true = well. */
  get states(): readonly (readonly [DependencyName, boolean])[] {
    return this.#names().map((name) => [name, !this.#faults.has(name)] as const);
  }

  get faults(): readonly DependencyFault[] {
    return [...this.#faults.values()];
  }

  start(): void {
    this.#stop = this.#options.scheduler.every(this.#options.everyMs ?? CHECK_EVERY_MS, () => void this.look());
    void this.look();
  }

  stop(): void {
    this.#isStopped = true;
    this.#stop();
  }

  /** Checks now, in addition to the scheduled checks. Never rejects. */
  async look(): Promise<void> {
    await this.#options.whenIdle?.();
    await Promise.all(this.#names().map((name) => this.#check(name)));
  }

  #names(): readonly DependencyName[] {
    return Object.keys(this.#options.checks) as DependencyName[];
  }

  async #check(name: DependencyName): Promise<void> {
    let cancel = (): void => undefined;
    const late = new Promise<'late'>((resolve) => {
      cancel = this.#afterTimeout(() => resolve('late'));
    });
    try {
      const outcome = await Promise.race([this.#run(name), late]);
      if (outcome === 'late') this.#fails(name, new MinutehandError('FOLDER_UNUSABLE', { seen: `${name}: no answer` }));
      else this.#succeeds(name);
    } catch (error) {
      this.#fails(name, error);
    } finally {
      cancel();
    }
  }

  /**
   * Runs `work` when the time for an answer is over. The time passes in parts, each begun in a turn of the event loop
   * in which answers are read: while this process computes, or waits for a processor, no more than one part passes.
   * @returns a function that cancels it
   */
  #afterTimeout(work: () => void): () => void {
    const { scheduler, timeoutMs = CHECK_TIMEOUT_MS } = this.#options;
    let left = TIMEOUT_PARTS;
    let cancel = (): void => undefined;
    const wait = (): void => {
      cancel = scheduler.after(timeoutMs / TIMEOUT_PARTS, () => (--left === 0 ? work() : wait()));
    };
    wait();
    return () => cancel();
  }

  /** A check that hangs is not started a second time. */
  #run(name: DependencyName): Promise<void> {
    const running = this.#pending.get(name);
    if (running !== undefined) return running;
    const started = Promise.resolve()
      .then(() => this.#options.checks[name]!())
      .finally(() => this.#pending.delete(name));
    this.#pending.set(name, started);
    return started;
  }

  #fails(name: DependencyName, error: unknown): void {
    if (this.#isStopped) return;
    const { code, message, next } = describeError(knownError(error) ?? error);
    const before = this.#faults.get(name);
    const since = before?.since ?? new Date(this.#options.nowMs()).toISOString();
    const fault: DependencyFault = { dependency: name, code, message, next, since };
    this.#faults.set(name, fault);
    if (before?.code !== code) this.#options.onFault(fault);
  }

  #succeeds(name: DependencyName): void {
    if (this.#faults.delete(name) && !this.#isStopped) this.#options.onWell(name);
  }
}
