import { FAILED, type Output } from './output.ts';

/** What a command found out about one thing. */
export interface CheckResult {
  readonly what: string;
  /** A warning does not make the exit code 1. */
  readonly verdict: 'ok' | 'warning' | 'error';
  readonly detail: string;
}

const MARKS = { ok: '✓', warning: '!', error: '✗' } as const;
const NAME_WIDTH = 18;

/** One line for each. */
export function printChecks(findings: readonly CheckResult[], output: Output): void {
  for (const { what, verdict, detail } of findings)
    output.line(`${MARKS[verdict]} ${what.padEnd(NAME_WIDTH)} ${detail}`);
}

/** Ends the command with 1 when something must be fixed. @returns whether nothing must be */
export function endWithChecks(findings: readonly CheckResult[]): boolean {
  const isOk = findings.every(({ verdict }) => verdict !== 'error');
  if (!isOk) process.exitCode = FAILED;
  return isOk;
}
