import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { OpenTime } from '../../bar.ts';
import { parseEntryWindows } from '../cost/entry_window.ts';
import { FLAT } from '../position/position.ts';
import { decide, type DecisionPolicy } from './decide.ts';
import { entryConditions, missingConditions, type ConditionName, type EntryQuestion } from './entry_conditions.ts';

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
    requireEdge: fc.boolean(),
    zEntry: fc.double({ min: 1, max: 3, noNaN: true }),
    minute: fc.integer({ min: 28_000_000, max: 28_010_079 }),
    net: signed(5),
  })
  .map(({ z, beta, scores, theta1, theta2, hasEdge, isHalted, requireEdge, zEntry, minute, net }) => ({
    market: { z, beta, alpha: 0, zMean: 0, zStd: 1, lnA: 0, lnB: 0 },
    scores,
    gate: { theta1, theta2, hasEdge, isHalted },
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
});
