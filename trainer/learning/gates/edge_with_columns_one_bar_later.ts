import type { GateResult } from '../../../shared/bundle/gates/gate_result.ts';
import { claimedPairs } from './claimed_pairs.ts';
import type { BundleEvidence, Delayed, Edges, Gate } from './gate.ts';

/** Share of an edge that must remain when columns from outside come one bar later. */
const REMAINING_SHARE = 0.5;

export const edgeWithColumnsOneBarLater: Gate<BundleEvidence> = {
  code: 'edge_with_columns_one_bar_later',
  vetoes:
    'An edge that disappears when external inputs are delayed by one bar: columns of a feature table that the daemon does not compute, and formulas that read auxiliary series.',
  threshold: { fixed: 'half of each pair’s edge' },
  check: ({ edge, delayed }) => checkDelayed(edge, delayed),
};

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
