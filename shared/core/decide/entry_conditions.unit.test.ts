import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { OpenTime } from '../../bar.ts';
import { parseEntryWindows } from '../cost/entry_window.ts';
import { FLAT } from '../position/position.ts';
import { decide, type DecisionPolicy } from './decide.ts';
import {
  entryConditions,
  measured,
  missingConditions,
  type ConditionName,
  type EntryQuestion,
} from './entry_conditions.ts';

const share = fc.double({ min: 0, max: 1, noNaN: true });
const signed = (most: number): fc.Arbitrary<number> => fc.double({ min: -most, max: most, noNaN: true });
const WINDOWS = parseEntryWindows(['16:45-18:15', 'Sun 17:00-18:30']);

const policyOf = (zEntry: number, requireEdge: boolean): DecisionPolicy => ({
  z_entry: zEntry,
  z_exit: 0.5,
  stop: 2,
  max_age_bars: 60,
  beta_min: 0.2,
  beta_max: 3,
  risk_exit: 0.9,
  require_edge: requireEdge,
  no_entry_windows: WINDOWS,
  min_expected_net_bps: 0.5,
});

const questions: fc.Arbitrary<EntryQuestion> = fc
  .record({
    z: signed(4),
    beta: signed(4),
    scores: fc.option(fc.record({ return_prob: share, risk_score: share }), { nil: null, freq: 8 }),
    theta1: share,
    theta2: share,
    hasEdge: fc.boolean(),
    isHalted: fc.boolean(),
    stop: fc.constantFrom(null, null, 'entries' as const, 'close' as const),
    requireEdge: fc.boolean(),
    zEntry: fc.double({ min: 1, max: 3, noNaN: true }),
    minute: fc.integer({ min: 28_000_000, max: 28_010_079 }),
    net: signed(5),
  })
  .map(({ z, beta, scores, theta1, theta2, hasEdge, isHalted, stop, requireEdge, zEntry, minute, net }) => ({
    market: { z, beta, alpha: 0, zMean: 0, zStd: 1, lnA: 0, lnB: 0 },
    scores,
    gate: { theta1, theta2, hasEdge, isHalted, stop },
    policy: policyOf(zEntry, requireEdge),
    position: FLAT,
    time: minute * 60,
    expectedNetBps: net,
    roundTripBps: 1,
  }));

function decided(question: EntryQuestion): string {
  const { market, gate, policy, position, time, expectedNetBps } = question;
  const scores = question.scores && { ...question.scores, expected_net_bps: expectedNetBps };
  return decide(market, scores, gate, policy, position, time as OpenTime).action;
}

/** Just beyond a limit that has to be passed. */
const beyond = (limit: number, up: boolean): number => limit + (up ? 1 : -1) * 1e-9;

/** The question after a change of what one condition asks. */
function changed(question: EntryQuestion, name: ConditionName, change: number): EntryQuestion {
  const { market, scores, gate, policy, time } = question;
  switch (name) {
    case 'flat':
      return { ...question, position: FLAT };
    case 'model':
      return {
        ...question,
        scores: { return_prob: beyond(gate.theta1, true), risk_score: beyond(gate.theta2, false) },
      };
    case 'stop':
      return { ...question, gate: { ...gate, stop: null } };
    case 'halt':
      return { ...question, gate: { ...gate, isHalted: false } };
    case 'edge':
      return { ...question, gate: { ...gate, hasEdge: true } };
    case 'beta_min':
      return { ...question, market: { ...market, beta: policy.beta_min } };
    case 'beta_max':
      return { ...question, market: { ...market, beta: policy.beta_max } };
    case 'z':
      return { ...question, market: { ...market, z: policy.z_entry } };
    case 'session':
      return { ...question, time: time - change * 60 };
    case 'return_prob':
      return { ...question, scores: { ...scores!, return_prob: beyond(scores!.return_prob + change, true) } };
    case 'risk_score':
      return { ...question, scores: { ...scores!, risk_score: beyond(scores!.risk_score + change, false) } };
    case 'expected_net':
      return { ...question, expectedNetBps: beyond(question.expectedNetBps + change, true) };
  }
}

