import { availableParallelism } from 'node:os';
import type { Logger } from 'pino';
import { MinutehandError } from '../../../shared/errors.ts';
import type { HomePaths } from '../../../shared/home.ts';
import type { Market } from '../../../shared/bar_file/bar_sink.ts';
import type { Clock } from '../../../shared/ports.ts';
import { atMostOneWaiting } from '../../../shared/in_turn.ts';
import type { Job } from '../../jobs/kinds/registry.ts';
import { jobSchema } from '../../jobs/kinds/registry.ts';
import { originEnv } from '../../jobs/records/job_origin.ts';
import { jobHost, JobRecords, type RecordedJob } from '../../jobs/records/job_records.ts';
import { coresOf, jobCores, lackFor } from '../../jobs/records/job_resources.ts';
import { queuedWork, type QueuedWork } from '../../jobs/records/queued_work.ts';
import { CANCEL_GRACE_MS, killMarked, markOf } from '../../jobs/records/process_mark.ts';
import type { Store } from '../../store/store.ts';
import { answerOf, RUN_JOB, startCommand, type CommandProcess } from '../schedule/command_process.ts';
import { availableMemoryBytes } from '../schedule/run_limits.ts';

const LOOK_MS = 2000;
const MAX_WAITING = 50;
const BYTES_PER_MB = 1024 * 1024;

export interface JobRunnerOptions {
  readonly market: Market;
  readonly paths: Pick<HomePaths, 'home'>;
  readonly log: Logger;
  readonly clock: Clock;
  /** Program and first arguments of the command line. */
  readonly command: readonly string[];
  /** `retrain_min_free_mb`: memory that a job of an unknown need must find. */
  readonly leastFreeMb: number;
  /** Whether jobs run at low priority and leave a core free. */
  readonly yields: boolean;
  /** @throws MinutehandError STORE_UNUSABLE */
  store(): Promise<Store>;
  /** Ends what the trainer calls `run:12` or `backtest:3`; a run or a backtest that has ended is left alone. */
  cancelOrigin(origin: string): Promise<void>;
  /** Called after each change of a job. */
  onChange(jobId: number): void;
}

/**
 * Runs queued jobs, each in a process of its own, as many at once as this machine has cores and memory
 * for; and sees to it that jobs of any origin end when they are canceled, and are not shown as running when they do
 * not.
 */
export class JobRunner {
  readonly #options: JobRunnerOptions;
  readonly #host: string;
  readonly #processes = new Map<number, CommandProcess>();
  readonly #ended = new Set<Promise<void>>();
  #records: JobRecords | null = null;
  #timer: NodeJS.Timeout | undefined;
  /** Looks are sequential. Never rejects. */
  readonly #look = atMostOneWaiting(() => this.#lookOnce());
  #isStopped = false;

  constructor(options: JobRunnerOptions) {
    this.#options = options;
    this.#host = jobHost(options.paths);
  }

  /** Continues with queued jobs, e.g. after a restart. */
  begin(): void {
    this.#timer = setInterval(() => void this.#look(), LOOK_MS).unref();
    void this.#look();
  }

  /** @throws MinutehandError STORE_UNUSABLE */
  async records(): Promise<JobRecords> {
    if (this.#records === null) {
      const { market, clock, store } = this.#options;
      this.#records = new JobRecords(await store(), { market, host: this.#host, clock });
    }
    return this.#records;
  }

  /** What waits in the queues of the trainer's runs and backtests. @throws MinutehandError STORE_UNUSABLE */
  async queuedWork(): Promise<readonly QueuedWork[]> {
    const { market, store } = this.#options;
    return await queuedWork(await store(), market);
  }

  /** @throws MinutehandError JOBS_TOO_MANY, STORE_UNUSABLE */
  async request(job: Job, requestedBy: string, priority: number): Promise<RecordedJob> {
    const records = await this.records();
    const waiting = await records.list({ limit: MAX_WAITING, statuses: ['queued'], isHere: true });
    if (waiting.length >= MAX_WAITING)
      throw new MinutehandError('JOBS_TOO_MANY', { seen: String(waiting.length), expected: `at most ${MAX_WAITING}` });
    const id = await records.queue({ job, requestedBy, priority, cores: coresOf(job, ownCores()) });
    this.#options.onChange(id);
    void this.#look();
    return await records.find(id);
  }

  /** @throws MinutehandError JOB_UNKNOWN, JOB_ENDED, STORE_UNUSABLE */
  async cancel(jobId: number, by: string): Promise<RecordedJob> {
    const canceled = await (await this.records()).cancel(jobId, by);
    this.#options.onChange(jobId);
    void this.#look();
    return canceled;
  }

