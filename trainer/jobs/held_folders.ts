import { MinutehandError } from '../../shared/errors.ts';
import { holdFolder, makeFolder } from '../../shared/folder.ts';

/**
 * Makes the folders into which a training writes, before hours of work end with a refusal, and does the work. When one
 * is moved away meanwhile, no new one is made: after work that fails, neither for its report.
 * @throws MinutehandError OUTPUT_UNWRITABLE; what the work throws
 */
export async function holdingFolders<Result>(folders: readonly string[], work: () => Promise<Result>): Promise<Result> {
  const releases = folders.map(hold);
  const result = await work();
  for (const release of releases) release();
  return result;
}

function hold(folder: string): () => void {
  try {
    makeFolder(folder);
  } catch (cause) {
    throw new MinutehandError('OUTPUT_UNWRITABLE', { seen: folder, cause });
  }
  return holdFolder(folder);
}
