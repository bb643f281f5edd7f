/**
 * Holm's step-down adjustment (Scandinavian J. of Statistics 6, 1979): of all hypotheses with an adjusted p-value up to
 * a level, the probability of a single false one is at most that level, however they depend on each other.
 */
export function holm(ps: readonly number[]): number[] {
  const order = [...ps.keys()].sort((a, b) => ps[a]! - ps[b]!);
  const adjusted = new Array<number>(ps.length);
  let highest = 0;
  order.forEach((own, rank) => {
    highest = Math.max(highest, Math.min(1, (ps.length - rank) * ps[own]!));
    adjusted[own] = highest;
  });
  return adjusted;
}
