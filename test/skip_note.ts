/** Suffix of a title with the reason for skipping. */
export const SKIPPED = / \(skipped: (.+)\)$/s;

/** Suffix of a test's title: the reason for skipping, or nothing. */
export function skipNote(isSkipped: boolean, reason: string): string {
  return isSkipped ? ` (skipped: ${reason})` : '';
}
