import { parentPort, workerData } from 'node:worker_threads';
import { pauseThread } from '../../shared/durable_file.ts';
import { MACHINE_FILES } from '../../shared/files.ts';
import { filesUnderUmask } from '../../shared/private_files.ts';
import { createUptime } from '../../shared/uptime.ts';
import { scheduleAsBatch } from '../threads/batch_thread.ts';
import { createFilePublisher } from './file.ts';
import type { FileThreadAnswer, FileThreadBatch, FileThreadData } from './file_thread.ts';
import type { Publication } from './publish.ts';

/** Retry interval of failed files, until a newer signal replaces them: the next bar is a minute away. */
const RETRY_MS = 250;

/** The thread of file_thread.ts: writes one batch after the other. */
const port = parentPort!;
const { folder, allName, umask } = workerData as FileThreadData;
// Redis and the consumers that a signal has just woken do not wait for files.
scheduleAsBatch();
let lastFailure = '';
let lastDeadlineMs: number | null = null;

/** A process that was suspended must not write what waited. */
const uptimeMs = createUptime();
const isAllowed = (): boolean => lastDeadlineMs === null || uptimeMs() < lastDeadlineMs;

const publisher = createFilePublisher({
  files: umask === null ? MACHINE_FILES : filesUnderUmask(umask),
  folder,
  ...(allName === undefined ? {} : { allName }),
  pause: pauseThread,
  mayWrite: isAllowed,
  onFailure: (error) => (lastFailure = error.seen ?? error.message),
  onRecovered: () => undefined,
});
let retrying: NodeJS.Timeout | undefined;

function tell(isBetween: boolean, failures: number): void {
  const { failing, retries } = publisher;
  port.postMessage({ isBetween, failures, failing, seen: lastFailure, retries } satisfies FileThreadAnswer);
  clearTimeout(retrying);
  if (failing > 0) retrying = setTimeout(retryFailed, RETRY_MS);
}

function retryFailed(): void {
  publisher.retry();
  tell(true, 0);
}

port.on('message', ([deadlineMs, ...texts]: FileThreadBatch) => {
  lastDeadlineMs = deadlineMs;
  const before = publisher.failures;
  const batch: Publication[] = [];
  for (let i = 0; i < texts.length; i += 2) batch.push({ pairId: texts[i]!, text: texts[i + 1]! });
  publisher.publish(batch);
  tell(false, publisher.failures - before);
});
