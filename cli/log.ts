import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import pino, { type Logger } from 'pino';

/** A log file that is written off the caller's way; `flush` at the end writes what is left. */
export function openLog(folder: string, name: string, level: string): { log: Logger; flush(): void } {
  mkdirSync(folder, { recursive: true });
  const destination = pino.destination({ dest: join(folder, `${name}.log`), sync: false });
  const log = pino({ level, base: { process: name }, timestamp: pino.stdTimeFunctions.isoTime }, destination);
  return { log, flush: () => destination.flushSync() };
}
