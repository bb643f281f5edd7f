import '../../../shared/low_priority.ts';
import { parentPort, workerData } from 'node:worker_threads';
import { scanCoverage, type CoverageTask } from './coverage.ts';

/** One scan: its task in, its result out. */
parentPort!.postMessage(await scanCoverage(workerData as CoverageTask));
