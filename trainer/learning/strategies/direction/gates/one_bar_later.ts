import { IDLE, type DelayedEdge, type DirectionGate } from './direction_gate.ts';

/** Share of the net result that must remain when every series comes one bar later. */
export const DELAYED_SHARE = 0.5;

export const oneBarLater: DirectionGate = {
  code: 'one_bar_later',
  vetoes: 'An edge that is gone when every series comes one bar later.',
  limit: `at least ${DELAYED_SHARE * 100} % of the net result remains`,
  check: ({ delayed, hasEdge }) => {
    const least_share = DELAYED_SHARE;
    if (!hasEdge) return { ...IDLE, unit: 'bps', evidence: { reason: 'no_edge', least_share } };
    if (delayed === null) return { ...IDLE, unit: 'bps', evidence: { reason: 'no_series', least_share } };
    return {
      passed: survives(delayed),
      value: delayed.delayed_net_bps,
      relation: '>=',
      limit: least_share * delayed.net_bps,
      unit: 'bps',
      evidence: { ...delayed, least_share },
    };
  },
};

function survives({ net_bps, delayed_net_bps }: DelayedEdge): boolean {
  return delayed_net_bps !== null && delayed_net_bps > 0 && delayed_net_bps >= DELAYED_SHARE * net_bps;
}
