/** Resolves when this process is asked to end: Ctrl-C, SIGTERM, or the death of the process that started it. */
export function stopSignal(): Promise<string> {
  return new Promise((resolve) => {
    for (const name of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.on(name, () => resolve(name));
    if (process.send !== undefined) process.on('disconnect', () => resolve('disconnect'));
  });
}
