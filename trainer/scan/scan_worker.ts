import { parentPort } from 'node:worker_threads';
import { scanPair, type ScanTask } from './scan_pair.ts';

const port = parentPort!;
port.on('message', (task: ScanTask) => port.postMessage(scanPair(task)));
