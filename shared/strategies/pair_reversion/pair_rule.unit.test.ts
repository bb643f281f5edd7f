import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { OpenTime } from '../../bar.ts';
import { parseEntryWindows } from '../../core/cost/entry_window.ts';
import type { NewsWindows } from '../../core/news/news_windows.ts';
import { FLAT } from '../../core/position/position.ts';
import { decide, type Decision } from './decide.ts';
import type { DecisionPolicy } from './pair_input.ts';
import { comparison, entryStates, exitStates, failingConditions, nearestFirst } from '../../core/rule/conditions.ts';
import type { PairQuestion } from './pair_input.ts';
import { PAIR_RULE, type PairEntryName } from './pair_rule.ts';

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

const questions: fc.Arbitrary<PairQuestion> = fc
  .record({
    z: signed(4),
    beta: signed(4),
    scores: fc.option(fc.record({ return_prob: share, risk_score: share, novelty: fc.option(share, { nil: NaN }) }), {
      nil: null,
      freq: 8,
    }),
    theta1: share,
    theta2: share,
    hasEdge: fc.boolean(),
    isHalted: fc.boolean(),
    stop: fc.constantFrom(null, null, 'entries' as const, 'close' as const),
    requireEdge: fc.boolean(),
    zEntry: fc.double({ min: 1, max: 3, noNaN: true }),
    minute: fc.integer({ min: 28_000_000, max: 28_010_079 }),
    net: signed(5),
    // null: no news; else minutes from the bar to an event.
    around: fc.option(fc.integer({ min: -20, max: 20 })),
  })
  .map(({ z, beta, scores, theta1, theta2, hasEdge, isHalted, stop, requireEdge, zEntry, minute, net, around }) => ({
    market: { z, beta, alpha: 0, zMean: 0, zStd: 1, lnA: 0, lnB: 0 },
    scores: scores === null ? null : { ...scores, expected_net_bps: net },
    terms: { theta1, theta2, hasEdge, isHalted, stop, news: newsAround(minute * 60, around) },
    policy: { ...policyOf(zEntry, requireEdge), novelty_min: 0.2 },
    position: FLAT,
    time: (minute * 60) as OpenTime,
    roundTripBps: 1,
  }));

/** Half an hour before an event and ten minutes after it. */
function newsAround(time: number, minutes: number | null): NewsWindows | null {
  if (minutes === null) return null;
  const event = time + minutes * 60;
  return { spans: Float64Array.of(event - 1800, event + 600), closes: false };
}

function shiftedNews({ spans, closes }: NewsWindows, seconds: number): NewsWindows {
  return { spans: spans.map((time) => time + seconds), closes };
}

const states = (question: PairQuestion) => entryStates(PAIR_RULE, question.position.side, question);

function decided({ market, scores, terms, policy, position, time }: PairQuestion): Decision {
  return decide(market, scores, terms, policy, position, time);
}

/** Just beyond a limit that has to be passed. */
const beyond = (limit: number, up: boolean): number => limit + (up ? 1 : -1) * 1e-9;

