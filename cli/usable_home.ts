import { accessSync, constants, statSync } from 'node:fs';
import { knownError, MinutehandError } from '../shared/errors.ts';

/** Commands that read and write nothing in a home. */
const WITHOUT_HOME: readonly string[] = ['docs', 'bench', 'sim', 'signal', 'config'];

/**
 * What is in a home that cannot be read looks like a home without anything: no models, no bars, no process.
 * @param command its first word
 * @throws MinutehandError HOME_UNUSABLE where the home is no folder; FILE_DENIED where this user may not read it
 */
export function refuseUnusableHome(command: string, home: string): void {
  if (WITHOUT_HOME.includes(command)) return;
  try {
    if (!statSync(home).isDirectory())
      throw new MinutehandError('HOME_UNUSABLE', {
        seen: `${home} is a file`,
        expected: 'a folder, or a name at which one can be made',
        next: 'Set MINUTEHAND_HOME to a folder.',
      });
    accessSync(home, constants.R_OK | constants.X_OK);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw knownError(error) ?? error;
  }
}
