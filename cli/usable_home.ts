import { accessSync, constants, statSync } from 'node:fs';
import { knownError, MinutehandError } from '../shared/errors.ts';

/** Commands that read and write nothing in a home. */
const WITHOUT_HOME: readonly string[] = ['docs', 'help', 'bench', 'sim', 'signal', 'config'];

/** Why there can be no folder at a place, by the system's code. */
const WRONG_PLACE: Readonly<Record<string, string>> = {
  ENOTDIR: 'a part of it is a file',
  ELOOP: 'its symbolic links lead to themselves',
  ENAMETOOLONG: 'its name is too long',
};

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
    const { code } = error as NodeJS.ErrnoException;
    if (code === 'ENOENT') return;
    const wrong = code === undefined ? undefined : WRONG_PLACE[code];
    if (wrong === undefined) throw knownError(error) ?? error;
    throw new MinutehandError('HOME_UNUSABLE', {
      seen: `${home}: ${wrong}`,
      next: 'Set MINUTEHAND_HOME to a folder.',
      cause: error,
    });
  }
}