/** The question after a change of what one condition asks. */
function changed(question: PairQuestion, name: PairEntryName | 'flat', change: number): PairQuestion {
  const { market, scores, terms, policy, time } = question;
  switch (name) {
    case 'flat':
      return { ...question, position: FLAT };
    case 'model':
      return {
        ...question,
        scores: {
          return_prob: beyond(terms.theta1, true),
          risk_score: beyond(terms.theta2, false),
          expected_net_bps: 9,
        },
      };
    case 'stop':
      return { ...question, terms: { ...terms, stop: null } };
    case 'halt':
      return { ...question, terms: { ...terms, isHalted: false } };
    case 'edge':
      return { ...question, terms: { ...terms, hasEdge: true } };
    case 'beta_min':
      return { ...question, market: { ...market, beta: policy.beta_min } };
    case 'beta_max':
      return { ...question, market: { ...market, beta: policy.beta_max } };
    case 'z':
      return { ...question, market: { ...market, z: policy.z_entry } };
    case 'news':
      return { ...question, terms: { ...terms, news: shiftedNews(terms.news!, change * 60) } };
    case 'session':
      // The news are as far away as before.
      return {
        ...question,
        time: (time - change * 60) as OpenTime,
        terms: { ...terms, news: terms.news === null ? null : shiftedNews(terms.news!, -change * 60) },
      };
    case 'return_prob':
      return { ...question, scores: { ...scores!, return_prob: beyond(scores!.return_prob + change, true) } };
    case 'risk_score':
      return { ...question, scores: { ...scores!, risk_score: beyond(scores!.risk_score + change, false) } };
    case 'exposure':
      return { ...question, terms: { ...terms, exposure: { ...terms.exposure!, net: terms.exposure!.net + change } } };
    case 'novelty':
      return { ...question, scores: { ...scores!, novelty: scores!.novelty! + change } };
    case 'expected_net':
      return { ...question, scores: { ...scores!, expected_net_bps: beyond(scores!.expected_net_bps + change, true) } };
  }
}

