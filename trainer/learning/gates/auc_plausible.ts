import type { GateResult } from '../../../shared/bundle/gates/gate_result.ts';
import { aucStandardError, rowUniqueness } from '../dataset/noise.ts';
import { positions, pick, type ValidationRows } from '../dataset/rows.ts';
import { auc } from '../measures/metrics.ts';
import type { BundleEvidence, Gate } from './gate.ts';

/**
 * AUC that no honest model of a pair reaches. On ten real pairs together AI1 has 0.63 and AI2 0.83, on each alone at
 * most 0.65 and 0.86; a planted reverting spread gives AI1 up to 0.72.
 */
export const MODEL_AUC_LIMITS = { ai1: 0.8, ai2: 0.93 } as const;

/** Standard errors that are added to the limit of a pair alone: few rows reach any AUC by chance. */
const STANDARD_ERRORS = 4;

export const aucPlausible: Gate<BundleEvidence> = {
  code: 'auc_plausible',
  vetoes: 'An AUC on the holdout that no honest model of a market reaches, over all pairs or in a single pair.',
  threshold: {
    fixed: `${MODEL_AUC_LIMITS.ai1} of AI1, ${MODEL_AUC_LIMITS.ai2} of AI2; in a single pair, plus ${STANDARD_ERRORS} standard errors`,
  },
  check: ({ models }, role) => {
    const model = role as keyof typeof MODEL_AUC_LIMITS;
    const { job, validation } = models[model];
    const { pooled } = validation.report.holdout;
    return checkPlausible(model, pooled.auc, ranksByPair(job.rows.holdout, validation.holdoutScores, validation.pairs));
  },
};

/** How well a model ranks the rows of one pair. */
export interface PairRank {
  readonly id: string;
  readonly auc: number;
  /** Rows of each class, as independent ones. */
  readonly positives: number;
  readonly negatives: number;
}

/**
 * Judges the rows of all pairs, and where these pass, those of each pair: what knows the future of one pair in ten
 * hardly shows among all. Of a pair that fails, value and limit are its own.
 */
export function checkPlausible(
  role: keyof typeof MODEL_AUC_LIMITS,
  pooled: number | null,
  pairs: readonly PairRank[] = [],
): GateResult | null {
  if (pooled === null) return null;
  const limit = MODEL_AUC_LIMITS[role];
  const judged = { code: 'auc_plausible', role, relation: '<=', unit: 'score' } as const;
  const together = { ...judged, passed: pooled <= limit, value: pooled, limit, evidence: {} };
  if (!together.passed) return together;
  const beyond = pairs
    .map((pair) => ({
      ...pair,
      bound: limit + STANDARD_ERRORS * aucStandardError(limit, pair.positives, pair.negatives),
    }))
    .filter((pair) => pair.auc > pair.bound)
    .sort((one, other) => other.auc - one.auc)[0];
  if (beyond === undefined) return together;
  return { ...judged, passed: false, value: beyond.auc, limit: beyond.bound, evidence: { pair: beyond.id, pooled } };
}

/** @param ids of the pairs that `rows.pair` names @returns without pairs whose rows are of one class, or none */
export function ranksByPair(
  rows: Pick<ValidationRows, 'y' | 'time' | 'labelEnd' | 'pair'>,
  scores: Float64Array,
  ids: readonly string[],
): PairRank[] {
  const uniqueness = rowUniqueness(rows);
  return ids.flatMap((id, pair) => {
    const own = positions(rows.pair.length, (row) => rows.pair[row] === pair);
    const rank = auc(pick(scores, own), pick(rows.y, own));
    if (rank === null) return [];
    const independent = (label: number): number =>
      own.reduce((sum, row) => sum + (rows.y[row] === label ? uniqueness[row]! : 0), 0);
    return [{ id, auc: rank, positives: independent(1), negatives: independent(0) }];
  });
}
