import '../../../shared/low_priority.ts';
import { parentPort, workerData } from 'node:worker_threads';
import { scanCoverage, type CoverageTask } from './coverage.ts';
import type { CoverageMessage } from './coverage_thread.ts';

const port = parentPort!;
const send = (message: CoverageMessage): void => port.postMessage(message);

/** One scan: its task in; the numbers of symbols that are done and of all after each of them, then its result, out. */
const found = await scanCoverage(workerData as CoverageTask, (done, total) => send({ done, total }));
send({ found });
