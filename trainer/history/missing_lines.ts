import { createHash } from 'node:crypto';
import { linesOf, type Part } from './archive_parts.ts';

/** A day's lines in the history, in pages; read again with each call. */
export type StoredLines = () => AsyncGenerator<readonly string[]>;

/** The lines of the history that the archive lacks, in pages. */
export async function* missingLines(parts: readonly Part[], stored: StoredLines): AsyncGenerator<readonly string[]> {
  const isMissing = await lineTest(parts, stored);
  for await (const lines of stored()) yield lines.filter(isMissing);
}

/**
 * Returns whether the archive lacks a line: compared by what the whole day hashes to where it can be, else line by
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

/** As text of one byte a character: half a million of them are kept at a time. */
function digestOf(line: string): string {
  return createHash('sha256').update(line).digest('binary');
}
