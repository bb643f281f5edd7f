import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { IS_WEEKLY } from '../../test/weekly.ts';
import { rateOf, type GateRate } from './cases/gate_case.ts';
import { DIRECTION_PLANS, directionRate } from './direction_rates.ts';
import { LOOK_PLANS, lookRate } from './look_rates.ts';
import { DRIFT_FEATURES, driftRate } from './drift_rates.ts';
import { EDGE_PLANS, edgeRate } from './edge_rates.ts';
import { LEAD_LAG_PLANS, leadLagRate } from './lead_lag_rates.ts';
import { GATE_CASES, type Rates } from './rates.ts';
import { SEARCH_PLANS, searchRate } from './search_rates.ts';

/** The rates of docs/reference/GATE_RATES.md. */
const recorded = JSON.parse(readFileSync(new URL('stated_rates.json', import.meta.url), 'utf8')) as Rates;

/** Whether a thinned share agrees with a recorded one, within 3.5 standard errors of both, with one event added. */
function expectShare(found: number, of: number, known: number, knownOf: number): void {
  const share = (known + 1) / (knownOf + 2);
  const error = Math.sqrt(share * (1 - share) * (1 / of + 1 / knownOf));
  expect(Math.abs(found / of - known / knownOf)).toBeLessThan(3.5 * error + 1 / of);
}

/** Of the recorded worlds; those that take long a smaller share. */
const shareOf = (gate: string): number =>
  gate.startsWith('executable') ? 0.07 : gate === 'direction.series_foresight' ? 0.02 : 0.08;

/** Share of the worlds that the long form simulates. */
const EFFORT = IS_WEEKLY ? 1 : 0.1;

describe('the stated rates of gates', () => {
  it('are of every case, and of no other', () => {
    const nameOf = ({ gate, measures, world }: Pick<GateRate, 'gate' | 'measures' | 'world'>): string =>
      `${gate}/${measures}/${world}`;
    expect(recorded.gates.map(nameOf)).toEqual(GATE_CASES.map(nameOf));
    for (const [i, { worlds }] of recorded.gates.entries()) expect(worlds).toBe(GATE_CASES[i]!.worlds);
  });

  it.each(GATE_CASES.map((own, i) => [`${own.gate}: ${own.world}`, own, i] as const))(`hold for %s`, (_, own, i) => {
    const { refused, worlds } = rateOf(own, shareOf(own.gate) * EFFORT);
    expectShare(refused, worlds, recorded.gates[i]!.refused, recorded.gates[i]!.worlds);
  });
});

describe('the stated rates of a search', () => {
  it.each(recorded.search)(`hold for $folds folds, $trials trials, a gain of $gain`, (known) => {
    const { adopted, searches } = searchRate(known, known.gain, 400 * EFFORT);
    expectShare(adopted, searches, known.adopted, known.searches);
  });

  it('are at most 5 % without a gain', () => {
    for (const plan of SEARCH_PLANS) {
      const own = recorded.search.find(
        ({ folds, trials, gain }) => folds === plan.folds && trials === plan.trials && gain === 0,
      )!;
      expect(own.adopted / own.searches).toBeLessThanOrEqual(0.06);
    }
  });
});

describe('the stated rates of drift', () => {
  it('are at most 1 % by chance, within the error of their simulation, of fast, slow, mixed and seasonal features', () => {
    const byChance = recorded.drift.filter(({ shift }) => shift === 0);
    expect(byChance.map(({ feature }) => feature)).toEqual(Object.keys(DRIFT_FEATURES));
    for (const { above_chance, looks } of byChance)
      expect(above_chance / looks).toBeLessThan(0.01 + 2.6 * Math.sqrt((0.01 * 0.99) / looks));
  });

  it.each(recorded.drift)(`hold for $feature and a shift of $shift`, ({ feature, shift, ...known }) => {
    const { above_chance, looks } = driftRate(feature, shift, IS_WEEKLY ? 8 : 1);
    expectShare(above_chance, looks, known.above_chance, known.looks);
  });
});

