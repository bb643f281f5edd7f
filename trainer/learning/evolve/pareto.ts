/**
 * Fronts of non-dominated points (Deb, Pratap, Agarwal & Meyarivan, NSGA-II, IEEE Transactions on Evolutionary
 * Computation 6, 2002): a point dominates another if it is nowhere lower and somewhere higher.
 * @param points [points][objectives], each to be maximized
 * @returns front of each point, from 0
 */
export function paretoFronts(points: readonly (readonly number[])[]): Int32Array {
  const count = points.length;
  const front = new Int32Array(count).fill(-1);
  const dominates: number[][] = points.map(() => []);
  const dominators = new Int32Array(count);
  for (let i = 0; i < count; i++) {
    for (let k = i + 1; k < count; k++) {
      const order = dominance(points[i]!, points[k]!);
      if (order > 0) {
        dominates[i]!.push(k);
        dominators[k]!++;
      } else if (order < 0) {
        dominates[k]!.push(i);
        dominators[i]!++;
      }
    }
  }
  let current = [...points.keys()].filter((i) => dominators[i] === 0);
  for (let rank = 0; current.length > 0; rank++) {
    const next: number[] = [];
    for (const i of current) {
      front[i] = rank;
      for (const k of dominates[i]!) {
        dominators[k]!--;
        if (dominators[k] === 0) next.push(k);
      }
    }
    current = next.sort((a, b) => a - b);
  }
  return front;
}

/** 1: the first dominates, −1: the second, 0: neither. */
function dominance(a: readonly number[], b: readonly number[]): -1 | 0 | 1 {
  let isHigher = false;
  let isLower = false;
  for (let i = 0; i < a.length; i++) {
    if (a[i]! > b[i]!) isHigher = true;
    if (a[i]! < b[i]!) isLower = true;
  }
  if (isHigher === isLower) return 0;
  return isHigher ? 1 : -1;
}

/** Crowding distance of each point within its front: larger where neighbors are far; Infinity at the ends. */
export function crowdingDistances(points: readonly (readonly number[])[], front: Int32Array): Float64Array {
  const distance = new Float64Array(points.length);
  const fronts = new Map<number, number[]>();
  front.forEach((rank, i) => fronts.set(rank, [...(fronts.get(rank) ?? []), i]));
  for (const members of fronts.values()) {
    for (let objective = 0; objective < points[0]!.length; objective++) {
      const value = (i: number): number => points[i]![objective]!;
      const sorted = [...members].sort((a, b) => value(a) - value(b) || a - b);
      const range = value(sorted.at(-1)!) - value(sorted[0]!);
      distance[sorted[0]!] = Infinity;
      distance[sorted.at(-1)!] = Infinity;
      if (!(range > 0)) continue;
      for (let at = 1; at + 1 < sorted.length; at++)
        distance[sorted[at]!]! += (value(sorted[at + 1]!) - value(sorted[at - 1]!)) / range;
    }
  }
  return distance;
}
