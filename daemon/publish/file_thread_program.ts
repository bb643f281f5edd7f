import { parentPort, workerData } from 'node:worker_threads';
import { MACHINE_FILES } from '../../shared/files.ts';
import { createFilePublisher } from './file.ts';
import type { FileThreadAnswer } from './file_thread.ts';
import type { Publication } from './publish.ts';

/** The thread of file_thread.ts: writes one batch after the other, given as `[pair id, text, pair id, text …]`. */
const port = parentPort!;
let lastFailure = '';
const publisher = createFilePublisher({
  files: MACHINE_FILES,
  folder: workerData as string,
  onFailure: (error) => (lastFailure = error.seen ?? error.message),
  onRecovered: () => undefined,
});

port.on('message', (texts: readonly string[]) => {
  const before = publisher.failures;
  const batch: Publication[] = [];
  for (let i = 0; i < texts.length; i += 2) batch.push({ pairId: texts[i]!, text: texts[i + 1]! });
  publisher.publish(batch);
  const { failures, failing } = publisher;
  const answer: FileThreadAnswer = { failures: failures - before, failing, seen: lastFailure };
  port.postMessage(answer);
});
