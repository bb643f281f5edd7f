import type { Job } from '../../jobs/kinds/registry.ts';
import { RUN_JOB, startCommand } from './command_process.ts';
import type { ProgressLine } from '../../jobs/progress/progress_line.ts';
import { originEnv } from '../../jobs/records/job_origin.ts';
import { readAnswer, type TrainingResult } from '../../jobs/records/job_answer.ts';

export interface TrainingProcess {
  readonly pid: number | null;
  /** Never rejects. */
  readonly result: Promise<TrainingResult>;
  /** Terminates it, and kills it when it does not end. */
  stop(): void;
}

export interface TrainingOptions {
  /** Program and first arguments of the command line. */
  readonly command: readonly string[];
  readonly job: Job;
  /** What the trainer calls it, such as `run:12`; default: nothing. */
  readonly origin?: string;
  /** Whether it runs at low priority. */
  readonly yields: boolean;
  onProgress(line: ProgressLine): void;
  /** Remarks while it learns. */
  onNote(text: string): void;
}

/** Runs a training job in a process of its own. */
export function startTraining({ command, job, origin, yields, onProgress, onNote }: TrainingOptions): TrainingProcess {
  const { pid, ended, stop } = startCommand({
    command: [...command, ...RUN_JOB],
    input: JSON.stringify(job),
    signs: true,
    ...(origin !== undefined && { env: originEnv({ origin, requested_by: 'trainer' }) }),
    yields,
    onProgress,
    onNote,
  });
  const result = ended.then(
    ({ code, answer, lastLine }) => readAnswer(answer) ?? { error: endWithoutAnswer(code, lastLine) },
  );
  return { pid, result, stop };
}

/** Words in the command line of every training process of `command`. */
export function trainingWords(command: readonly string[]): string[] {
  return [...command.slice(1), ...RUN_JOB];
}

function endWithoutAnswer(code: number | null, lastLine: string): string {
  const end =
    code === 0
      ? 'the training process ended well, but printed no answer that the trainer can read'
      : `the training process ended with ${code ?? 'a signal'}`;
  return lastLine === '' ? end : `${end}: ${lastLine}`;
}
