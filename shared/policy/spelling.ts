import { distance } from 'fastest-levenshtein';

/** The candidate with the fewest edits away from `word`, letter case aside; the first of equals. */
export function nearest(word: string, candidates: readonly string[]): { word: string; edits: number } | undefined {
  let best: { word: string; edits: number } | undefined;
  for (const candidate of candidates) {
    const edits = distance(word.toLowerCase(), candidate.toLowerCase());
    if (best === undefined || edits < best.edits) best = { word: candidate, edits };
  }
  return best;
}

/**
 * Returns whether so many edits can be a slip of the fingers in a word of this length: up to a third of it, at least
 * two.
 */
export function isSlip(word: string, edits: number): boolean {
  return edits <= Math.max(2, Math.floor(word.length / 3));
}

/** ` (did you mean "x"?)`, or nothing when there is no candidate. */
export function didYouMean(word: string, candidates: readonly string[]): string {
  const found = nearest(word, candidates);
  return found === undefined ? '' : ` (did you mean "${found.word}"?)`;
}
