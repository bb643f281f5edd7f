import { spawn, type ChildProcess } from 'node:child_process';

/** Its standard input ends with the process that started it, however that ends: then it ends the group. */
const WATCH = 'read -r _; kill -s KILL -- "-$1"';

/**
 * Ends a child and all that it has started once this process is gone, also by a signal, after which nothing here runs
 * any more: a program that neither reads its standard input nor ends by SIGTERM would learn on for hours.
 * @param child leads a process group of its own
 */
export function endGroupWithThisProcess(child: ChildProcess): void {
  if (child.pid === undefined) return;
  const watch = spawn('/bin/sh', ['-c', WATCH, 'watch', `${child.pid}`], {
    stdio: ['pipe', 'ignore', 'ignore'],
    // A group of its own: Ctrl-C in a terminal, and the end of the child's group, leave it.
    detached: true,
    env: {},
  });
  watch.on('error', () => undefined);
  watch.unref();
  (watch.stdin as unknown as { unref(): void }).unref();
  // Numbers of processes are given again.
  child.once('exit', () => watch.kill('SIGKILL'));
}
