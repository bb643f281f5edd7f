import { createHash } from 'node:crypto';
import { linesOf, type Part } from './archive_parts.ts';

/** Lines of a day in the history, in pages; each call reads them again. */
export type StoredLines = () => AsyncGenerator<readonly string[]>;

/** Lines of the history that are not in the archive, in pages. */
export async function* missingLines(parts: readonly Part[], stored: StoredLines): AsyncGenerator<readonly string[]> {
  const isMissing = await lineTest(parts, stored);
  for await (const lines of stored()) yield lines.filter(isMissing);
}

/**
 * Returns a test of whether a line is not in the archive: by the hash of the whole day if possible, otherwise line by
 * line.
 */
async function lineTest(parts: readonly Part[], stored: StoredLines): Promise<(line: string) => boolean> {
  const [only] = parts;
  if (only === undefined) return () => true;
  if (parts.length === 1) {
    const hash = createHash('sha256');
    for await (const lines of stored()) hash.update(`${lines.join('\n')}\n`);
    if (hash.digest('hex') === only.manifest.content_sha256) return () => false;
  }
  const known = new Set<string>();
  for await (const lines of linesOf(parts)) for (const line of lines) known.add(digestOf(line));
  return (line) => !known.has(digestOf(line));
}

/** As a Latin-1 string, to save memory: half a million are kept at a time. */
function digestOf(line: string): string {
  return createHash('sha256').update(line).digest('binary');
}
