import { existsSync } from 'node:fs';
import { Worker } from 'node:worker_threads';
import { scanCoverage, type CoverageTask, type SymbolCoverage } from './coverage.ts';

/** The compiled thread program; where it is absent (tests run the sources), the caller scans. */
const PROGRAM = new URL('./coverage_worker.js', import.meta.url);

/** What the thread sends: symbols that are done so far, and at last what was found. */
export type CoverageMessage =
  | { readonly done: number; readonly total: number }
  | { readonly found: readonly SymbolCoverage[] };

/**
 * Runs `scanCoverage` on a low-priority thread that ends with it.
 * @param onSymbol called with the numbers of symbols that are done, and of all
 * @throws Error when the scan fails
 */
export function scanOnThread(
  task: CoverageTask,
  onSymbol: (done: number, total: number) => void,
): Promise<readonly SymbolCoverage[]> {
  if (!existsSync(PROGRAM)) return scanCoverage(task, onSymbol);
  return new Promise((resolve, reject) => {
    const thread = new Worker(PROGRAM, { workerData: task });
    thread.on('message', (message: CoverageMessage) => {
      if ('found' in message) resolve(message.found);
      else onSymbol(message.done, message.total);
    });
    // A listener of messages would keep the process.
    thread.unref();
    thread.once('error', reject);
    thread.once('exit', (code) => reject(new Error(`the scan ended without a result: exit ${code}`)));
  });
}
