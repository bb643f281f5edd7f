import { existsSync } from 'node:fs';
import { Worker } from 'node:worker_threads';
import { scanCoverage, type CoverageTask, type SymbolCoverage } from './coverage.ts';

/** The compiled thread program; where it is absent (tests run the sources), the caller scans. */
const PROGRAM = new URL('./coverage_worker.js', import.meta.url);

/**
 * Runs `scanCoverage` on a low-priority thread that ends with it.
 * @throws Error when the scan fails
 */
export function scanOnThread(task: CoverageTask): Promise<readonly SymbolCoverage[]> {
  if (!existsSync(PROGRAM)) return scanCoverage(task);
  return new Promise((resolve, reject) => {
    const thread = new Worker(PROGRAM, { workerData: task });
    thread.unref();
    thread.once('message', resolve);
    thread.once('error', reject);
    thread.once('exit', (code) => reject(new Error(`the scan ended without a result: exit ${code}`)));
  });
}
