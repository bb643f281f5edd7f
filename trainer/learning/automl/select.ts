import { meanOf } from '../../../shared/statistics.ts';
import { benjaminiYekutieli } from '../statistics/benjamini_yekutieli.ts';
import type { Candidate, Generator } from './candidates.ts';
import type { CandidateScore } from './screen.ts';

/** Candidates whose values move together as closely as this are one. */
const SAME_CORRELATION = 0.9;

/** Why a candidate was not chosen. */
export const REFUSALS = ['chance', 'unstable', 'redundant', 'enough'] as const;
export type Refusal = (typeof REFUSALS)[number];

export interface ScoredCandidate {
  readonly candidate: Candidate;
  readonly score: CandidateScore;
  /** [rows]; null where the score rules it out. */
  readonly values: Float32Array | null;
}

export interface JudgedCandidate {
  readonly candidate: Candidate;
  readonly score: CandidateScore;
  /** null: chosen. */
  readonly refusal: Refusal | null;
  /** The column that it repeats. */
  readonly repeats?: string;
}

export interface SelectOptions {
  /** Expected share of false candidates among those that pass the test. */
  readonly level: number;
  readonly most: number;
  /** At most so many of a generator; absent: as many as of all. */
  readonly mostOf: Readonly<Partial<Record<Generator, number>>>;
  /** Columns of the present schema: [rows] each, by name. */
  readonly columns: ReadonlyMap<string, ArrayLike<number>>;
}

/**
 * Chooses candidates: whose effect is not chance (Benjamini–Yekutieli over all tested), explains the residuals in all
 * parts of the time but one, and is no other column in disguise. The surest first.
 */
export function selectCandidates(
  scored: readonly ScoredCandidate[],
  { level, most, mostOf, columns }: SelectOptions,
): JudgedCandidate[] {
  const isSure = benjaminiYekutieli(
    scored.map(({ score }) => score.p),
    level,
  );
  const meanGain = ({ gains }: CandidateScore): number => meanOf(gains);
  const order = [...scored.keys()].sort(
    (a, b) => scored[a]!.score.p - scored[b]!.score.p || meanGain(scored[b]!.score) - meanGain(scored[a]!.score),
  );
  const chosen = new Map<string, ArrayLike<number>>();
  const chosenOf: Partial<Record<Generator, number>> = {};
  const judge = (index: number): Omit<JudgedCandidate, 'candidate' | 'score'> => {
    const { candidate, score, values } = scored[index]!;
    if (!isSure[index] || values === null) return { refusal: 'chance' };
    const helpful = score.gains.filter((gain) => gain > 0).length;
    if (helpful < score.gains.length - 1 || meanGain(score) <= 0) return { refusal: 'unstable' };
    for (const [name, other] of [...columns, ...chosen])
      if (Math.abs(correlation(values, other)) >= SAME_CORRELATION) return { refusal: 'redundant', repeats: name };
    const { generator } = candidate;
    const ofGenerator = chosenOf[generator] ?? 0;
    if (chosen.size >= most || ofGenerator >= (mostOf[generator] ?? most)) return { refusal: 'enough' };
    chosenOf[generator] = ofGenerator + 1;
    chosen.set(candidate.name, values);
    return { refusal: null };
  };
  return order.map((index) => ({ candidate: scored[index]!.candidate, score: scored[index]!.score, ...judge(index) }));
}

/** Pearson's correlation over the rows that have both values; 0 where one is constant. */
export function correlation(x: ArrayLike<number>, y: ArrayLike<number>): number {
  let n = 0;
  let meanX = 0;
  let meanY = 0;
  let squaresX = 0;
  let squaresY = 0;
  let products = 0;
  for (let row = 0; row < x.length; row++) {
    const a = x[row]!;
    const b = y[row]!;
    if (Number.isNaN(a) || Number.isNaN(b)) continue;
    n++;
    // Welford's update.
    const fromX = a - meanX;
    const fromY = b - meanY;
    meanX += fromX / n;
    meanY += fromY / n;
    squaresX += fromX * (a - meanX);
    squaresY += fromY * (b - meanY);
    products += fromX * (b - meanY);
  }
  return squaresX > 0 && squaresY > 0 ? products / Math.sqrt(squaresX * squaresY) : 0;
}
