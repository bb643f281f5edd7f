import { join } from 'node:path';
import { packageRoot } from '../shared/root.ts';

/** Program and first argument that run this command line in a process of its own. */
export function launcher(): string[] {
  return [process.execPath, join(packageRoot(), 'bin', 'minutehand.mjs')];
}
