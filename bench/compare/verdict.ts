/** 'slower' or 'faster' only when the interval excludes 1. */
export type Difference = 'slower' | 'faster' | 'no difference shown';

export interface Comparison {
  /** Time now over time before. */
  readonly ratio: number;
  /** Confidence interval of the ratio at `CONFIDENCE`; 0 to Infinity with too few rounds. */
  readonly low: number;
  readonly high: number;
  readonly verdict: Difference;
}

/** For each interval: a dozen stations are compared at once. */
export const CONFIDENCE = 0.99;

/**
 * Compares paired rounds: the median of the ratios, with the interval of the sign test, which makes no assumption about
 * the noise.
 * @param before time of each round
 * @param now of the same rounds
 */
export function comparePaired(before: readonly number[], now: readonly number[]): Comparison {
  if (before.length !== now.length) throw new RangeError(`${before.length} rounds against ${now.length}`);
  const logs = now.map((time, round) => Math.log(time / before[round]!)).sort(ascending);
  const outside = tailIndex(binomialTail(logs.length), logs.length);
  return comparison(medianOf(logs), logs[outside], logs[logs.length - 1 - outside]);
}

/**
 * Compares unpaired rounds: the Hodges–Lehmann ratio, with the exact interval of the Mann–Whitney test.
 * @param before time of each earlier round
 * @param now time of each current round
 */
export function compareUnpaired(before: readonly number[], now: readonly number[]): Comparison {
  const logs = now.flatMap((after) => before.map((earlier) => Math.log(after / earlier))).sort(ascending);
  const outside = tailIndex(mannWhitneyTail(before.length, now.length), logs.length);
  return comparison(medianOf(logs), logs[outside], logs[logs.length - 1 - outside]);
}

function comparison(log: number, low = -Infinity, high = Infinity): Comparison {
  const verdict = low > 0 ? 'slower' : high < 0 ? 'faster' : 'no difference shown';
  return { ratio: Math.exp(log), low: Math.exp(low), high: Math.exp(high), verdict };
}

/** Index of the lower bound among `count` sorted values; out of range if none has the confidence. */
function tailIndex(tail: (atMost: number) => number, count: number): number {
  const allowed = (1 - CONFIDENCE) / 2;
  let index = -1;
  while (index + 1 < count / 2 && tail(index + 1) <= allowed) index++;
  return index < 0 ? count : index;
}

/** P(successes of n fair coins ≤ k). */
function binomialTail(n: number): (atMost: number) => number {
  return (atMost) => {
    let term = 0.5 ** n;
    let sum = 0;
    for (let k = 0; k <= atMost; k++) {
      sum += term;
      term *= (n - k) / (k + 1);
    }
    return sum;
  };
}

/** P(U ≤ u) when both samples have the same distribution. */
function mannWhitneyTail(m: number, n: number): (atMost: number) => number {
  // Number of orderings of i values of one sample and j of the other with a given number of inversions.
  const ways: number[][][] = [];
  for (let i = 0; i <= m; i++) {
    ways.push([]);
    for (let j = 0; j <= n; j++) {
      const counts = new Array<number>(i * j + 1).fill(0);
      if (i === 0 || j === 0) counts[0] = 1;
      else {
        ways[i - 1]![j]!.forEach((count, u) => (counts[u + j]! += count));
        ways[i]![j - 1]!.forEach((count, u) => (counts[u]! += count));
      }
      ways[i]!.push(counts);
    }
  }
  const counts = ways[m]![n]!;
  const all = counts.reduce((sum, count) => sum + count, 0);
  return (atMost) => counts.slice(0, atMost + 1).reduce((sum, count) => sum + count, 0) / all;
}

function medianOf(sorted: readonly number[]): number {
  const middle = (sorted.length - 1) / 2;
  return (sorted[Math.floor(middle)]! + sorted[Math.ceil(middle)]!) / 2;
}

const ascending = (a: number, b: number): number => a - b;
