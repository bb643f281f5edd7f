import { setTimeout as sleep } from 'node:timers/promises';
import { triggerText } from '../../../shared/run_trigger/trigger_text.ts';
import { atMostOneWaiting, InTurn } from '../../../shared/in_turn.ts';
import { NO_NOTIFIER, type Notifier } from '../notify/notifier.ts';
import type { TrainerOptions } from '../trainer_options.ts';
import type { ModelRegistryView } from '../../store/schema/models.ts';
import type { RunKind } from '../../store/schema/jobs.ts';
import type { JobWait } from '../../jobs/records/job_event.ts';
import type { RecordedJob } from '../../jobs/records/job_records.ts';
import { jobCores, lackFor } from '../../jobs/records/job_resources.ts';
import { waitText } from '../../jobs/records/job_texts.ts';
import { bestEffort, type BestEffort } from './best_effort.ts';
import { DueTimer } from './due_timer.ts';
import { settleOrphans } from './orphaned_runs.ts';
import { IN_FULL, requestKey, type CausedRun, type RequestedRun, type RetrainRun, type RunRequest } from './run.ts';
import { executeRun, type RunExecution } from './run_execution.ts';
import {
  availableMemoryBytes,
  BYTES_PER_MB,
  limitTime,
  memoryLack,
  MS_PER_MINUTE,
  neededMemory,
  timeLimitError,
} from './run_limits.ts';
import type { RunLog } from './run_log.ts';
import type { StageTime } from '../../jobs/progress/run_progress.ts';
import { BEAT_MS, SILENCE_MS } from './run_queue.ts';
import { RunRecords } from './run_records.ts';
import { RunSettlement } from './run_settlement.ts';

export type { RetrainRun } from './run.ts';

/** A queued run, with the resource that it waits for once it is due. */
export type WaitingRun = RequestedRun & { readonly waits_for?: JobWait };

export interface Retrainer {
  /**
   * Begins a run, in place of a queued one of its kind; a full run in place of all queued ones. While a run of
   * another kind is in progress, or this machine lacks memory or cores, it is queued. Nothing is queued during a full
   * run, which leaves nothing to learn, except a direction model and a search of formulas. Never rejects.
   * @returns whether it has begun or is queued
   */
  startOrWait(request: RunRequest): Promise<boolean>;
  /**
   * As startOrWait; a request waits for its turn beside other requests.
   * @returns null when the same run is in progress or waits already, or when the full run in progress learns all of it
   * @throws MinutehandError RUNS_TOO_MANY
   */
  request(request: RunRequest): Promise<RequestedRun | null>;
  /**
   * The queued runs, in the order in which they would begin now; `reasons` of one that is due says what this machine
   * lacks.
   */
  waiting(): Promise<readonly WaitingRun[]>;
  /** Takes a queued run out. @returns it; null when no such run waits */
  drop(runId: number): Promise<RequestedRun | null>;
  /** Ended runs that triggers of the monitor caused, newest first, those of earlier trainers included. */
  caused(): Promise<readonly CausedRun[]>;
  /** The newest runs of this market, newest first, those of earlier trainers included. */
  runs(): readonly RetrainRun[];
  /** The rows of `model_registry`; none when runs are kept in memory only. */
  models(): Promise<readonly ModelRegistryView[]>;
  /**
   * Ends the current run without another attempt.
   * @param by who asked for it; null: its job has been canceled already
   * @returns that run, which has not ended yet; null when there is none in this trainer
   */
  cancel(by: string | null): RetrainRun | null;
  /** Ends the current run and begins no other; queued runs stay in the store for the next trainer. */
  stop(): Promise<void>;
}

/**
 * Trains in a process of its own, one run at a time, and retries failed runs by retrain_policy.yaml. Runs are kept in
 * the store: a killed one is found at the next start, and counts as a failed attempt.
 */
export function createRetrainer(options: TrainerOptions, runLog: RunLog, notifier: Notifier = NO_NOTIFIER): Retrainer {
  return new QueuedRetrainer(options, runLog, notifier);
}

