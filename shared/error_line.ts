import type { ErrorReport } from './errors.ts';

const NEXT_STEP = ' → ';

/**
 * An error with its next step in one line, as records of jobs and backtests keep it. What another process has printed
 * may lack the next step.
 */
export function errorLine({ code, message, next }: Pick<ErrorReport, 'code' | 'message'> & { next?: string }): string {
  const seen = `${code}: ${message}`;
  return next === undefined ? seen : withNext(seen, next);
}

/** What has happened, and what to do. */
export function withNext(seen: string, next: string): string {
  return `${seen}${NEXT_STEP}${next}`;
}

/** The parts of such a line; one of an earlier version has no next step. */
export function partsOfErrorLine(line: string): { readonly seen: string; readonly next: string | null } {
  const at = line.lastIndexOf(NEXT_STEP);
  return at < 0 ? { seen: line, next: null } : { seen: line.slice(0, at), next: line.slice(at + NEXT_STEP.length) };
}
