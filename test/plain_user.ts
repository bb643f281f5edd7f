import { chownSync } from 'node:fs';

const NOBODY = 65_534;

/**
 * Runs `work` without root privileges, since root may write to every folder.
 * @param folder is given to that user
 */
export function asPlainUser(folder: string, work: () => void): void {
  if (process.getuid?.() !== 0) return work();
  chownSync(folder, NOBODY, NOBODY);
  process.seteuid!(NOBODY);
  try {
    work();
  } finally {
    process.seteuid!(0);
  }
}