describe('the conditions of an entry', () => {
  it('all hold exactly when the decision enters, and the first that does not gives its reason', () => {
    fc.assert(
      fc.property(questions, (question) => {
        const conditions = entryConditions(question);
        const missing = conditions.filter(({ holds }) => !holds);
        expect(missing.length === 0).toBe(decided(question) === 'ENTER');
        const { market, gate, policy, position, time, expectedNetBps } = question;
        const scores = question.scores && { ...question.scores, expected_net_bps: expectedNetBps };
        const { reason } = decide(market, scores, gate, policy, position, time as OpenTime);
        if (missing.length > 0) expect(missing[0]!.reason).toBe(reason);
      }),
      { numRuns: 500 },
    );
  });

  it('enter when each that is missing moves by its change, and no subset of them suffices', () => {
    fc.assert(
      fc.property(
        questions.filter(({ scores }) => scores !== null),
        (question) => {
          const missing = missingConditions(entryConditions(question));
          const apply = (names: readonly { name: ConditionName; change: number | null }[]): EntryQuestion =>
            names.reduce((now, { name, change }) => changed(now, name, change ?? 0), question);
          expect(decided(apply(missing))).toBe('ENTER');
          for (const left of missing) expect(decided(apply(missing.filter((one) => one !== left)))).toBe('HOLD');
        },
      ),
      { numRuns: 500 },
    );
  });

  it('come nearest first, and those without a number last', () => {
    fc.assert(
      fc.property(questions, (question) => {
        const distances = missingConditions(entryConditions(question)).map(({ relative }) => relative ?? Infinity);
        expect([...distances].sort((a, b) => a - b)).toEqual(distances);
      }),
    );
  });

  it('state value, limit, relation and distance of each, from the fill a minute after the open', () => {
    // 16:44 in New York: the fill is in the window from 16:45 to 18:15.
    const time = Date.parse('2024-01-03T21:44Z') / 1000;
    const conditions = entryConditions({
      market: { z: -1.5, beta: -0.125, alpha: 0, zMean: 0, zStd: 1, lnA: 0, lnB: 0 },
      scores: { return_prob: 0.25, risk_score: 0.75 },
      gate: { theta1: 0.5, theta2: 0.5, hasEdge: false, isHalted: true },
      policy: { ...policyOf(2, true), beta_min: 0.25 },
      position: { ...FLAT, side: 1 },
      time,
      expectedNetBps: 0.25,
      roundTripBps: 2,
    });
    const rows = conditions.map(({ name, reason, holds, value, limit, relation, change, relative }) =>
      [name, reason, holds, value, limit, relation, change, relative]); // prettier-ignore
    expect(rows).toEqual([
      ['flat', 'IN_POSITION', false, null, null, null, null, null],
      ['stop', 'STOPPED', true, null, null, null, null, null],
      ['model', 'NO_MODEL', true, null, null, null, null, null],
      ['halt', 'KPI_HALT', false, null, null, null, null, null],
      ['edge', 'NO_EDGE', false, null, null, null, null, null],
      ['beta_min', 'BETA_RANGE', false, 0.125, 0.25, '>=', 0.125, 0.5],
      ['beta_max', 'BETA_RANGE', true, 0.125, 3, '<=', 0, 0],
      ['z', 'NO_SETUP', false, 1.5, 2, '>=', 0.5, 0.25],
      ['session', 'SESSION', false, 90, 0, '<=', -90, 90 / 10_080],
      ['return_prob', 'PROB_LOW', false, 0.25, 0.5, '>', 0.25, 0.5],
      ['risk_score', 'RISK_HIGH', false, 0.75, 0.5, '<', -0.25, 0.5],
      ['expected_net', 'COST_HIGH', false, 0.25, 0.5, '>', 0.25, 0.125],
    ]);
  });

  it('differ at equality by their relation, and are infinitely far on a scale of 0', () => {
    const relations = ['>', '>=', '<', '<='] as const;
    expect(relations.map((relation) => measured('x', 'R', 2, relation, 2, 2).holds)).toEqual([
      false,
      true,
      false,
      true,
    ]);
    expect(relations.map((relation) => measured('x', 'R', 3, relation, 2, 2).holds)).toEqual([
      true,
      true,
      false,
      false,
    ]);
    expect(measured('x', 'R', 1, '>=', 2, -4).relative).toBe(0.25);
    expect(measured('x', 'R', 1, '>=', 2, 0).relative).toBe(Infinity);
  });
});
