import type { GateResult } from '../../../shared/bundle/gates/gate_result.ts';
import type { Executability } from '../../../shared/bundle/manifest.ts';
import type { BundleEvidence, Gate } from './gate.ts';

export const executableOutsideWideMinutes: Gate<BundleEvidence> = {
  code: 'executable_outside_wide_minutes',
  vetoes:
    'Trading pairs (all, when `require_edge` is false) that lose their net result without the widest 25 % of minutes.',
  threshold: { key: 'executable_share_min' },
  check: (evidence) =>
    checkExecutable('executable_outside_wide_minutes', tradedPairs(evidence), 'narrow_net_bps', evidence.limits),
};

export const executableOneMinuteLater: Gate<BundleEvidence> = {
  code: 'executable_one_minute_later',
  vetoes: 'Trading pairs that lose their net result when filled one minute later.',
  threshold: { key: 'executable_share_min' },
  check: (evidence) =>
    checkExecutable('executable_one_minute_later', tradedPairs(evidence), 'after_1', evidence.limits),
};

function tradedPairs({ executability, requireEdge }: BundleEvidence): Executability {
  return requireEdge ? executability.edge_pairs : executability.all_pairs;
}

/**
 * Whether enough of the net result remains without the widest minutes, or with delayed entries. Passes without trades.
 */
export function checkExecutable(
  code: 'executable_outside_wide_minutes' | 'executable_one_minute_later',
  { trades, net_bps, narrow_net_bps, delayed_net_bps }: Executability,
  left: 'narrow_net_bps' | 'after_1',
  { executable_share_min }: { readonly executable_share_min: number },
): GateResult {
  const least_share = executable_share_min;
  const idle = { code, role: null, passed: true, value: null, relation: null, limit: null, unit: 'bps' } as const;
  if (trades === 0 || net_bps === null) return { ...idle, evidence: { reason: 'no_trades', trades, least_share } };
  if (net_bps <= 0) return { ...idle, evidence: { reason: 'nothing_to_lose', net_bps, trades, least_share } };
  const remains = (left === 'after_1' ? delayed_net_bps.after_1 : narrow_net_bps) ?? 0;
  return {
    ...idle,
    passed: remains > 0 && remains >= least_share * net_bps,
    value: remains,
    relation: least_share === 0 ? '>' : '>=',
    limit: least_share * net_bps,
    evidence: { net_bps, trades, least_share },
  };
}
