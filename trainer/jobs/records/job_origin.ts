import * as z from 'zod';
import { STORE_WAIT_MS, STORE_WAIT_VARIABLE } from '../../store/store_patience.ts';

/** In the environment of a process that does a job which another one has recorded, or has a name of its own for. */
export const JOB_VARIABLE = 'MINUTEHAND_JOB';

const originSchema = z.strictObject({
  /** Of a queued job: the process takes its record over. */
  job_id: z.int().optional(),
  /** `run:12`, `backtest:3`. */
  origin: z.string().optional(),
  requested_by: z.string().optional(),
  /** The process that alone reads the result: without it, this one ends itself. */
  reader_pid: z.int().optional(),
});
export type JobOrigin = z.infer<typeof originSchema>;

/** A person has started the process of the job; the trainer ends and settles its own ones itself. */
export function isOfPerson({ job_id, origin }: JobOrigin): boolean {
  return job_id === undefined && origin === undefined;
}

/** Origins of the jobs of the trainer's runs and backtests; the number follows. */
export const RUN_ORIGIN = 'run:';
export const BACKTEST_ORIGIN = 'backtest:';

/** Origin of the job of a run of the trainer. */
export function originOfRun(runId: number): string {
  return `${RUN_ORIGIN}${runId}`;
}

/** The environment that tells a process which job it does, and that no person waits for it. */
export function originEnv(origin: JobOrigin): NodeJS.ProcessEnv {
  return { [JOB_VARIABLE]: JSON.stringify(origin), [STORE_WAIT_VARIABLE]: String(STORE_WAIT_MS) };
}

/** The origin of the job of this process, from its environment; {}: none. */
export function readOrigin(env: NodeJS.ProcessEnv): JobOrigin {
  const text = env[JOB_VARIABLE];
  if (text === undefined) return {};
  try {
    return originSchema.parse(JSON.parse(text));
  } catch {
    return {};
  }
}
