import { lstatSync, readdirSync, unlinkSync } from 'node:fs';
import { join } from 'node:path';

/**
 * Removes symbolic links of other users: the folder itself, and what stands in it. Opening a file without following
 * links protects its last name alone: through a link of a folder this process would write where another user wants. A
 * link of this user or of root was made on purpose and stays.
 * @returns the paths of those that were removed
 * @throws the system's error when one cannot be removed
 */
export function removeForeignLinks(folder: string): readonly string[] {
  const links = isForeignLink(folder)
    ? [folder]
    : entriesOf(folder)
        .map((name) => join(folder, name))
        .filter(isForeignLink);
  for (const path of links) unlinkSync(path);
  return links;
}

/** Whether a path is a symbolic link of another user, and not of root. Never on Windows. */
export function isForeignLink(path: string): boolean {
  const own = process.geteuid?.();
  if (own === undefined) return false;
  const found = lstatSync(path, { throwIfNoEntry: false });
  return found?.isSymbolicLink() === true && found.uid !== own && found.uid !== 0;
}

function entriesOf(folder: string): readonly string[] {
  try {
    return readdirSync(folder, { withFileTypes: true })
      .filter((entry) => entry.isSymbolicLink())
      .map(({ name }) => name);
  } catch {
    return [];
  }
}