describe('the conditions of an entry', () => {
  it('all hold exactly when the decision enters, and the first that does not gives its reason', () => {
    fc.assert(
      fc.property(questions, (question) => {
        const missing = states(question).filter(({ holds }) => !holds);
        const { action, reason } = decided(question);
        expect(missing.length === 0).toBe(action === 'ENTER');
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
          const missing = failingConditions(states(question));
          const apply = (names: readonly { name: PairEntryName | 'flat'; change: number | null }[]): PairQuestion =>
            names.reduce((now, { name, change }) => changed(now, name, change ?? 0), question);
          expect(decided(apply(missing)).action).toBe('ENTER');
          for (const left of missing) expect(decided(apply(missing.filter((one) => one !== left))).action).toBe('HOLD');
        },
      ),
      { numRuns: 500 },
    );
  });

  it('come nearest first, and those without a number last', () => {
    fc.assert(
      fc.property(questions, (question) => {
        const distances = failingConditions(states(question)).map(({ relative }) => relative ?? Infinity);
        expect([...distances].sort((a, b) => a - b)).toEqual(distances);
      }),
    );
  });

  it('state value, limit, relation and distance of each, from the fill a minute after the open', () => {
    // 16:44 in New York: the fill is in the window from 16:45 to 18:15.
    const time = (Date.parse('2024-01-03T21:44Z') / 1000) as OpenTime;
    const conditions = states({
      market: { z: -1.5, beta: -0.125, alpha: 0, zMean: 0, zStd: 1, lnA: 0, lnB: 0 },
      scores: { return_prob: 0.25, risk_score: 0.75, expected_net_bps: 0.25 },
      terms: { theta1: 0.5, theta2: 0.5, hasEdge: false, isHalted: true },
      policy: { ...policyOf(2, true), beta_min: 0.25 },
      position: { ...FLAT, side: 1 },
      time,
      roundTripBps: 2,
    });
    const rows = conditions.map(({ name, reason, holds, value, limit, relation, change, relative }) => [
      name,
      reason,
      holds,
      value,
      limit,
      relation,
      change,
      relative,
    ]);
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
});

/** Numbers of a condition hold exactly when the condition does: what is explained is what decided. */
describe('every condition of the rule', () => {
  it('holds exactly when its value relates to its limit as stated', () => {
    const inputs = fc.tuple(questions, signed(4), signed(5), fc.integer({ min: 0, max: 70 }), signed(3));
    fc.assert(
      fc.property(inputs, ([question, entryZ, lnA, ageBars, lnB]) => {
        const position = {
          ...FLAT,
          side: entryZ > 0 ? (-1 as const) : (1 as const),
          entryZ,
          zStd: 1,
          beta: 1,
          ageBars,
        };
        const input = { ...question, market: { ...question.market, lnA, lnB }, position };
        for (const { name, holds, measure } of [...PAIR_RULE.exits, ...PAIR_RULE.entries]) {
          if (measure === undefined) continue;
          const { value, relation, limit } = measure(input);
          expect([name, holds(input)]).toEqual([name, satisfies(value, relation, limit)]);
        }
      }),
      { numRuns: 500 },
    );
  });
});

function satisfies(value: number, relation: string, limit: number): boolean {
  const [isBelow, isEqual, isAbove] = [value < limit, value === limit, value > limit];
  return { '>': isAbove, '>=': isAbove || isEqual, '<': isBelow, '<=': isBelow || isEqual }[relation]!;
}

describe('the conditions of an exit', () => {
  const market = { z: 0, beta: 1, alpha: 0, zMean: 0, zStd: 1, lnA: 2.5, lnB: 0 };
  const position = { ...FLAT, side: -1 as const, entryZ: 2, zStd: 1, beta: 1, ageBars: 15 };
  const scores = { return_prob: 0, risk_score: 0.45, expected_net_bps: 0 };
  const terms = { theta1: 0, theta2: 1, hasEdge: true, isHalted: false };
  const input: PairQuestion = { market, scores, terms, policy: policyOf(2, true), position, time: 0 as OpenTime };
  const rows = (question: PairQuestion) =>
    exitStates(PAIR_RULE, question.position.side, question).map(({ name, reason, holds, value, limit, relative }) => [
      name,
      reason,
      holds,
      value,
      limit,
      relative,
    ]);

  it('come nearest first, without those of an answer that no model gave; flat there are none', () => {
    expect(rows(input)[0]).toEqual(['risk', 'RISK_EXIT', false, 0.45, 0.9, 0.5]);
    expect(rows({ ...input, scores: null })).toEqual([
      ['stop_loss', 'STOP', false, 2.5, 4, 0.75],
      ['age', 'MAX_AGE', false, 15, 60, 0.75],
      ['reverted', 'Z_EXIT', false, 2.5, 0.5, 1],
      ['close_all', 'CLOSE_ALL', false, null, null, null],
    ]);
    expect(rows({ ...input, position: FLAT })).toEqual([]);
  });

  it('that hold come before all others, and one of them is the reason of the exit', () => {
    const old = { ...input, position: { ...position, ageBars: 60 } };
    expect(rows(old)[0]).toEqual(['age', 'MAX_AGE', true, 60, 60, 0]);
    expect(decided(old).reason).toBe('MAX_AGE');
  });
});

describe('a comparison', () => {
  const of = (value: number, relation: '>' | '>=' | '<' | '<=', limit: number, scale = limit) =>
    exitStates(
      {
        exits: [
          comparison({
            name: 'x',
            reason: 'R',
            limitFrom: 'policy',
            relation,
            value: () => value,
            limit: () => limit,
            scale: () => scale,
          }),
        ],
        entries: [],
        entrySide: () => 0,
      },
      1,
      null,
    )[0]!;

  it('differs at equality by its relation, fails for NaN, and is infinitely far on a scale of 0', () => {
    const relations = ['>', '>=', '<', '<='] as const;
    expect(relations.map((relation) => of(2, relation, 2).holds)).toEqual([false, true, false, true]);
    expect(relations.map((relation) => of(3, relation, 2).holds)).toEqual([true, true, false, false]);
    expect(relations.map((relation) => of(NaN, relation, 2).holds)).toEqual([false, false, false, false]);
    expect(of(1, '>=', 2, -4).relative).toBe(0.25);
    expect(of(1, '>=', 2, 0).relative).toBe(Infinity);
  });

  it('is ordered by its distance; those without a number keep their order at the end', () => {
    const state = (name: string, relative: number | null) => ({ ...of(1, '>', 2), name, relative });
    const ordered = nearestFirst([state('a', null), state('b', Infinity), state('c', 2), state('d', 1)]);
    expect(ordered.map(({ name }) => name)).toEqual(['d', 'c', 'a', 'b']);
  });
});
