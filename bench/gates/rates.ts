import { ANSWER_CASES } from './cases/answer_cases.ts';
import { DIRECTION_CASES } from './cases/direction_cases.ts';
import { EXECUTABILITY_CASES } from './cases/executability_cases.ts';
import { rateOf, type GateCase, type GateRate } from './cases/gate_case.ts';
import { DIRECTION_PLANS, directionRate, type DirectionRate } from './direction_rates.ts';
import { EDGE_PLANS, edgeRate, type EdgeRate } from './edge_rates.ts';
import { LEAD_LAG_PLANS, leadLagRate, type LeadLagRate } from './lead_lag_rates.ts';
import { LOOK_PLANS, lookRate, type LookRate } from './look_rates.ts';
import { DRIFT_FEATURES, driftRate, type DriftRate } from './drift_rates.ts';
import { SEARCH_GAINS, SEARCH_PLANS, searchRate, type SearchRate } from './search_rates.ts';

/**
 * Error rates that need no training: of gates on simulated evidence, of a search, of drift, of edges of pairs, of
 * edges of direction models, of pairs refused for a leg that comes late, and of evaluations of holdouts that overlap.
 */
export interface Rates {
  readonly gates: readonly GateRate[];
  readonly search: readonly SearchRate[];
  readonly drift: readonly DriftRate[];
  readonly edge: readonly EdgeRate[];
  readonly direction: readonly DirectionRate[];
  readonly lead_lag: readonly LeadLagRate[];
  readonly looks: readonly LookRate[];
}

export const GATE_CASES: readonly GateCase[] = [...EXECUTABILITY_CASES, ...ANSWER_CASES, ...DIRECTION_CASES];

const SEARCHES = 5000;
/** Of each plan of edges, of pairs and of direction models. */
const WORLDS = 600;
/** Of each plan of evaluations of holdouts. */
const EVALUATED_WORLDS = 4000;
/** Pairs of each plan of gaps and of late legs. */
const PAIRS = 10;
const LOOKS = 400;
/** Looks at a feature that has moved by one standard deviation. */
const SHIFTED_LOOKS = 67;

/** @param share of the worlds, searches and looks of the recorded simulation */
export function simulateRates(share: number, print: (line: string) => void): Rates {
  const told = <Rate extends object>(rate: Rate): Rate => {
    print(JSON.stringify(rate));
    return rate;
  };
  const count = (all: number): number => Math.max(4, Math.round(all * share));
  return {
    gates: GATE_CASES.map((own) => told(rateOf(own, share))),
    search: SEARCH_PLANS.flatMap((plan) => SEARCH_GAINS.map((gain) => told(searchRate(plan, gain, count(SEARCHES))))),
    drift: Object.keys(DRIFT_FEATURES).flatMap((feature) => [
      told(driftRate(feature, 0, count(LOOKS))),
      told(driftRate(feature, 1, count(SHIFTED_LOOKS))),
    ]),
    edge: EDGE_PLANS.map((plan) => told(edgeRate(plan, count(WORLDS)))),
    direction: DIRECTION_PLANS.map((plan) => told(directionRate(plan, count(WORLDS)))),
    lead_lag: LEAD_LAG_PLANS.map((plan) => told(leadLagRate(plan, count(PAIRS)))),
    looks: LOOK_PLANS.map((plan) => told(lookRate(plan, count(EVALUATED_WORLDS)))),
  };
}
