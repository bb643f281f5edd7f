import type { PairEdge, Skill } from '../../../shared/bundle/manifest.ts';
import type { Evidence, GateResult } from '../../../shared/bundle/gates/gate_result.ts';

/** Results by pair. */
type Edges = Readonly<Record<string, PairEdge>>;

/**
 * AUC that no honest model of a pair reaches. On ten real pairs AI1 has 0.63 and AI2 0.83; a planted reverting spread
 * gives AI1 up to 0.72.
 */
export const MODEL_AUC_LIMITS = { ai1: 0.8, ai2: 0.93 } as const;

/** Share of an edge that must remain when columns from outside come one bar later. */
const REMAINING_SHARE = 0.5;

export function claimedPairs(edge: Edges): string[] {
  return Object.keys(edge).filter((id) => edge[id]!.no_edge === false);
}

/**
 * A bundle that claims an edge must know direction: its AUC must exceed what geometry earns in placebo markets, at
 * 95 %. One that claims none may serve its probabilities.
 */
export function checkSkill(skill: Skill | null, edge: Edges): GateResult {
  const claimed = claimedPairs(edge);
  const isClaimed = claimed.length > 0;
  const lower = skill?.lower_95 ?? null;
  return {
    code: 'skill',
    role: 'ai1',
    passed: !isClaimed || (lower !== null && lower > 0),
    value: lower,
    relation: isClaimed ? '>' : null,
    limit: isClaimed ? 0 : null,
    unit: 'score',
    evidence: { ...skillEvidence(skill), claimed },
  };
}

function skillEvidence(skill: Skill | null): Evidence {
  if (skill === null) return { reason: 'not_measured' };
  const { auc, placebo_auc, skill: difference, standard_error, lower_95, days } = skill;
  return { auc, placebo_auc, skill: difference, standard_error, lower_95, days };
}

/** The holdout again, with the columns from outside one bar later. */
export interface Delayed {
  readonly columns: readonly string[];
  readonly edge: Edges;
}

/** @param delayed null without columns from outside: there is nothing to delay */
export function checkDelayed(edge: Edges, delayed: Delayed | null): GateResult {
  const idle = {
    code: 'edge_with_columns_one_bar_later',
    role: null,
    passed: true,
    value: null,
    relation: null,
    limit: null,
    unit: 'share',
  } as const;
  const least_share = REMAINING_SHARE;
  if (delayed === null) return { ...idle, evidence: { reason: 'no_columns', least_share } };
  const columns = [...delayed.columns];
  const claimed = claimedPairs(edge);
  if (claimed.length === 0) return { ...idle, evidence: { reason: 'no_edge', columns, least_share } };
  const pairs = claimed.map((id) => {
    const own = edge[id]!.mean_net_bps ?? 0;
    const later = delayed.edge[id]?.mean_net_bps ?? null;
    const isGone = later === null || later <= 0 || later < least_share * own;
    return { id, own, later, isGone, remains: later === null ? 0 : own === 0 ? 1 : later / own };
  });
  const gone = pairs.filter(({ isGone }) => isGone).map(({ id }) => id);
  return {
    ...idle,
    passed: gone.length === 0,
    value: Math.min(...pairs.map(({ remains }) => remains)),
    relation: '>=',
    limit: least_share,
    evidence: {
      columns,
      net_bps: Object.fromEntries(pairs.map(({ id, own }) => [id, own])),
      delayed_net_bps: Object.fromEntries(pairs.map(({ id, later }) => [id, later])),
      gone,
      least_share,
    },
  };
}

export function checkPlausible(role: keyof typeof MODEL_AUC_LIMITS, auc: number | null): GateResult | null {
  if (auc === null) return null;
  const limit = MODEL_AUC_LIMITS[role];
  return {
    code: 'auc_plausible',
    role,
    passed: auc <= limit,
    value: auc,
    relation: '<=',
    limit,
    unit: 'score',
    evidence: {},
  };
}
