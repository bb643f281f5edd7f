import '../../../shared/low_priority.ts';
import { parentPort, workerData } from 'node:worker_threads';
import { scanCoverage, type CoverageTask } from './coverage.ts';
import type { CoverageMessage } from './coverage_thread.ts';

const port = parentPort!;
const send = (message: CoverageMessage): void => port.postMessage(message);

/** One scan: its task in; the number of symbols that are done after each of them, then its result, out. */
const found = await scanCoverage(workerData as CoverageTask, (done) => send({ done }));
send({ found });
