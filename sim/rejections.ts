import process from 'node:process';
import { Killed } from './process.ts';

/**
 * Takes over this process's unhandled rejections: those of killed simulated processes are ignored, all others reported.
 * @returns a function that restores the previous handlers
 */
export function watchRejections(onRejection: (reason: unknown) => void): () => void {
  const others = process.listeners('unhandledRejection');
  const listener = (reason: unknown): void => {
    if (!(reason instanceof Killed)) onRejection(reason);
  };
  process.removeAllListeners('unhandledRejection');
  process.on('unhandledRejection', listener);
  return () => {
    process.removeListener('unhandledRejection', listener);
    for (const other of others) process.on('unhandledRejection', other);
  };
}