describe('the stated rates of edges', () => {
  it('are of every plan, and false ones at most 5 %, within the error of their simulation', () => {
    expect(recorded.edge.map(({ worlds: _, found: __, ...plan }) => plan)).toEqual(EDGE_PLANS);
    for (const { edge, found, worlds } of recorded.edge)
      if (edge === 0) expect(found / worlds).toBeLessThan(0.05 + 2 * Math.sqrt((0.05 * 0.95) / worlds));
  });

  it.each(recorded.edge)(`hold for $shape, $memory, $trades trades, an edge of $edge, stops: $stops`, (known) => {
    const { found, worlds } = edgeRate(known, 60 * EFFORT);
    expectShare(found, worlds, known.found, known.worlds);
  });
});

describe('the stated rates of edges of direction models', () => {
  it('are of every plan, and false ones at most 5 %, within the error of their simulation', () => {
    expect(recorded.direction.map(({ worlds: _, trades: __, found: ___, ...plan }) => plan)).toEqual(DIRECTION_PLANS);
    for (const { edge, found, worlds } of recorded.direction)
      if (edge === 0) expect(found / worlds).toBeLessThan(0.05 + 2 * Math.sqrt((0.05 * 0.95) / worlds));
  });

  it.each(recorded.direction)(
    `hold for $instruments instruments, $days days, changing volatility: $changing, $answers answers, $edge bps`,
    (known) => {
      const { found, worlds } = directionRate(known, 60 * EFFORT);
      expectShare(found, worlds, known.found, known.worlds);
    },
  );

  it('come from the claims of the program: a simulated world without an edge shows none, one of 80 bps does', () => {
    const plan = { instruments: 1, days: 365, changing: true, answers: 'own' } as const;
    expect(directionRate({ ...plan, edge: 0 }, 4).found).toBe(0);
    expect(directionRate({ ...plan, edge: 80 }, 4).found).toBe(4);
  });
});

describe('the stated rates of evaluations of holdouts that overlap', () => {
  it('are of every plan; false edges at most 5 % for each length of a holdout of new bars', () => {
    expect(recorded.looks.map(({ worlds: _, any: __, last: ___, ...plan }) => plan)).toEqual(LOOK_PLANS);
    for (const { edge, shape, any, worlds } of recorded.looks) {
      // Nine eighths of a holdout beside the first one.
      const lengths = shape.startsWith('ten holdouts') ? 17 / 8 : 1;
      if (edge === 0) expect(any / worlds).toBeLessThan(0.055 * lengths);
    }
  });

  it.each(recorded.looks)('hold for $shape, an edge of $edge', ({ worlds, any, last, ...plan }) => {
    const again = lookRate(plan, worlds);
    expect([again.any, again.last]).toEqual([any, last]);
  });
});

describe('the stated rates of legs that come late', () => {
  it('are of every plan: few honest pairs are refused, and every late copy is', () => {
    expect(recorded.lead_lag.map(({ worlds: _, refused: __, ...plan }) => plan)).toEqual(LEAD_LAG_PLANS);
    const honest = recorded.lead_lag.filter((own) => own.measures === 'false alarms' && own.closing !== 'follows');
    const sum = (of: (own: (typeof honest)[number]) => number): number =>
      honest.reduce((total, own) => total + of(own), 0);
    expect(sum(({ refused }) => refused) / sum(({ worlds }) => worlds)).toBeLessThan(0.02);
    for (const { measures, refused, worlds } of recorded.lead_lag)
      if (measures === 'power') expect(refused).toBe(worlds);
  });

  it('come from the check of the program: shocks as large as common moves, and a copy ten minutes late', () => {
    const gap = { measures: 'false alarms', closing: 'both', quotes: 'exact', halfLife: 2, shock: 2 } as const;
    expect(leadLagRate(gap, 2).refused).toBe(0);
    expect(leadLagRate({ measures: 'power', minutes: 10, share: 0.7, noise: 0.5 }, 2).refused).toBe(2);
  });

  it.each(recorded.lead_lag.map((own) => [JSON.stringify(own), own] as const))(
    `hold for %s`,
    (_, { worlds, refused, ...plan }) => {
      const again = leadLagRate(plan, IS_WEEKLY ? 3 : 1);
      expectShare(again.refused, again.worlds, refused, worlds);
    },
  );
});
