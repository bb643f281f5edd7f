/** The end of a title with the reason why its test is skipped. */
export const SKIPPED = / \(skipped: (.+)\)$/s;

/** For the end of a test's title: why it is skipped, or nothing. */
export function skipNote(isSkipped: boolean, reason: string): string {
  return isSkipped ? ` (skipped: ${reason})` : '';
}
