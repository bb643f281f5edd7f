import { join } from 'node:path';
import { packageRoot } from './root.ts';

/** The compiled program below the package's root; see cli/minutehand.ts. */
export const COMPILED_PROGRAM = join('dist', 'cli', 'minutehand.js');

/** Program and first argument that run this command line in a new process, like this one was started. */
export function launcher(): string[] {
  const isCompiled = process.argv[1]?.endsWith(COMPILED_PROGRAM) === true;
  return [process.execPath, join(packageRoot(), isCompiled ? COMPILED_PROGRAM : join('bin', 'minutehand.mjs'))];
}
