import type { Logger } from 'pino';
import type { RetrainRun } from './run.ts';

/** `train.log`: one line at the start of a run, one for each completed stage, one at its end. */
export interface RunLog {
  begin(run: RetrainRun): void;
  /** Progress of a stage, which ends when another begins. */
  progress(run: RetrainRun, stage: string): void;
  end(run: RetrainRun): void;
}

/** For one run at a time. */
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
      const { run_id, kind, trigger, attempt } = run;
      log.info({ run_id, kind, trigger, attempt }, 'run began');
    },
    progress(run, next) {
      if (next !== stage) endStage(run, next);
    },
    end(run) {
      endStage(run, '');
      const { run_id, kind, trigger, attempt, status, model_version, reasons, error } = run;
      const result = { run_id, kind, trigger, attempt, status, model_version, reasons, error };
      const line = { ...result, duration_ms: Math.round(performance.now() - beganMs) };
      if (status === 'failed' || status === 'aborted') log.error(line, 'run ended');
      else log.info(line, 'run ended');
    },
  };
}
