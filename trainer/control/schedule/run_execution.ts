import { readActiveRule } from '../../../shared/bundle/rule/active_rule.ts';
import { readActiveOfSlot } from '../../../shared/bundle/shelves/registry.ts';
import type { TrainerOptions } from '../trainer_options.ts';
import type { BestEffort } from './best_effort.ts';
import type { RetrainRun } from './run.ts';
import { triggerText } from '../../../shared/run_trigger/trigger_text.ts';
import { jobOfRun } from './run_job.ts';
import type { RunLog } from './run_log.ts';
import { originOfRun } from '../../jobs/records/job_origin.ts';
import { createRunProgress, stageName, type StageTime } from '../../jobs/progress/run_progress.ts';
import { trainingOfRun } from '../../jobs/strategies/registry.ts';
import { BEAT_MS, type RunQueue } from './run_queue.ts';
import type { TrainingResult } from '../../jobs/records/job_answer.ts';
import { jobsYield } from './command_process.ts';
import { startTraining } from './training_process.ts';
import { slotOfTimeframe } from '../../../shared/subject/written_names.ts';

/** How often whoever waits for first models sees that it goes on. */
const SHOW_EVERY_MS = 4000;

/** The training process of a run. */
export interface RunExecution {
  stop(): void;
  /** Never rejects. `ended` is the run at its end, without its outcome. */
  readonly done: Promise<{ readonly result: TrainingResult; readonly ended: RetrainRun }>;
}

export interface ExecutionOptions extends Pick<TrainerOptions, 'command' | 'paths' | 'settings' | 'log' | 'print'> {
  /** Stages of a run like this one; empty: there was none. */
  readonly expected: readonly StageTime[];
  readonly runLog: RunLog;
  queue(): RunQueue;
  readonly attempt: BestEffort;
}

/** Starts the training process of a run and reports its progress in `run`. */
export function executeRun(
  run: RetrainRun,
  { command, paths, settings, log, print, expected, runLog, queue, attempt }: ExecutionOptions,
): RunExecution {
  const beganMs = performance.now();
  const elapsedMs = (): number => Math.round(performance.now() - beganMs);
  run.previous_version = activeVersion(paths.models, run);
  print(
    `Training run ${run.run_id} (${run.kind === 'full' ? '' : `${run.kind}, `}${triggerText(run.trigger)}) begins.`,
  );
  log.info(run, 'training begins');
  runLog.begin(run);
  const progress = createRunProgress(expected.length > 0 ? expected : (trainingOfRun(run.kind)?.firstStages ?? []));
  const process = startTraining({
    command,
    job: jobOfRun(run, settings),
    origin: originOfRun(run.run_id),
    // Without models no tradable signal can be delayed.
    yields: jobsYield(settings.retrain) && run.trigger.code !== 'first_models',
    onProgress(line) {
      progress.update(line, elapsedMs());
      run.stage = line.stage;
      run.percent = progress.percent();
      run.eta_seconds = progress.etaSeconds();
      run.stages = progress.stages();
      runLog.progress(run, stageName(line.stage));
    },
    onNote: (text) => log.warn({ run_id: run.run_id, stage: run.stage }, text),
  });
  const beat = (): void =>
    void attempt('the heartbeat of a run cannot be stored', () => queue().beat(run, process.pid));
  beat();
  const beats = setInterval(beat, BEAT_MS);
  // Nobody waits at a terminal for any other run.
  const shows = run.trigger.code === 'first_models' ? setInterval(() => print(progressText(run)), SHOW_EVERY_MS) : null;
  const done = process.result.then((result) => {
    clearInterval(beats);
    if (shows !== null) clearInterval(shows);
    const ended: RetrainRun = {
      ...run,
      finished_at: new Date().toISOString(),
      eta_seconds: null,
      stages: progress.end(elapsedMs()),
      duration_ms: elapsedMs(),
    };
    return { result, ended };
  });
  return { stop: () => process.stop(), done };
}

function progressText({ run_id, stage, percent, eta_seconds }: RetrainRun): string {
  const left = eta_seconds === null ? '' : `, about ${eta_seconds} s left`;
  return `Training run ${run_id}: ${stage}, ${percent} %${left}`;
}

function activeVersion(modelsFolder: string, { parameters }: RetrainRun): string | null {
  const { timeframe, rule_job } = parameters;
  try {
    if (rule_job !== undefined) return readActiveRule(modelsFolder, rule_job.subject)?.version ?? null;
    return readActiveOfSlot(modelsFolder, slotOfTimeframe(timeframe))?.version ?? null;
  } catch {
    return null;
  }
}
