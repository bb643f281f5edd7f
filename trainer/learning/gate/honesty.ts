import type { PairEdge, Skill } from '../../../shared/bundle/manifest.ts';
import type { GateResult } from '../criteria/criteria.ts';

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
  const name = 'ai1 skill';
  const limit = 'AUC − placebo above 0 at 95 %, where a pair has an edge';
  const seen = skillText(skill);
  const claimed = claimedPairs(edge);
  if (claimed.length === 0) return { name, passed: true, seen: `no pair has an edge; ${seen}`, limit };
  return { name, passed: (skill?.lower_95 ?? -1) > 0, seen: `${seen}; an edge of ${claimed.join(', ')}`, limit };
}

/** `0.626 − 0.617 = 0.009 ± 0.004, at least 0.002 at 95 %`. */
export function skillText(skill: Skill | null): string {
  if (skill === null) return 'not measured: too few labels of both classes';
  const { auc, placebo_auc, standard_error, lower_95 } = skill;
  const difference = `${auc.toFixed(3)} − ${placebo_auc.toFixed(3)} = ${skill.skill.toFixed(3)}`;
  if (standard_error === null || lower_95 === null) return `${difference}, of ${skill.days} trading days: too few`;
  return `${difference} ± ${standard_error.toFixed(3)}, at least ${lower_95.toFixed(3)} at 95 %`;
}

/** The holdout again, with the columns from outside one bar later. */
export interface Delayed {
  readonly columns: readonly string[];
  readonly edge: Edges;
}

/** @param delayed null without columns from outside: there is nothing to delay */
export function checkDelayed(edge: Edges, delayed: Delayed | null): GateResult {
  const name = 'edge with columns one bar later';
  const limit = `above 0, and at least ${REMAINING_SHARE * 100} % of each pair’s edge`;
  if (delayed === null) return { name, passed: true, seen: 'no columns from outside', limit };
  const of = delayed.columns.join(', ');
  const claimed = claimedPairs(edge);
  if (claimed.length === 0) return { name, passed: true, seen: `no pair has an edge; ${of}`, limit };
  const texts = claimed.map((id) => {
    const own = edge[id]!.mean_net_bps ?? 0;
    const later = delayed.edge[id]?.mean_net_bps ?? null;
    const isGone = later === null || later <= 0 || later < REMAINING_SHARE * own;
    return { isGone, text: `${id} ${own.toFixed(2)} → ${later === null ? 'no trade' : later.toFixed(2)} bps` };
  });
  const gone = texts.filter(({ isGone }) => isGone);
  const shown = (gone.length > 0 ? gone : texts).map(({ text }) => text).join(', ');
  return { name, passed: gone.length === 0, seen: `${gone.length > 0 ? 'gone: ' : ''}${shown}; ${of}`, limit };
}

export function checkPlausible(model: keyof typeof MODEL_AUC_LIMITS, auc: number | null): GateResult | null {
  if (auc === null) return null;
  const limit = MODEL_AUC_LIMITS[model];
  return { name: `${model} auc plausible`, passed: auc <= limit, seen: auc.toFixed(4), limit: `at most ${limit}` };
}
