import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { readActive, readManifest } from '../../shared/bundle/bundle.ts';
import { MACHINE_CLOCK } from '../../shared/clock.ts';
import { MODEL_NAMES } from '../../shared/core/features/feature.ts';
import type { TrainerOptions } from '../trainer_options.ts';
import { enterOutcome } from '../registry/outcome.ts';
import { reasonsOf } from '../registry/reasons.ts';
import { ALERT_MS } from './alert.ts';
import { endOrphan } from './orphan.ts';
import { FIRST_MODELS, type RetrainRun, type RunKind } from './run.ts';
import type { RunLog } from './run_log.ts';
import { memoryOnly, openRunMemory, type RunMemory } from './run_memory.ts';
import { createRunProgress, stageName, type StageTime } from './run_progress.ts';
import { BEAT_MS, memoryQueue, SILENCE_MS } from './run_queue.ts';
import { startTraining, trainingWords, type TrainingProcess, type TrainingResult } from './training_process.ts';

export type { RetrainRun } from './run.ts';

const SHOWN_RUNS = 50;
const MS_PER_MINUTE = 60_000;
/** Errors of an incremental run that time, or a full run, ends. */
const NOT_YET = /^(DATA_TOO_SHORT|CONTINUE_REFUSED):/;
/** What a timer of Node can wait at most. */
const LONGEST_WAIT_MS = 2 ** 31 - 1;
/** An alert that is not out by then does not hold up the trainer; it has a limit of its own below that. */
const HOOK_MS = ALERT_MS + 2000;

export interface Retrainer {
  /**
   * Begins a run, in the place of one that waits, but an incremental run never takes the place of a full one. Never rejects.
   * @returns null when one is under way already
   */
  start(trigger: string, kind?: RunKind): Promise<RetrainRun | null>;
  /** As start, of a full run, which waits while an incremental one is under way. @returns whether it has begun or waits */
  startOrWait(trigger: string): Promise<boolean>;
  /** The newest runs of this market, newest first, those of earlier trainers included. */
  runs(): readonly RetrainRun[];
  /** Ends the run that is under way, which is not tried again. @returns it, which has not ended yet; null when there is none in this trainer */
  cancel(): RetrainRun | null;
  /** Ends a run that is under way and takes no more; what waits in the store waits for the next trainer. */
  stop(): Promise<void>;
}

export interface RetrainerHooks {
  /** Called when a run was the last attempt and has failed; again after a crash in the middle of it. */
  readonly onAborted?: (run: RetrainRun) => Promise<void> | void;
}

/**
 * Trains in a process of its own, one run at a time, and tries again after a failure as retrain_policy.yaml says. Runs are kept in the store: one that was killed is
 * found at the next start, and counts as an attempt that has failed.
 */
