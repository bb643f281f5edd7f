import type { Logger } from 'pino';
import type { RetrainRun } from './run.ts';

/** `train.log`: one line when a run begins, one for each stage that is done, one when the run has ended. */
export interface RunLog {
  begin(run: RetrainRun): void;
  /** A line of progress: `learning ai1: 25 %` is of the stage `learning ai1`. */
  progress(run: RetrainRun, line: string): void;
  end(run: RetrainRun): void;
}

const PROGRESS = /: \d+ %$/;

/** One run at a time, as the trainer has them. */
export function createRunLog(log: Logger): RunLog {
  let beganMs = 0;
  let stage = '';
  let stageBeganMs = 0;

  function endStage(run: RetrainRun, next: string): void {
    const nowMs = performance.now();
    if (stage !== '')
      log.info({ run_id: run.run_id, stage, duration_ms: Math.round(nowMs - stageBeganMs) }, 'stage ended');
    stage = next;
    stageBeganMs = nowMs;
  }

  return {
    begin(run) {
      beganMs = performance.now();
      stage = '';
      const { run_id, trigger, attempt } = run;
      log.info({ run_id, trigger, attempt }, 'run began');
    },
    progress(run, line) {
      const next = line.replace(PROGRESS, '');
      if (next !== stage) endStage(run, next);
    },
    end(run) {
      endStage(run, '');
      const { run_id, trigger, attempt, status, model_version, reasons, error } = run;
      const result = { run_id, trigger, attempt, status, model_version, reasons, error };
      const line = { ...result, duration_ms: Math.round(performance.now() - beganMs) };
      if (status === 'failed' || status === 'aborted') log.error(line, 'run ended');
      else log.info(line, 'run ended');
    },
  };
}
