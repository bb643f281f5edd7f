import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { MinutehandError } from '../errors.ts';
import { MACHINE_FILES } from '../files.ts';

/**
 * Reads a JSON file beside the bar files of a folder, which a person may have written.
 * @param isContent whether an object has the expected values
 * @param expected the form, for the error
 * @returns null without the file
 * @throws MinutehandError DATA_FORMAT
 */
export function readFolderFile<Content extends object>(
  folder: string,
  name: string,
  isContent: (values: readonly unknown[]) => boolean,
  expected: string,
): Content | null {
  const path = join(folder, name);
  if (MACHINE_FILES.stat(path) === null) return null;
  let content: unknown;
  try {
    content = JSON.parse(readFileSync(path, 'utf8'));
  } catch (cause) {
    throw new MinutehandError('DATA_FORMAT', { seen: `${path} is not JSON`, cause });
  }
  if (typeof content === 'object' && content !== null && isContent(Object.values(content))) return content as Content;
  throw new MinutehandError('DATA_FORMAT', { seen: `${path}: ${JSON.stringify(content).slice(0, 200)}`, expected });
}
