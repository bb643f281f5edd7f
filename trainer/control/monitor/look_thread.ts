import { existsSync } from 'node:fs';
import { Worker } from 'node:worker_threads';
import { lookAtModels, type LookTask, type NoLook } from './look.ts';
import type { MonitorReport } from './report.ts';

/** The compiled thread program; without it (tests run the sources), the caller runs the check. */
const PROGRAM = new URL('./look_worker.js', import.meta.url);

export interface RunningLook {
  /** Never rejects. */
  readonly report: Promise<MonitorReport | NoLook>;
  stop(): Promise<void>;
}

/**
 * Runs `lookAtModels` on a low-priority thread that ends with it: its memory is freed, and the API stays responsive.
 */
export function startLook(task: LookTask): RunningLook {
  if (!existsSync(PROGRAM)) {
    const report = lookAtModels(task);
    return { report, stop: () => report.then(() => undefined) };
  }
  const thread = new Worker(PROGRAM, { workerData: task });
  const report = new Promise<MonitorReport | NoLook>((resolve) => {
    const fail = (why: string): void =>
      resolve({ version: null, skipped: `the check ended without a result: ${why}`, direction: {}, findings: [] });
    thread.once('message', resolve);
    thread.once('error', (error) => fail(error.message));
    thread.once('exit', (code) => fail(`exit ${code}`));
  });
  return { report, stop: () => thread.terminate().then(() => undefined) };
}