export function createRetrainer(
  options: TrainerOptions,
  runLog: RunLog,
  { onAborted }: RetrainerHooks = {},
): Retrainer {
  const { settings, paths, log, command, say } = options;
  const { retrain_retry_max, retrain_retry_delay_minutes, model_version_retention } = settings.retrain;
  const runs: RetrainRun[] = [];
  let memory: RunMemory = memoryOnly();
  let training: TrainingProcess | null = null;
  /** The run that `training` works on. */
  let current: RetrainRun | null = null;
  let ended: Promise<void> = Promise.resolve();
  let retry: NodeJS.Timeout | undefined;
  let stopped = false;
  let cancelled = false;
  /** What has become of runs, where the store did not take it. */
  const unkept = new Map<number, RetrainRun>();
  /** Whatever touches the queue goes one after the other. */
  let turn: Promise<unknown> = open();

  function inTurn<Result>(work: () => Promise<Result>): Promise<Result> {
    const result = turn.then(work);
    turn = result.catch(() => undefined);
    return result;
  }

  const looks = setInterval(() => void inTurn(lookAround), SILENCE_MS);

  async function open(): Promise<void> {
    memory = await openRunMemory(options);
    await careful('the runs of before cannot be read', async () => {
      await adoptOrphans();
      runs.unshift(...(await memory.queue.list(SHOWN_RUNS)));
      // A trainer that died between the two may have left the audit behind.
      for (const run of runs) await memory.audit?.write(run);
    });
    await careful('the registry cannot follow active.json', async () => memory.registry?.mend());
    await awaitDue();
  }

  /** What is only kept or told must not end what is done. */
  async function careful(what: string, work: () => unknown): Promise<void> {
    try {
      await work();
    } catch (error) {
      log.warn({ err: error }, what);
    }
  }

  /** Runs whose trainer has died are attempts that have failed. */
  async function adoptOrphans(): Promise<readonly RetrainRun[]> {
    const orphans = await memory.queue.orphans();
    for (const { run, workerPid } of orphans) {
      if (workerPid !== null && (await endOrphan(workerPid, trainingWords(command))))
        log.warn({ pid: workerPid }, 'a training process of a dead trainer was ended');
      run.finished_at = new Date().toISOString();
      run.error = 'the trainer ended in the middle of it';
      log.error(run, 'training was killed');
      say(`Training run ${run.run_id} (${run.trigger}) was cut off when its trainer ended.`);
      await settleFailure(run, 'killed');
      await keep(run);
    }
    return orphans.map(({ run }) => run);
  }

  async function keep(run: RetrainRun): Promise<void> {
    unkept.set(run.run_id, { ...run });
    await careful('a run cannot be kept', async () => {
      await memory.queue.keep(run);
      unkept.delete(run.run_id);
    });
    await careful('a run cannot be audited', () => memory.audit?.write(run));
  }

  /** A run that seems to be under way keeps out every other. */
  async function keepAgain(): Promise<void> {
    for (const run of [...unkept.values()]) await keep(run);
  }

  /** For trainers elsewhere that have died, and machines whose name is another after each start. */
  async function lookAround(): Promise<void> {
    if (stopped || training !== null) return;
    await careful('the runs of others cannot be read', async () => {
      await keepAgain();
      for (const run of await adoptOrphans()) show(run);
    });
    await awaitDue();
  }

  /** The next attempt is queued before this one is closed: a death in between loses none. */
  async function settleFailure(run: RetrainRun, status: 'failed' | 'killed'): Promise<void> {
    if (run.attempt > retrain_retry_max) {
      run.status = 'aborted';
      say(`Training run ${run.run_id} was the last attempt: given up.`);
      await careful('the alert has failed', () => within(HOOK_MS, onAborted?.({ ...run })));
      return;
    }
    run.status = status;
    const delayMs = retrain_retry_delay_minutes * MS_PER_MINUTE;
    await careful('the next attempt cannot be queued', () => memory.queue.retryAt(run, Date.now() + delayMs));
    say(`Next attempt in ${retrain_retry_delay_minutes} minutes (${run.attempt} of ${retrain_retry_max}).`);
  }

  /** Begins the run that waits as soon as it is due. */
  async function awaitDue(leastMs = 0): Promise<void> {
    clearTimeout(retry);
    if (stopped) return;
    // A queue that cannot be read now may have something that is due.
    let dueMs: number | null = Date.now() + BEAT_MS;
    await careful('the queue cannot be read', async () => (dueMs = await memory.queue.dueMs()));
    if (dueMs === null || stopped) return;
    const waitMs = Math.min(Math.max(leastMs, dueMs - Date.now()), LONGEST_WAIT_MS);
    clearTimeout(retry);
    retry = setTimeout(() => void inTurn(beginDue), waitMs);
  }

  async function beginDue(): Promise<void> {
    await careful('the next attempt cannot begin', async () => {
      if (stopped || training !== null) return;
      await keepAgain();
      const run = await memory.queue.beginDue();
      if (run !== null) await take(run);
    });
    // Not yet, or another process trains: looked at again.
    if (training === null) await awaitDue(BEAT_MS);
  }

  async function begin(trigger: string, kind: RunKind): Promise<RetrainRun | null> {
    if (stopped || training !== null) return null;
    let run: RetrainRun | null;
    try {
      await keepAgain();
      run = await memory.queue.begin(trigger, kind);
      if (run === null) {
        for (const orphan of await adoptOrphans()) show(orphan);
        run = await memory.queue.begin(trigger, kind);
      }
    } catch (error) {
      // The store is gone: a run that nobody keeps is better than none.
      log.error({ err: error }, 'the store cannot be used, runs are kept in memory only');
      const queue = memoryQueue(MACHINE_CLOCK, runs[0]?.run_id);
      memory = { ...memory, queue, registry: null, audit: null };
      run = await queue.begin(trigger, kind);
    }
    if (run !== null) await take(run);
    return run;
  }

  async function beginOrWait(trigger: string): Promise<boolean> {
    if ((await begin(trigger, 'full')) !== null) return true;
    if (stopped || current?.kind !== 'incremental') return false;
    await careful('a full run cannot wait', () => memory.queue.wait(trigger));
    say(`A full training run (${trigger}) waits until the incremental one has ended.`);
    return true;
  }

  async function take(run: RetrainRun): Promise<void> {
    clearTimeout(retry);
    show(run);
    await careful('a run cannot be audited', () => memory.audit?.write(run));
    const expected = await lastStages(run);
    if (!stopped) {
      ended = work(run, expected);
      return;
    }
    run.status = 'stopped';
    run.finished_at = new Date().toISOString();
    await keep(run);
  }

  function show(run: RetrainRun): void {
    runs.unshift(run);
    runs.length = Math.min(runs.length, SHOWN_RUNS);
  }

  /** @param expected stages of a run like this one */
  async function work(run: RetrainRun, expected: readonly StageTime[]): Promise<void> {
    const beganMs = performance.now();
    const elapsedMs = (): number => Math.round(performance.now() - beganMs);
    cancelled = false;
    current = run;
    run.previous_version = activeVersion();
    say(`Training run ${run.run_id} (${run.kind === 'full' ? '' : `${run.kind}, `}${run.trigger}) begins.`);
    log.info(run, 'training begins');
    runLog.begin(run);
    const progress = createRunProgress(expected);
    const process = (training = startTraining({
      command,
      flags: flagsOf(run),
      // Without models there is no signal to be traded on that could be late.
      yields: run.trigger !== FIRST_MODELS,
      onProgress(line) {
        progress.update(line, elapsedMs());
        run.stage = line.stage;
        run.percent = progress.percent();
        run.eta_seconds = progress.etaSeconds();
        run.stages = progress.stages();
        runLog.progress(run, stageName(line.stage));
      },
      onWarning: (error) => log.warn({ err: error }, 'training runs at normal priority'),
    }));
    const beat = (): void =>
      void careful('a run cannot be said to be alive', () => memory.queue.beat(run, process.pid));
    beat();
    const beats = setInterval(beat, BEAT_MS);
    const result = await process.result;
    clearInterval(beats);
    // Shown as ended only when it is kept as such.
    const end: RetrainRun = {
      ...run,
      finished_at: new Date().toISOString(),
      eta_seconds: null,
      stages: progress.end(elapsedMs()),
      duration_ms: elapsedMs(),
    };
    await settle(end, result);
    await keep(end);
    training = null;
    current = null;
    Object.assign(run, end);
    runLog.end(run);
    // Not awaited: `stop` waits for both.
    void inTurn(() => awaitDue());
  }

  /** First models have no search behind them, so that signals come soon, and nothing to compare with. */
  async function lastStages({ kind, trigger }: RetrainRun): Promise<readonly StageTime[]> {
    let stages: readonly StageTime[] = [];
    if (trigger !== FIRST_MODELS)
      await careful('the last run cannot be read', async () => (stages = await memory.queue.lastStages(kind)));
    return stages;
  }

  async function settle(run: RetrainRun, result: TrainingResult): Promise<void> {
    Object.assign(run, result.resources ?? {});
    // A process that was done when it was told to end has done its work: the bundle is there, and may be in force.
    if ((stopped || cancelled) && 'error' in result) {
      run.status = 'stopped';
      say(`Training run ${run.run_id} was stopped.`);
      return;
    }
    if ('error' in result && run.kind === 'incremental' && NOT_YET.test(result.error))
      return settleNothing(run, result.error);
    if ('error' in result) {
      run.error = result.error;
      log.error(run, 'training failed');
      say(`Training run ${run.run_id} failed: ${result.error}`);
      return settleFailure(run, 'failed');
    }
    const { version, adopted, gates } = result;
    if (version === null) return settleNothing(run, 'no model gains a tree from the bars that have come');
    run.model_version = version;
    run.status = adopted ? 'adopted' : 'rejected';
    run.gate = gates;
    run.percent = 100;
    if (!adopted) run.reasons = reasonsOf(gates);
    await careful('the bundle of a run cannot be read', () => Object.assign(run, aboutBundle(version)));
    await careful('the registry has not taken a bundle in', () => enterBundle(run));
    log.info(run, 'training ended');
    say(
      `Training run ${run.run_id}: models ${version} ${adopted ? 'adopted' : `rejected: ${run.reasons.join('; ')}`}.`,
    );
  }

  /** There is nothing to go on from, or nothing to learn yet: no failure, and trying again in an hour would not help. */
  function settleNothing(run: RetrainRun, why: string): void {
    run.status = 'rejected';
    run.percent = 100;
    run.reasons = [why];
    log.info(run, 'training has nothing to add');
    say(`Training run ${run.run_id}: the models in force stay. ${why}.`);
  }

  /** The training process has put it in force, or not; here the registry is told, if it does not know yet. */
  async function enterBundle({ model_version, status, reasons }: RetrainRun): Promise<void> {
    const { registry } = memory;
    if (registry === null || model_version === null) return;
    const outcome = { version: model_version, adopted: status === 'adopted', reasons };
    const old = await enterOutcome(registry, outcome, model_version_retention);
    if (old.length > 0) log.info({ versions: old }, 'old models were removed');
  }

  function aboutBundle(version: string): Pick<RetrainRun, 'seed' | 'data_from' | 'data_to' | 'data_hash' | 'metrics'> {
    const { seed, period, data_hash, metrics } = readManifest(join(paths.models, version));
    const figures = MODEL_NAMES.map((name) => [name, metrics[name].holdout]);
    return {
      seed,
      data_from: period.from,
      data_to: period.to,
      data_hash,
      metrics: Object.fromEntries(figures) as unknown,
    };
  }

  function activeVersion(): string | null {
    try {
      return readActive(paths.models)?.version ?? null;
    } catch {
      return null;
    }
  }

  return {
    start: (trigger, kind = 'full') => inTurn(() => begin(trigger, kind)),
    startOrWait: (trigger) => inTurn(() => beginOrWait(trigger)),
    runs: () => runs,
    cancel() {
      if (training === null) return null;
      cancelled = true;
      training.stop();
      return current;
    },
    async stop() {
      stopped = true;
      clearTimeout(retry);
      clearInterval(looks);
      training?.stop();
      await turn;
      await ended;
      await turn;
      await memory.close();
    },
  };
}

/** What `train` is told of this run alone. */
function flagsOf({ kind, trigger }: RetrainRun): readonly string[] {
  if (trigger === FIRST_MODELS) return ['--trials', '0'];
  return kind === 'incremental' ? ['--continue'] : [];
}

async function within(ms: number, work: Promise<void> | void): Promise<void> {
  const late = new AbortController();
  const timeout = sleep(ms, undefined, { signal: late.signal }).then(() => {
    throw new Error(`not done within ${ms} ms`);
  });
  try {
    await Promise.race([work, timeout]);
  } finally {
    late.abort();
    timeout.catch(() => undefined);
  }
}