  /** Ends the processes of queued jobs; they are recorded as failed. */
  async stop(): Promise<void> {
    this.#isStopped = true;
    clearInterval(this.#timer);
    await this.#look();
    for (const process of this.#processes.values()) process.stop();
    await Promise.all(this.#ended);
  }

  async #lookOnce(): Promise<void> {
    if (this.#isStopped) return;
    try {
      const records = await this.records();
      await records.settleDead();
      await this.#endCanceled(records);
      await this.#beginQueued(records);
    } catch (error) {
      this.#options.log.warn({ err: error }, 'queued and canceled jobs cannot be processed');
    }
  }

  async #endCanceled(records: JobRecords): Promise<void> {
    const nowMs = this.#options.clock.nowMs();
    for (const job of await records.list({ limit: 1000, statuses: ['running'], isHere: true })) {
      if (job.cancel_ms === null) continue;
      this.#processes.get(job.job_id)?.stop();
      if (job.origin !== null) await this.#options.cancelOrigin(job.origin);
      if (nowMs - job.cancel_ms > CANCEL_GRACE_MS) killMarked(await records.markOf(job.job_id));
    }
  }

  /** In order of priority, then of age; one that does not fit lets no later one pass, or it might wait for ever. */
  async #beginQueued(records: JobRecords): Promise<void> {
    const queued = (await records.list({ limit: MAX_WAITING, statuses: ['queued'], isHere: true })).sort(
      (a, b) => b.priority - a.priority || a.job_id - b.job_id,
    );
    if (queued.length === 0) return;
    const running = await records.list({ limit: 1000, statuses: ['running'], isHere: true });
    let ahead: RecordedJob | null = null;
    for (const job of queued) {
      if (ahead !== null) {
        await records.wait(job.job_id, { code: 'order', job_id: ahead.job_id });
        continue;
      }
      if (!jobSchema.safeParse(job.document).success) {
        const error = 'JOB_INVALID: it was queued by another version of minutehand';
        await records.end(job.job_id, { status: 'failed', error });
        this.#options.onChange(job.job_id);
        continue;
      }
      const { peakMemoryBytes } = await records.lastOf(job.kind);
      // Alone it need not have what the last one took, maybe on another machine: waiting would free nothing.
      const usualMb = running.length === 0 ? 0 : Math.ceil((peakMemoryBytes ?? 0) / BYTES_PER_MB);
      const memoryMb = Math.max(this.#options.leastFreeMb, usualMb);
      const machine = { cores: jobCores(), freeMemoryMb: availableMemoryBytes() / BYTES_PER_MB };
      const lack = lackFor({ cores: job.cores, memoryMb }, running, machine);
      if (lack === null) {
        this.#start(records, job);
        running.push(job);
        continue;
      }
      await records.wait(job.job_id, lack);
      ahead = job;
    }
  }

  #start(records: JobRecords, { job_id, document }: RecordedJob): void {
    if (this.#processes.has(job_id)) return;
    const { command, market, yields, onChange } = this.#options;
    const process = startCommand({
      command: [...command, ...RUN_JOB],
      env: { MINUTEHAND_MARKET: market, ...originEnv({ job_id }) },
      // Of the kinds that are queued, certificates alone are signed.
      signs: document['kind'] === 'parity',
      input: JSON.stringify(withOwnCores(jobSchema.parse(document))),
      yields,
      // It records its progress itself.
      onProgress: () => onChange(job_id),
    });
    this.#processes.set(job_id, process);
    const started = process.pid === null ? Promise.resolve(true) : records.start(job_id, markOf(process.pid));
    const ended: Promise<void> = this.#settle(records, job_id, process, started).finally(() => {
      this.#processes.delete(job_id);
      this.#ended.delete(ended);
      onChange(job_id);
      void this.#look();
    });
    this.#ended.add(ended);
  }

  /** The process records how it ended, unless it could not. */
  async #settle(records: JobRecords, jobId: number, process: CommandProcess, started: Promise<boolean>): Promise<void> {
    try {
      if (!(await started)) process.stop();
      const answer = answerOf(await process.ended, 'the process of the job');
      const error = this.#isStopped ? 'the trainer ended' : 'error' in answer ? answer.error : 'it recorded no end';
      await records.end(jobId, { status: 'failed', error });
    } catch (error) {
      this.#options.log.warn({ err: error, job_id: jobId }, 'the end of a job cannot be recorded');
    }
  }
}

const ownCores = (): number => availableParallelism();

/** Threads affect speed only: no job takes the core of the daemon. */
function withOwnCores(job: Job): Job {
  if (!('resources' in job)) return job;
  const { workers } = job.resources;
  const own = workers === 0 ? jobCores() : Math.min(workers, jobCores());
  return { ...job, resources: { ...job.resources, workers: own } } as Job;
}
