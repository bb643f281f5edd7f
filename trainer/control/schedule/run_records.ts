import { MACHINE_CLOCK } from '../../../shared/clock.ts';
import type { Notifier } from '../notify/notifier.ts';
import type { TrainerOptions } from '../trainer_options.ts';
import type { BestEffort } from './best_effort.ts';
import type { RetrainRun } from './run.ts';
import { memoryOnly, openRunMemory, type RunMemory } from './run_memory.ts';
import { noticesOfRun, type RunNotices } from './run_notices.ts';
import type { StageTime } from '../../jobs/progress/run_progress.ts';
import { originOfRun } from '../../jobs/records/job_origin.ts';
import type { RecordedJob } from '../../jobs/records/job_records.ts';
import { memoryQueue } from './memory_queue.ts';
import type { RunQueue } from './run_queue.ts';

const SHOWN_RUNS = 50;

/** The training runs of this market: the list to show, and their storage. */
export class RunRecords {
  readonly #attempt: BestEffort;
  readonly #notifier: Notifier;
  readonly #runs: RetrainRun[] = [];
  #memory: RunMemory = memoryOnly();
  /** Ended runs that could not be stored, by id. */
  readonly #unkept = new Map<number, RetrainRun>();

  constructor(attempt: BestEffort, notifier: Notifier) {
    this.#attempt = attempt;
    this.#notifier = notifier;
  }

  async open(options: TrainerOptions): Promise<void> {
    this.#memory = await openRunMemory(options);
  }

  close(): Promise<void> {
    return this.#memory.close();
  }

  get queue(): RunQueue {
    return this.#memory.queue;
  }

  /** A registry for each shelf; null when runs are kept in memory only. */
  get registries(): RunMemory['registries'] {
    return this.#memory.registries;
  }

  /** Jobs of this installation that run, whoever started them; none without a store. */
  async runningJobs(): Promise<readonly RecordedJob[]> {
    const { jobs } = this.#memory;
    if (jobs === null) return [];
    await jobs.settleDead();
    return await jobs.list({ limit: 1000, statuses: ['running'], isHere: true });
  }

  /** Says of the jobs of a run that a person ends it: they end as canceled. */
  async cancelJobs(runId: number, by: string): Promise<void> {
    const { jobs } = this.#memory;
    if (jobs === null) return;
    for (const { job_id } of await jobs.list({ limit: 1000, statuses: ['running'], origin: originOfRun(runId) }))
      await jobs.cancel(job_id, by);
  }

  /** The newest runs, newest first, those of earlier trainers included. */
  get shown(): readonly RetrainRun[] {
    return this.#runs;
  }

  show(run: RetrainRun): void {
    this.#runs.unshift(run);
    this.#runs.length = Math.min(this.#runs.length, SHOWN_RUNS);
  }

  /** Shows the runs of earlier trainers. */
  async load(): Promise<void> {
    this.#runs.unshift(...(await this.queue.list(SHOWN_RUNS)));
    // After a crash between the two the audit may be behind.
    for (const run of this.#runs) await this.#memory.audit?.write(run);
  }

  audit(run: RetrainRun): Promise<void> {
    return this.#attempt('a run cannot be audited', () => this.#memory.audit?.write(run));
  }

  async keep(run: RetrainRun): Promise<void> {
    this.#unkept.set(run.run_id, { ...run });
    const notices = noticesOfRun(run);
    let isTold = false;
    await this.#attempt('a run cannot be stored', async () => {
      isTold = await this.queue.keep(run, notices);
      this.#unkept.delete(run.run_id);
    });
    if (!isTold) await this.#tell(notices);
    await this.audit(run);
  }

  /** Reports notices that were not stored together with their run. */
  async #tell({ raised, cleared }: RunNotices): Promise<void> {
    for (const key of cleared) await this.#notifier.clear(key);
    for (const notice of raised) await this.#notifier.raise(notice);
  }

  /** Stores ended runs again: one that seems to be in progress blocks all others. */
  async keepAgain(): Promise<void> {
    for (const run of [...this.#unkept.values()]) await this.keep(run);
  }

  /** First models are trained without a search, so that signals begin soon, and have nothing to compare with. */
  async lastStages({ kind, trigger }: RetrainRun): Promise<readonly StageTime[]> {
    let stages: readonly StageTime[] = [];
    if (trigger.code !== 'first_models')
      await this.#attempt('the last run cannot be read', async () => (stages = await this.queue.lastStages(kind)));
    return stages;
  }

  /** Continues with runs in memory only. */
  loseStore(): void {
    const queue = memoryQueue(MACHINE_CLOCK, this.#runs[0]?.run_id);
    this.#memory = { ...this.#memory, queue, registries: null, audit: null, jobs: null };
  }
}