/** Of a store that does not answer, they wait. */
const MOST_REQUESTS = 100;
/** Within which the jobs of a run that is ended are marked as canceled. */
const MARK_MS = 1000;

class QueuedRetrainer implements Retrainer {
  readonly #options: TrainerOptions;
  readonly #runLog: RunLog;
  readonly #attempt: BestEffort;
  readonly #records: RunRecords;
  readonly #settlement: RunSettlement;
  readonly #timer: DueTimer;
  readonly #orphanTimer: NodeJS.Timeout;
  #training: RunExecution | null = null;
  /** The run of `#training`. */
  #current: RetrainRun | null = null;
  #ended: Promise<void> = Promise.resolve();
  #stopped = false;
  #canceled = false;
  /** The run that is due, and what this machine lacks for it. */
  #lack: { readonly runId: number; readonly wait: JobWait } | null = null;
  /** Access to the queue is sequential. */
  readonly #turns = new InTurn({ most: MOST_REQUESTS, what: 'requests to the queue of runs' });

  constructor(options: TrainerOptions, runLog: RunLog, notifier: Notifier) {
    this.#options = options;
    this.#runLog = runLog;
    this.#attempt = bestEffort(options.log);
    this.#records = new RunRecords(this.#attempt, notifier);
    this.#settlement = new RunSettlement(options, this.#records, this.#attempt);
    const beginDue = atMostOneWaiting(() => this.#turns.own(() => this.#beginDue()));
    const checkOrphans = atMostOneWaiting(() => this.#turns.own(() => this.#checkOrphans()));
    this.#timer = new DueTimer(
      () => this.#records.queue,
      this.#attempt,
      () => void beginDue(),
    );
    void this.#turns.own(() => this.#open());
    this.#orphanTimer = setInterval(() => void checkOrphans(), SILENCE_MS);
  }

  startOrWait(request: RunRequest): Promise<boolean> {
    return this.#turns.run(() => this.#beginOrWait(request));
  }

  request(request: RunRequest): Promise<RequestedRun | null> {
    return this.#turns.run(() => this.#beginOrAdd(request));
  }

  waiting(): Promise<readonly WaitingRun[]> {
    return this.#turns.run(async () => {
      const lack = this.#lack;
      const runs = await this.#records.queue.waiting();
      return runs.map((run) =>
        run.run_id === lack?.runId ? { ...run, reasons: [waitText(lack.wait)], waits_for: lack.wait } : run,
      );
    });
  }

  drop(runId: number): Promise<RequestedRun | null> {
    return this.#turns.run(() => this.#records.queue.drop(runId));
  }

  caused(): Promise<readonly CausedRun[]> {
    return this.#turns.run(() => this.#records.queue.caused());
  }

  runs(): readonly RetrainRun[] {
    return this.#records.shown;
  }

  async models(): Promise<readonly ModelRegistryView[]> {
    const models: ModelRegistryView[] = [];
    for (const registry of Object.values(this.#records.registries ?? {})) models.push(...(await registry.models()));
    return models;
  }

  cancel(by: string | null): RetrainRun | null {
    const training = this.#training;
    const run = this.#current;
    if (training === null || run === null) return null;
    this.#canceled = true;
    // Before its process ends: a job whose process has ended without having been canceled was killed.
    const marked = this.#attempt('the jobs of a run cannot be canceled', async () => {
      if (by !== null) await this.#records.cancelJobs(run.run_id, by);
    });
    // Also where the store does not answer.
    void Promise.race([marked, sleep(MARK_MS)]).then(() => training.stop());
    return run;
  }

  async stop(): Promise<void> {
    this.#stopped = true;
    this.#timer.stop();
    clearInterval(this.#orphanTimer);
    this.#training?.stop();
    await this.#turns.settled();
    await this.#ended;
    await this.#turns.settled();
    await this.#records.close();
  }

  async #open(): Promise<void> {
    await this.#records.open(this.#options);
    await this.#attempt('earlier runs cannot be read', async () => {
      await this.#settleOrphans();
      await this.#records.load();
    });
    for (const [shelf, registry] of Object.entries(this.#records.registries ?? {}))
      await this.#attempt(`the registry cannot follow the active bundles of ${shelf}`, () => registry.mend());
    await this.#timer.set();
  }

  #settleOrphans(): Promise<readonly RetrainRun[]> {
    return settleOrphans(this.#options, this.#records, this.#settlement);
  }

  /** Finds orphans of other machines, and of machines whose name changes at each start. */
  async #checkOrphans(): Promise<void> {
    if (this.#stopped || this.#training !== null) return;
    await this.#attempt('runs of other trainers cannot be read', async () => {
      await this.#records.keepAgain();
      for (const run of await this.#settleOrphans()) this.#records.show(run);
    });
    await this.#timer.set();
  }

  async #beginDue(): Promise<void> {
    await this.#attempt('the next attempt cannot begin', async () => {
      if (this.#stopped || this.#training !== null) return;
      await this.#records.keepAgain();
      if (await this.#lacksRoom()) return;
      const run = await this.#records.queue.beginDue();
      if (run !== null) await this.#take(run);
    });
    // Not due yet, another process trains, or there is no room: checked again later.
    if (this.#training === null) await this.#timer.set(BEAT_MS);
  }

  /**
   * Whether the run that would begin now waits for memory or cores. After the delay of a retry it waits no longer: it
   * begins beside the other jobs, or has failed for want of memory.
   */
  async #lacksRoom(): Promise<boolean> {
    const nowMs = Date.now();
    const next = (await this.#records.queue.waiting()).find((run) => Date.parse(run.started_at) <= nowMs);
    const lack = next === undefined ? null : await this.#lackFor(next.kind);
    if (next === undefined || lack === null || nowMs - Date.parse(next.started_at) >= this.#patienceMs) {
      this.#lack = null;
      return false;
    }
    if (this.#lack?.runId !== next.run_id || this.#lack.wait.code !== lack.code)
      this.#options.print(`Training run ${next.run_id} (${triggerText(next.trigger)}) waits: ${waitText(lack)}.`);
    this.#lack = { runId: next.run_id, wait: lack };
    return true;
  }

  /** What a run of this kind would have to wait for; null: nothing. */
  async #lackFor(kind: RunKind): Promise<JobWait | null> {
    if (this.#patienceMs === 0) return null;
    const neededMb = neededMemory(kind, this.#records.shown, this.#options.settings.retrain);
    let running: readonly RecordedJob[] = [];
    await this.#attempt('the jobs that run cannot be read', async () => (running = await this.#records.runningJobs()));
    return lackFor({ cores: jobCores(), memoryMb: neededMb }, running, {
      cores: jobCores(),
      freeMemoryMb: availableMemoryBytes() / BYTES_PER_MB,
    });
  }

  /** How long a run waits for memory and cores. */
  get #patienceMs(): number {
    return this.#options.settings.retrain.retrain_retry_delay_minutes * MS_PER_MINUTE;
  }

  async #begin(request: RunRequest): Promise<RetrainRun | null> {
    if (this.#stopped || this.#training !== null) return null;
    let run: RetrainRun | null;
    try {
      await this.#records.keepAgain();
      run = await this.#records.queue.begin(request);
      if (run === null) {
        for (const orphan of await this.#settleOrphans()) this.#records.show(orphan);
        run = await this.#records.queue.begin(request);
      }
    } catch (error) {
      // The store is lost: a run without a record is better than none.
      this.#options.log.error({ err: error }, 'the store cannot be used, runs are kept in memory only');
      this.#records.loseStore();
      run = await this.#records.queue.begin(request);
    }
    if (run !== null) await this.#take(run);
    return run;
  }

  async #beginOrWait(request: RunRequest): Promise<boolean> {
    const { kind = 'full', trigger } = request;
    if (await this.#hasNoRoom(kind)) {
      await this.#attempt('a run cannot wait', () => this.#records.queue.wait(request));
      await this.#timer.set();
      return true;
    }
    if ((await this.#begin(request)) !== null) return true;
    const current = this.#current?.kind;
    if (this.#stopped || current === undefined || current === kind) return false;
    if (current === 'full' && IN_FULL.includes(kind)) return false;
    await this.#attempt('a run cannot wait', () => this.#records.queue.wait(request));
    this.#options.print(`A training run (${kind}, ${triggerText(trigger)}) waits until the ${current} one has ended.`);
    return true;
  }

  /** Whether nothing but memory or cores is in the way of a run of this kind. */
  async #hasNoRoom(kind: RunKind): Promise<boolean> {
    return !this.#stopped && this.#training === null && (await this.#lackFor(kind)) !== null;
  }

  async #beginOrAdd(request: RunRequest): Promise<RequestedRun | null> {
    const { kind = 'full', trigger, parameters } = request;
    if (await this.#hasNoRoom(kind)) {
      const queued = await this.#records.queue.add(request);
      await this.#timer.set();
      return queued;
    }
    const begun = await this.#begin(request);
    const current = this.#current;
    if (begun !== null || this.#stopped || current === null) return begun;
    const key = requestKey(parameters);
    const currentKey = requestKey(current.parameters);
    const isSame = current.kind === kind && currentKey === key;
    const isInFull = current.kind === 'full' && currentKey === '' && key === '' && IN_FULL.includes(kind);
    if (isSame || isInFull) return null;
    const added = await this.#records.queue.add(request);
    if (added !== null)
      this.#options.print(
        `Training run ${added.run_id} (${kind}, ${triggerText(trigger)}) waits until run ${current.run_id} has ended.`,
      );
    return added;
  }

  async #take(run: RetrainRun): Promise<void> {
    this.#timer.clear();
    this.#records.show(run);
    await this.#records.audit(run);
    const expected = await this.#records.lastStages(run);
    if (!this.#stopped) {
      const earlier = this.#records.shown.filter(({ run_id }) => run_id !== run.run_id);
      const lack = memoryLack(run, earlier, this.#options.settings.retrain, availableMemoryBytes());
      if (lack !== null) return this.#refuse(run, lack);
      this.#ended = this.#work(run, expected);
      return;
    }
    run.status = 'stopped';
    run.finished_at = new Date().toISOString();
    await this.#records.keep(run);
  }

  /** A run that lacks memory after all its waiting has failed, and is retried later. */
  async #refuse(run: RetrainRun, error: string): Promise<void> {
    run.error = error;
    run.finished_at = new Date().toISOString();
    this.#options.log.error(run, 'training cannot start');
    this.#options.print(`Training run ${run.run_id} (${triggerText(run.trigger)}) cannot start: ${error}`);
    await this.#settlement.fail(run, 'failed');
    await this.#records.keep(run);
    await this.#timer.set();
  }

  async #work(run: RetrainRun, expected: readonly StageTime[]): Promise<void> {
    this.#canceled = false;
    this.#current = run;
    this.#training = executeRun(run, {
      ...this.#options,
      expected,
      runLog: this.#runLog,
      queue: () => this.#records.queue,
      attempt: this.#attempt,
    });
    const training = this.#training;
    const limit = limitTime(() => training.stop(), this.#options.settings.retrain);
    const { result, ended } = await training.done;
    limit.clear();
    // Shown as ended only when it is stored as ended.
    const { retrain_limit_minutes } = this.#options.settings.retrain;
    if (limit.isExceeded && 'error' in result)
      this.#settlement.abort(ended, timeLimitError(ended, retrain_limit_minutes));
    else await this.#settlement.settle(ended, result, this.#stopped || this.#canceled);
    await this.#records.keep(ended);
    this.#training = null;
    this.#current = null;
    Object.assign(run, ended);
    this.#runLog.end(run);
    // Not awaited: `stop` waits for both.
    void this.#turns.own(() => this.#timer.set());
  }
}
