import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';

/** @returns a garbage collection of this thread, which blocks it */
export function collectionOf(type: 'minor' | 'major'): () => void {
  setFlagsFromString('--expose-gc');
  const collect = runInNewContext('gc') as (options: object) => void;
  setFlagsFromString('--no-expose-gc');
  const options = { type, execution: 'sync' };
  return () => collect(options);
}
