import { join } from 'node:path';
import pino, { type Logger } from 'pino';
import { maskSecrets } from '../secrets.ts';
import { openLogFile } from './log_file.ts';

/** Least severe line that is written; `silent` writes none and makes no file. */
export type LogLevel = pino.LevelWithSilent;

export interface OpenLog {
  readonly log: Logger;
  /** Writes what waits at once, for a process that is about to end. */
  flush(): void;
  /** Resolves when every line is in the file or lost. */
  close(): Promise<void>;
  /** Lines that never came into the file: its disk takes nothing. */
  lost(): number;
}

/**
 * A log of JSON lines, `<folder>/<name>.log`, written asynchronously.
 * @param base fields of every line
 * @param isPlain the lines hold numbers and ids alone: they are not searched for secrets
 */
export function openLog(
  folder: string,
  name: string,
  level: LogLevel,
  base: Record<string, string> = { process: name },
  isPlain = false,
): OpenLog {
  const file = openLogFile(join(folder, `${name}.log`));
  const destination = isPlain ? file : { write: (line: string) => file.write(maskSecrets(line)) };
  const log = pino({ level, base, timestamp: pino.stdTimeFunctions.isoTime }, destination);
  return { log, flush: () => file.flush(), close: () => file.close(), lost: () => file.lost };
}
