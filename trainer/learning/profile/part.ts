/** A part of a check, or the reason why it was skipped. */
export type Part<T> = T | { readonly skipped: string };

export function isSkipped<T extends object>(part: Part<T>): part is { readonly skipped: string } {
  return 'skipped' in part;
}
