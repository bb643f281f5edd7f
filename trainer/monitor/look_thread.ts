import { existsSync } from 'node:fs';
import { Worker } from 'node:worker_threads';
import { lookAtModels, type LookTask, type NoLook } from './look.ts';
import type { MonitorReport } from './report.ts';

/** The thread's program, compiled; where there is none (tests run the sources), the caller looks. */
const PROGRAM = new URL('./look_worker.js', import.meta.url);

export interface RunningLook {
  /** Never rejects. */
  readonly report: Promise<MonitorReport | NoLook>;
  stop(): Promise<void>;
}

/**
 * `lookAtModels` on a thread of its own at low priority, which ends with it: the memory of a look is freed, and the API
 * answers meanwhile.
 */
export function startLook(task: LookTask): RunningLook {
  if (!existsSync(PROGRAM)) {
    const report = lookAtModels(task);
    return { report, stop: () => report.then(() => undefined) };
  }
  const thread = new Worker(PROGRAM, { workerData: task });
  const report = new Promise<MonitorReport | NoLook>((resolve) => {
    const fail = (why: string): void => resolve({ version: null, skipped: `the look ended without an answer: ${why}` });
    thread.once('message', resolve);
    thread.once('error', (error) => fail(error.message));
    thread.once('exit', (code) => fail(`exit ${code}`));
  });
  return { report, stop: () => thread.terminate().then(() => undefined) };
}
