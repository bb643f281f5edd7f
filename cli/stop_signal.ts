const SIGNALS = ['SIGINT', 'SIGTERM', 'SIGHUP'] as const;

/**
 * Resolves with the reason when this process is asked to end: Ctrl-C, SIGTERM, or the death of the process that started
 * it. Later requests change nothing: the end is under way.
 */
export function stopSignal(): Promise<string> {
  return new Promise((resolve) => {
    for (const name of SIGNALS) process.on(name, () => end(name));
    const onDisconnect = (): void => end('the process that started this one has ended');
    const end = (reason: string): void => {
      // A listener on the channel to the parent keeps a process alive.
      process.off('disconnect', onDisconnect);
      resolve(reason);
    };
    if (process.send !== undefined) process.on('disconnect', onDisconnect);
  });
}
