import { spawn, type ChildProcess } from 'node:child_process';
import { availableParallelism, setPriority } from 'node:os';
import { createInterface } from 'node:readline';
import type { TrainerOptions } from '../main.ts';
import type { GateResult } from '../gate/gate.ts';
import type { RunLog } from './run_log.ts';

/** Below the daemon's, so that a bar never waits for a tree. */
const NICE = 10;
/** A core stays free for the daemon. */
const WORKERS = Math.max(1, availableParallelism() - 1);
const KEPT_RUNS = 50;
const MS_PER_MINUTE = 60_000;

export interface RetrainRun {
  readonly run_id: number;
  readonly trigger: string;
  readonly attempt: number;
  readonly started_at: string;
  finished_at: string | null;
  status: 'running' | 'adopted' | 'rejected' | 'failed' | 'stopped';
  stage: string;
  model_version: string | null;
  /** What a rejected bundle did not pass. */
  reasons: readonly string[];
  error: string | null;
}

export interface Retrainer {
  /** Begins a run; null when one is under way already. */
  start(trigger: string): RetrainRun | null;
  /** The newest runs of this process, newest first. */
  runs(): readonly RetrainRun[];
  /** Ends a run that is under way and takes no more. */
  stop(): Promise<void>;
}

type TrainingResult = { version: string; adopted: boolean; gates: readonly GateResult[] } | { error: string };

/** Trains in a process of its own, one run at a time, and tries again after a failure as retrain_policy.yaml says. */
export function createRetrainer({ settings, log, command, say }: TrainerOptions, runLog: RunLog): Retrainer {
  const { retrain_retry_max, retrain_retry_delay_minutes } = settings.retrain;
  const runs: RetrainRun[] = [];
  let child: ChildProcess | null = null;
  let ended: Promise<void> = Promise.resolve();
  let retry: NodeJS.Timeout | undefined;
  let stopped = false;
  let runId = 0;

  function begin(trigger: string, attempt: number): RetrainRun | null {
    if (stopped || child !== null) return null;
    clearTimeout(retry);
    const run: RetrainRun = {
      run_id: ++runId,
      trigger,
      attempt,
      started_at: new Date().toISOString(),
      finished_at: null,
      status: 'running',
      stage: 'starting',
      model_version: null,
      reasons: [],
      error: null,
    };
    runs.unshift(run);
    runs.length = Math.min(runs.length, KEPT_RUNS);
    ended = work(run);
    return run;
  }

  async function work(run: RetrainRun): Promise<void> {
    say(`Training run ${run.run_id} (${run.trigger}) begins.`);
    log.info(run, 'training begins');
    runLog.begin(run);
    const result = await runTraining(run);
    run.finished_at = new Date().toISOString();
    child = null;
    settle(run, result);
    runLog.end(run);
  }

  function settle(run: RetrainRun, result: TrainingResult): void {
    if (stopped) {
      run.status = 'stopped';
      return;
    }
    if ('error' in result) {
      run.status = 'failed';
      run.error = result.error;
      log.error(run, 'training failed');
      say(`Training run ${run.run_id} failed: ${result.error}`);
      retryLater(run);
      return;
    }
    run.model_version = result.version;
    run.status = result.adopted ? 'adopted' : 'rejected';
    if (!result.adopted) run.reasons = result.gates.filter(({ passed }) => !passed).map(shown);
    log.info(run, 'training ended');
    say(
      `Training run ${run.run_id}: models ${result.version} ${result.adopted ? 'adopted' : `rejected: ${run.reasons.join('; ')}`}.`,
    );
  }

  async function runTraining(run: RetrainRun): Promise<TrainingResult> {
    const [program, ...args] = command;
    const process = spawn(program!, [...args, 'train', '--adopt', '--json', '--workers', String(WORKERS)], {
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    child = process;
    lowerPriority(process);
    let answer = '';
    let lastLine = '';
    process.stdout.on('data', (data: Buffer) => (answer += data.toString('utf8')));
    createInterface({ input: process.stderr }).on('line', (line) => {
      lastLine = line;
      run.stage = line;
      runLog.progress(run, line);
    });
    const code = await new Promise<number | null>((resolve) => {
      process.on('error', () => resolve(null));
      process.on('close', resolve);
    });
    try {
      const result = JSON.parse(answer) as {
        version: string;
        adopted: boolean;
        gates: readonly GateResult[];
        error?: { code: string; message: string };
      };
      if (result.error !== undefined) return { error: `${result.error.code}: ${result.error.message}` };
      return {
        version: result.version,
        adopted: result.adopted,
        gates: result.gates,
      };
    } catch {
      return { error: `the training process ended with ${code ?? 'a signal'}: ${lastLine}` };
    }
  }

  function lowerPriority(process: ChildProcess): void {
    try {
      if (process.pid !== undefined) setPriority(process.pid, NICE);
    } catch (error) {
      log.warn({ err: error }, 'training runs at normal priority');
    }
  }

  function retryLater(run: RetrainRun): void {
    if (run.attempt > retrain_retry_max) return;
    say(`Next attempt in ${retrain_retry_delay_minutes} minutes (${run.attempt} of ${retrain_retry_max}).`);
    retry = setTimeout(() => begin(run.trigger, run.attempt + 1), retrain_retry_delay_minutes * MS_PER_MINUTE);
  }

  return {
    start: (trigger) => begin(trigger, 1),
    runs: () => runs,
    async stop() {
      stopped = true;
      clearTimeout(retry);
      child?.kill('SIGTERM');
      await ended;
    },
  };
}

function shown({ name, seen, limit }: GateResult): string {
  return `${name} ${seen} (${limit})`;
}
