import { editDistance } from '../edit_distance.ts';

/** The candidate with the fewest edits away from `word`, letter case aside; the first of equals. */
export function nearest(word: string, candidates: readonly string[]): { word: string; edits: number } | undefined {
  let best: { word: string; edits: number } | undefined;
  for (const candidate of candidates) {
    const edits = editDistance(word.toLowerCase(), candidate.toLowerCase());
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

/**
 * The candidates that a word may have meant, nearest first: those that are a slip away, and those that it begins, ends,
 * or that begin or end it, letter case and separators aside.
 */
export function nearNames(word: string, candidates: readonly string[], most = 3): string[] {
  const own = plainName(word);
  const found: { name: string; edits: number }[] = [];
  for (const name of new Set(candidates)) {
    const other = plainName(name);
    const edits = editDistance(own, other);
    if (isSlip(own, edits) || isPartOf(own, other) || isPartOf(other, own)) found.push({ name, edits });
  }
  found.sort((a, b) => a.edits - b.edits || (a.name < b.name ? -1 : 1));
  return found.slice(0, most).map(({ name }) => name);
}

/**
 * The only known id that is this one with a timeframe: `BTCUSDT` is `BTCUSDT@1h` where no other BTCUSDT is known.
 * @returns null where none is, or several are
 */
export function onlyTimeframe(id: string, known: readonly string[]): string | null {
  const found = known.filter((name) => name.startsWith(`${id}@`));
  return found.length === 1 ? found[0]! : null;
}

/** Fewer letters than this begin or end too many names. */
const SHORTEST_PART = 3;

function isPartOf(part: string, whole: string): boolean {
  return part.length >= SHORTEST_PART && (whole.startsWith(part) || whole.endsWith(part));
}

function plainName(name: string): string {
  return name.toLowerCase().replaceAll(/[^a-z0-9]/g, '');
}
