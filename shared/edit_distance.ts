/**
 * Letters that must be inserted, removed or replaced to make one word of the other (Levenshtein distance), in UTF-16
 * code units. Takes time proportional to the product of both lengths: for names, not for texts.
 */
export function editDistance(one: string, other: string): number {
  // Distances between the letters of `one` so far and each beginning of `other`.
  let row = Array.from({ length: other.length + 1 }, (_, i) => i);
  for (let i = 0; i < one.length; i++) {
    const next = [i + 1];
    for (let j = 0; j < other.length; j++) {
      const replaced = row[j]! + (one[i] === other[j] ? 0 : 1);
      next.push(Math.min(replaced, row[j + 1]! + 1, next[j]! + 1));
    }
    row = next;
  }
  return row[other.length]!;
}
