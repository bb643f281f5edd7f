import type { ChildProcess } from 'node:child_process';

/** Windows has no SIGTERM; Ctrl-Break is SIGBREAK there, and the closing of the window SIGHUP. */
const SIGNALS = ['SIGINT', 'SIGTERM', 'SIGHUP', 'SIGBREAK'] as const;

/**
 * Resolves with the reason when this process is to end: Ctrl-C, SIGTERM, or the end of the process that started it.
 * Later requests have no effect.
 */
export function stopSignal(): Promise<string> {
  return new Promise((resolve) => {
    for (const name of SIGNALS) process.on(name, () => resolve(name));
    if (process.channel === null || process.channel === undefined) return;
    process.on('disconnect', () => resolve('the process that started this one has ended'));
    // A listener on the channel to the parent would prevent the exit of a process that failed to start.
    process.channel.unref();
  });
}

/**
 * Requests the end of a process that was started with a channel and waits in `stopSignal`. Windows has no SIGTERM, and
 * `kill` ends a process at once there: closing the channel is the request, as the end of this process would be.
 */
export function askToStop(child: ChildProcess, platform: NodeJS.Platform = process.platform): void {
  if (platform !== 'win32') child.kill('SIGTERM');
  else if (child.connected) child.disconnect();
}
