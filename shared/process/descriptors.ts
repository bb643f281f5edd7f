import { readFileSync } from 'node:fs';
import { MinutehandError } from '../errors.ts';

/** Where the system tells no limit, as Windows, which has none for what Node opens. */
const UNTOLD = 16_384;

let known: number | undefined;

/** Descriptors that this process may have open (RLIMIT_NOFILE): Node raises the soft limit to the hard one at start. */
export function descriptorLimit(): number {
  return (known ??= read());
}

function read(): number {
  try {
    const line = /^Max open files\s+(\S+)/m.exec(readFileSync('/proc/self/limits', 'utf8'));
    return line === null ? reported() : numberOf(line[1]);
  } catch {
    return reported();
  }
}

/** Where there is no /proc: a report of Node, which takes some milliseconds. */
function reported(): number {
  if (process.platform === 'win32') return UNTOLD;
  const { userLimits } = process.report.getReport() as {
    readonly userLimits?: { readonly open_files?: { readonly soft?: number | string } };
  };
  return numberOf(userLimits?.open_files?.soft);
}

function numberOf(told: number | string | undefined): number {
  const limit = Number(told);
  return Number.isFinite(limit) && limit > 0 ? limit : UNTOLD;
}

/** Held back for files, threads and feeders: a daemon of twelve pairs has 60 to 90 open, a trainer fewer. */
const HELD_BACK = 192;
/** What a daemon of few pairs opens with its threads. With less it would start, and its parts would fail one by one. */
const DAEMON_LEAST = 96;

/** @throws MinutehandError FILES_EXHAUSTED when a daemon could not open what it needs */
export function requireDescriptors(limit = descriptorLimit()): void {
  if (limit >= DAEMON_LEAST) return;
  throw new MinutehandError('FILES_EXHAUSTED', {
    seen: `a limit of ${limit} open files`,
    expected: `${DAEMON_LEAST} at least`,
  });
}

/** Of a process whose limit is lower than what is held back. */
const LEAST = 8;

/**
 * Descriptors for connections of one kind, so that both kinds (HTTP; WebSockets or event streams) together leave half
 * of the limit, and HELD_BACK of it at least, to everything else.
 * @param most however high the limit is
 */
export function socketShare(most: number, limit = descriptorLimit()): number {
  return Math.min(most, Math.max(LEAST, Math.floor((limit - HELD_BACK) / 4)));
}
