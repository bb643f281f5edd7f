/** Characters of a reason; it stands on every page. */
export const MAX_REASON = 500;

/**
 * The reason of an override as it is recorded: without white space around it.
 * @returns what is wrong with it, in words, where a person could not read it later
 */
export function overrideReason(text: string): { readonly reason: string } | { readonly wrong: string } {
  const reason = text.trim();
  if (reason.length > MAX_REASON) return { wrong: `a reason of ${reason.length} characters` };
  if (/\p{Cc}/u.test(reason)) return { wrong: 'a reason with control characters' };
  if (!/[\p{L}\p{N}]/u.test(reason)) return { wrong: 'a reason without a letter or digit' };
  return { reason };
}

export const READABLE_REASON = `one line that a person can read, of at most ${MAX_REASON} characters`;
