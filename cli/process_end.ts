import { openResources } from '../shared/process/end_steps.ts';
import { wasAskedToStop } from './asked_to_stop.ts';

/** Time, in ms, in which output is written, and connections, threads and locks are released. */
const GRACE_MS = 5000;

/**
 * Ends a process whose command has returned `code`. A command that has failed, or that served and was asked to stop,
 * has nothing left to do: what was left open must not keep the process, and is named where it served. Other commands
 * end by themselves.
 */
export function endProcess(code: number): void {
  if (code === 0 && !wasAskedToStop()) return;
  const timer = setTimeout(() => {
    if (code === 0) process.stderr.write(`Ended although something was still open: ${openResources()}.\n`);
    process.exit(code);
  }, GRACE_MS);
  timer.unref();
}
