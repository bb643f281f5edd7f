import { readFileSync } from 'node:fs';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { OpenTime } from '../../bar.ts';
import { parseEntryWindows } from '../../core/cost/entry_window.ts';
import { agePosition, FLAT, frozenZ, openPosition, type Market, type Position } from '../../core/position/position.ts';
import type { NewsEvent } from '../../core/news/news_event.ts';
import { newsWindows, withCalendar, type NewsWindows } from '../../core/news/news_windows.ts';
import { parsePair } from '../../pair.ts';
import { decide as decideAt } from './decide.ts';
import { entryLegs } from './entry_legs.ts';
import type { DecisionPolicy, EntryTerms, Scores } from './pair_input.ts';
import { EXITS, expectedDecision, REFUSALS } from './decide.oracle.ts';
import { riskQuantiles, riskRank } from './risk_rank.ts';

const POLICY: DecisionPolicy = {
  z_entry: 2,
  z_exit: 0.5,
  stop: 1.5,
  max_age_bars: 60,
  beta_min: 0.05,
  beta_max: 20,
  risk_exit: 0.95,
  require_edge: true,
  no_entry_windows: [],
  min_expected_net_bps: 0,
};
const NOON = (Date.UTC(2024, 0, 3, 17) / 1000) as OpenTime;
const decide = (
  ...[at, scores, own, policy, position]: Parameters<typeof decideAt> extends [...infer Head, OpenTime] ? Head : never
) => decideAt(at, scores, own, policy, position, NOON);
const THETA = { theta1: 0.7, theta2: 0.3 };
const terms = (hasEdge: boolean, isHalted = false, stop: EntryTerms['stop'] = null): EntryTerms => ({
  ...THETA,
  hasEdge,
  isHalted,
  stop: stop ?? null,
});
const GOOD = { return_prob: 0.8, risk_score: 0.1, expected_net_bps: 1 };
const market = (z: number, beta = 0.8): Market => ({
  z,
  alpha: 0,
  beta,
  zMean: 0,
  zStd: 0.001,
  lnA: z * 0.001 + beta * 2,
  lnB: 2,
});
const open = (z: number): Position => openPosition(z > 0 ? -1 : 1, 'id', 60 as OpenTime, market(z));
/** Prices at which the frozen z of an entry made by `market(·)` is `z`. */
const later = (z: number): Market => market(z);

describe('decide when flat', () => {
  it('enters against the deviation when z, probability, risk, beta and edge all allow it', () => {
    expect(decide(market(2.5), GOOD, terms(true), POLICY, FLAT)).toEqual({
      action: 'ENTER',
      reason: 'ENTRY',
      target: -1,
    });
    expect(decide(market(-2.5), GOOD, terms(true), POLICY, FLAT)).toEqual({
      action: 'ENTER',
      reason: 'ENTRY',
      target: 1,
    });
  });

  it.each([
    ['NO_MODEL', market(2.5), null, true],
    ['NO_EDGE', market(2.5), GOOD, false],
    ['BETA_RANGE', market(2.5, 0.01), GOOD, true],
    ['BETA_RANGE', market(2.5, -21), GOOD, true],
    ['BETA_RANGE', market(2.5, NaN), GOOD, true],
    ['NO_SETUP', market(1.99), GOOD, true],
    ['NO_SETUP', market(NaN), GOOD, true],
    ['PROB_LOW', market(2.5), { return_prob: 0.7, risk_score: 0.1, expected_net_bps: 1 }, true],
    ['PROB_LOW', market(2.5), { return_prob: NaN, risk_score: 0.1, expected_net_bps: 1 }, true],
    ['RISK_HIGH', market(2.5), { return_prob: 0.8, risk_score: 0.3, expected_net_bps: 1 }, true],
    ['RISK_HIGH', market(2.5), { return_prob: 0.8, risk_score: NaN, expected_net_bps: 1 }, true],
    ['COST_HIGH', market(2.5), { ...GOOD, expected_net_bps: 0 }, true],
    ['COST_HIGH', market(2.5), { ...GOOD, expected_net_bps: NaN }, true],
  ] as const)('holds with %s', (reason, at, scores, edge) => {
    expect(decide(at, scores, terms(edge), POLICY, FLAT)).toEqual({ action: 'HOLD', reason, target: 0 });
  });

  it.each([
    [-1801, 'ENTRY'],
    [-1800, 'NEWS'],
    [0, 'NEWS'],
    [899, 'NEWS'],
    [900, 'ENTRY'],
  ] as const)(
    'a fill %s s after an event that stops entries 30 minutes before and 15 after is answered %s',
    (seconds, reason) => {
      const fill = NOON + 60;
      const event = fill - seconds;
      const news = { spans: Float64Array.of(event - 1800, event + 900), closes: true };
      expect(decide(market(2.5), GOOD, { ...terms(true), news }, POLICY, FLAT).reason).toBe(reason);
      // Before what the models say, behind the window of the week.
      const poor = { ...GOOD, return_prob: 0 };
      expect(decide(market(2.5), poor, { ...terms(true), news }, POLICY, FLAT).reason).toBe(
        reason === 'NEWS' ? 'NEWS' : 'PROB_LOW',
      );
      // An open position is closed if the policy says so, and only then.
      const held = open(2.5);
      expect(decide(later(2.5), GOOD, { ...terms(true), news }, POLICY, held).reason).toBe(
        reason === 'NEWS' ? 'NEWS_CLOSE' : 'IN_POSITION',
      );
      const stays = { ...news, closes: false };
      expect(decide(later(2.5), GOOD, { ...terms(true), news: stays }, POLICY, held).reason).toBe('IN_POSITION');
    },
  );

  it.each([
    [null, 'ENTRY'],
    [1, 'ENTRY'],
    [1 + Number.EPSILON, 'EXPOSURE'],
  ] as const)('an entry that makes a net exposure of %s where 1 is the limit is answered %s', (net, reason) => {
    const exposure = net === null ? null : { key: 'USD', kind: 'currency' as const, net, limit: 1 };
    expect(decide(market(2.5), GOOD, { ...terms(true), exposure }, POLICY, FLAT).reason).toBe(reason);
    // Last of all reasons, and never one to stay in a position.
    expect(decide(market(2.5), null, { ...terms(true), exposure }, POLICY, FLAT).reason).toBe('NO_MODEL');
    const poor = { ...GOOD, expected_net_bps: 0 };
    expect(decide(market(2.5), poor, { ...terms(true), exposure }, POLICY, FLAT).reason).toBe('COST_HIGH');
    expect(decide(later(0.4), GOOD, { ...terms(true), exposure }, POLICY, open(2.5)).reason).toBe('Z_EXIT');
  });

  it.each([
    [undefined, 0, 'ENTRY'],
    [0.01, 0.01, 'ENTRY'],
    [0.01, 0.01 - Number.EPSILON, 'NOVEL_INPUT'],
    [0.01, 0, 'NOVEL_INPUT'],
    [0.01, NaN, 'ENTRY'],
    [0.01, undefined, 'ENTRY'],
  ] as const)('with a novelty_min of %s an entry at a novelty of %s is answered %s', (novelty_min, novelty, reason) => {
    const policy = { ...POLICY, ...(novelty_min !== undefined && { novelty_min }) };
    const scores = { ...GOOD, ...(novelty !== undefined && { novelty }) };
    expect(decide(market(2.5), scores, terms(true), policy, FLAT).reason).toBe(reason);
    // Before what the models say, behind what makes a candidate; no exit asks it.
    const poor = { ...scores, return_prob: 0 };
    expect(decide(market(2.5), poor, terms(true), policy, FLAT).reason).toBe(
      reason === 'ENTRY' ? 'PROB_LOW' : 'NOVEL_INPUT',
    );
    expect(decide(market(1.99), scores, terms(true), policy, FLAT).reason).toBe('NO_SETUP');
    expect(decide(later(2.5), scores, terms(true), policy, open(2.5)).reason).toBe('IN_POSITION');
    expect(decide(later(0.4), scores, terms(true), policy, open(2.5)).reason).toBe('Z_EXIT');
  });

  it('enters a pair without a proven edge only when the policy does not require one', () => {
    expect(decide(market(2.5), GOOD, terms(false), { ...POLICY, require_edge: false }, FLAT).action).toBe('ENTER');
  });

  it('enters exactly when every condition of the contract holds', () => {
    const near = (value: number): fc.Arbitrary<number> =>
      fc.oneof(fc.constant(value), fc.double({ min: value - 0.2, max: value + 0.2, noNaN: true }));
    fc.assert(
      fc.property(near(2), near(0.7), near(0.3), fc.boolean(), fc.boolean(), (z, prob, risk, negative, edge) => {
        const at = market(negative ? -z : z);
        const decision = decide(
          at,
          { return_prob: prob, risk_score: risk, expected_net_bps: 1 },
          terms(edge),
          POLICY,
          FLAT,
        );
        expect(decision.action === 'ENTER').toBe(z >= 2 && prob > 0.7 && risk < 0.3 && edge);
      }),
    );
  });
});

describe('decide in a window without entries', () => {
  const policy = { ...POLICY, no_entry_windows: parseEntryWindows(['16:45-18:15', 'Sun 17:00-18:30']) };
  const at = (text: string): OpenTime => (Date.parse(text) / 1000) as OpenTime;

  it.each([
    ['2024-01-03T21:43Z', 'ENTRY'],
    ['2024-01-03T21:44Z', 'SESSION'],
    ['2024-01-03T23:13Z', 'SESSION'],
    ['2024-01-03T23:14Z', 'ENTRY'],
    ['2024-07-03T20:44Z', 'SESSION'],
    ['2024-07-03T22:14Z', 'ENTRY'],
    ['2024-01-07T23:28Z', 'SESSION'],
    ['2024-01-07T23:29Z', 'ENTRY'],
    ['2024-01-08T23:28Z', 'ENTRY'],
  ] as const)('answers a bar that opens at %s with %s', (time, reason) => {
    expect(decideAt(market(2.5), GOOD, terms(true), policy, FLAT, at(time)).reason).toBe(reason);
  });

  it('never blocks an exit, whatever the expected result', () => {
    const poor = { ...GOOD, expected_net_bps: -9 };
    const time = at('2024-01-03T22:05Z');
    expect(decideAt(later(0.4), poor, terms(true), policy, open(2.5), time).reason).toBe('Z_EXIT');
    expect(decideAt(later(4.5), poor, terms(true), policy, open(2.5), time).reason).toBe('STOP');
    const old = { ...open(2.5), ageBars: 60 };
    expect(decideAt(later(2), poor, terms(true), policy, old, time).reason).toBe('MAX_AGE');
    expect(decideAt(later(2), { ...poor, risk_score: 0.95 }, terms(true), policy, open(2.5), time).reason).toBe(
      'RISK_EXIT',
    );
  });
});

describe('decide with an open position', () => {
  it.each([
    ['Z_EXIT', later(0.5), GOOD, 3],
    ['Z_EXIT', later(-1), GOOD, 3],
    ['STOP', later(4), GOOD, 3],
    ['MAX_AGE', later(2), GOOD, 60],
    ['RISK_EXIT', later(2), { return_prob: 0.9, risk_score: 0.95, expected_net_bps: 1 }, 3],
  ] as const)('exits with %s, on either side', (reason, at, scores, ageBars) => {
    expect(decide(at, scores, terms(true), POLICY, { ...open(2.5), ageBars })).toEqual({
      action: 'EXIT',
      reason,
      target: 0,
    });
    expect(decide(market(-at.z), scores, terms(true), POLICY, { ...open(-2.5), ageBars })).toEqual({
      action: 'EXIT',
      reason,
      target: 0,
    });
  });

  it('holds in between, whatever the current z, probability and edge', () => {
    const moved = { ...later(1), z: 9, beta: 0 };
    expect(
      decide(moved, { return_prob: 0, risk_score: 0.9, expected_net_bps: 1 }, terms(false), POLICY, open(2.5)),
    ).toEqual({
      action: 'HOLD',
      reason: 'IN_POSITION',
      target: -1,
    });
  });

  it('still exits on z, stop and age without models', () => {
    expect(decide(later(0.4), null, terms(false), POLICY, open(2.5)).reason).toBe('Z_EXIT');
    expect(decide(later(2), null, terms(false), POLICY, { ...open(2.5), ageBars: 60 }).reason).toBe('MAX_AGE');
  });

  it('measures z with the parameters frozen at the entry', () => {
    const position = open(2.5);
    expect(frozenZ(position, later(1.25).lnA, 2)).toBeCloseTo(1.25, 9);
    expect(agePosition(agePosition(position)).ageBars).toBe(2);
    expect(agePosition(FLAT)).toBe(FLAT);
  });
});

/** The windows from 30 minutes before to 15 minutes after events of dollars. */
function newsAround(times: readonly number[], closes: boolean): NewsWindows {
  const policy = { importance: 'high' as const, secondsBefore: 1800, secondsAfter: 900, closes };
  const events = times.map((time): NewsEvent => ({
    time,
    currency: 'USD',
    importance: 'high',
    name: '',
    knownFrom: 0,
    knownUntil: null,
  }));
  return newsWindows(withCalendar(policy, events), parsePair('XAUUSD_XAGUSD'))!;
}

describe('decide where several reasons hold at once', () => {
  const risky = { return_prob: 0.9, risk_score: 0.99, expected_net_bps: 1 };
  it.each([
    ['STOP', 'MAX_AGE', later(4.5), GOOD, 60, POLICY],
    ['STOP', 'RISK_EXIT', later(4.5), risky, 3, POLICY],
    ['STOP', 'MAX_AGE, RISK_EXIT', later(4.5), risky, 60, POLICY],
    ['STOP', 'MAX_AGE, without models,', later(4.5), null, 60, POLICY],
    ['Z_EXIT', 'MAX_AGE', later(0.1), GOOD, 60, POLICY],
    ['Z_EXIT', 'RISK_EXIT', later(0.1), risky, 3, POLICY],
    ['Z_EXIT', 'STOP', later(4.5), GOOD, 3, { ...POLICY, z_exit: 5 }],
    ['MAX_AGE', 'RISK_EXIT', later(2), risky, 60, POLICY],
  ] as const)('exits with %s before %s', (reason, _after, at, scores, ageBars, policy) => {
    const sold = { ...open(2.5), ageBars };
    const bought = { ...open(-2.5), ageBars };
    expect(decide(at, scores, terms(true), policy, sold)).toEqual({ action: 'EXIT', reason, target: 0 });
    expect(decide(market(-at.z), scores, terms(true), policy, bought)).toEqual({ action: 'EXIT', reason, target: 0 });
  });

  /** Few values, most of them on or beside a limit, so that conditions coincide. */
  const zs = fc.constantFrom(-9, -4, -2.5, -2, -1.99, -0.5, 0, 0.4, 0.5, 1.99, 2, 2.5, 4, 4.1, 9, NaN);
  const scores = fc.option(
    fc.record({
      return_prob: fc.constantFrom(0, 0.7, 0.71, 1, NaN),
      risk_score: fc.constantFrom(0, 0.29, 0.3, 0.94, 0.95, 1, NaN),
      expected_net_bps: fc.constantFrom(-1, 0, 0.1, 5, NaN),
    }),
  ) as fc.Arbitrary<Scores | null>;
  const betas = fc.constantFrom(0.8, -0.8, 0.01, 0.05, 20, 21, -21, NaN);
  const policies = fc.record({
    z_exit: fc.constantFrom(0.5, 0, -0.5, 5),
    stop: fc.constantFrom(1.5, 0.1),
    require_edge: fc.boolean(),
  });
  const ages = fc.constantFrom(1, 59, 60, 61);

  it('answers as the reference does that is written from PROTOCOL', () => {
    const coincidences = new Set<string>();
    fc.assert(
      fc.property(
        fc.record({
          z: zs,
          now: zs,
          beta: betas,
          scores,
          edge: fc.boolean(),
          how: policies,
          age: ages,
          flat: fc.boolean(),
          halted: fc.boolean(),
          stop: fc.constantFrom(null, null, 'entries' as const, 'close' as const),
          minute: fc.integer({ min: 0, max: 10_080 }),
          exposure: fc.constantFrom(
            null,
            ...[0.9, 1, 1.0001].map((net) => ({ key: 'USD', kind: 'currency' as const, net, limit: 1 })),
          ),
          // Minutes from the fill to the events; null: the policy asks for no news.
          events: fc.option(fc.array(fc.integer({ min: -40, max: 40 }), { maxLength: 3 })),
          closes: fc.boolean(),
          novelty: fc.constantFrom(NaN, 0, 0.01, 0.5),
          least: fc.constantFrom(null, 0.01),
          windows: fc.constantFrom([], ['16:45-18:15', 'Sun 17:00-18:30'], ['00:00-24:00'], ['Tue 08:00-20:00']),
        }),
        ({ z, now, beta, edge, how, age, flat, halted, stop, exposure, minute, windows, events, closes, ...own }) => {
          const scores = own.scores && { ...own.scores, novelty: own.novelty };
          const novelty_min = own.least === null ? {} : { novelty_min: own.least };
          const policy = { ...POLICY, ...how, ...novelty_min, no_entry_windows: parseEntryWindows(windows) };
          const time = (NOON + minute * 60) as OpenTime;
          const bar = market(now, beta);
          const entry = Number.isNaN(z) || z === 0 ? 2.5 : z;
          const position = flat ? FLAT : { ...open(entry), ageBars: age };
          const times = (events ?? []).map((minutes) => time + 60 + minutes * 60);
          const around = { minutesBefore: 30, minutesAfter: 15, closes };
          const news = events === null ? null : newsAround(times, closes);
          const { met, ...expected } = expectedDecision({
            bar,
            scores,
            hasEdge: edge,
            isHalted: halted,
            stop,
            ...THETA,
            policy,
            position,
            time,
            noEntryWindows: windows,
            ...(news !== null && { news: { events: times, ...around } }),
            ...(exposure !== null && { exposures: [{ before: 0, after: -exposure.net, limit: exposure.limit }] }),
          });

          if (!flat && met.length > 1) coincidences.add(met.slice(0, 2).join());
          const asked = { ...terms(edge, halted, stop), exposure, news };
          expect(decideAt(bar, scores, asked, policy, position, time)).toEqual(expected);
        },
      ),
      { numRuns: 3000, seed: 14 },
    );
    for (const both of ['STOP,MAX_AGE', 'STOP,RISK_EXIT', 'Z_EXIT,STOP', 'Z_EXIT,MAX_AGE', 'MAX_AGE,RISK_EXIT'])
      expect(coincidences).toContain(both);
  });

  it('has a reference that evaluates reasons in the order of PROTOCOL', () => {
    const protocol = readFileSync(new URL('../../../docs/reference/PROTOCOL.md', import.meta.url), 'utf8');
    const reasonsAfter = (heading: string): string[] => {
      const table = protocol.slice(protocol.indexOf(heading)).split('\n\n')[1]!;
      return [...table.matchAll(/^\| ?`([A-Z_]+)`/gm)].map(([, reason]) => reason!);
    };
    const names = (rows: typeof EXITS): string[] => rows.map(([reason]) => reason);
    expect(reasonsAfter('With an open virtual position:')).toEqual([...names(EXITS), 'IN_POSITION']);
    expect(reasonsAfter('\nFlat:\n')).toEqual([...names(REFUSALS), 'ENTRY']);
  });
});

describe('decide exactly at a limit', () => {
  /** Numbers that doubles hold exactly: the frozen z of leg A's price `z + 4.75` is `z`. */
  const frozen = { alpha: 0.25, beta: 2, zMean: 0.5, zStd: 1, lnB: 2 };
  const at = (z: number, changes: Partial<Market> = {}): Market => ({ ...frozen, z, lnA: z + 4.75, ...changes });
  const sold = openPosition(-1, 'id', 60 as OpenTime, at(2.5));
  const bought = openPosition(1, 'id', 60 as OpenTime, at(-2.5));
  const limits = { ...POLICY, beta_min: 0.5, beta_max: 4 };
  const above = Number.EPSILON * 4;
  const below = -Number.EPSILON * 4;

  it('subtracts alpha, the hedge and the mean from the frozen z, and divides by the frozen std', () => {
    expect(frozenZ(sold, 2.5 + 4.75, 2)).toBe(2.5);
    expect(frozenZ({ ...sold, alpha: 1.25 }, 2.5 + 4.75, 2)).toBe(1.5);
    expect(frozenZ({ ...sold, zMean: -0.5 }, 2.5 + 4.75, 2)).toBe(3.5);
    expect(frozenZ({ ...sold, beta: -2 }, 2.5 + 4.75, 2)).toBe(10.5);
    expect(frozenZ({ ...sold, zStd: 2 }, 2.5 + 4.75, 2)).toBe(1.25);
  });

  it.each([
    ['Z_EXIT', 0.5],
    ['IN_POSITION', 0.5 + above],
    ['STOP', 4],
    ['IN_POSITION', 4 + 2 * below],
  ] as const)('answers %s at an adverse z of %d, on either side', (reason, z) => {
    expect(decide(at(z), GOOD, terms(true), limits, sold).reason).toBe(reason);
    expect(decide(at(-z), GOOD, terms(true), limits, bought).reason).toBe(reason);
  });

  it.each([
    ['RISK_EXIT', 0.95, 3],
    ['IN_POSITION', 0.95 + below, 3],
    ['MAX_AGE', 0.1, 60],
    ['IN_POSITION', 0.1, 59],
  ] as const)('answers %s at risk %d and age %d', (reason, risk_score, ageBars) => {
    const position = { ...sold, ageBars };
    expect(
      decide(at(2), { return_prob: 1, risk_score, expected_net_bps: 1 }, terms(true), limits, position).reason,
    ).toBe(reason);
  });

  it.each([
    ['ENTRY', { beta: 0.5 }],
    ['BETA_RANGE', { beta: 0.5 + below }],
    ['ENTRY', { beta: -0.5 }],
    ['ENTRY', { beta: 4 }],
    ['BETA_RANGE', { beta: 4 + 4 * above }],
    ['ENTRY', { beta: -4 }],
    ['BETA_RANGE', { beta: 0 }],
    ['ENTRY', { z: 2 }],
    ['ENTRY', { z: -2 }],
    ['NO_SETUP', { z: 2 + below }],
  ] as const)('answers %s for %j', (reason, changes) => {
    expect(decide(at(2.5, changes), GOOD, terms(true), limits, FLAT).reason).toBe(reason);
  });

  it.each([
    ['PROB_LOW', { return_prob: 0.7, risk_score: 0.1, expected_net_bps: 1 }],
    ['ENTRY', { return_prob: 0.7 + above, risk_score: 0.1, expected_net_bps: 1 }],
    ['RISK_HIGH', { return_prob: 0.8, risk_score: 0.3, expected_net_bps: 1 }],
    ['ENTRY', { return_prob: 0.8, risk_score: 0.3 + below, expected_net_bps: 1 }],
  ] as const)('answers %s for %j', (reason, scores) => {
    expect(decide(at(2.5), scores, terms(true), limits, FLAT).reason).toBe(reason);
  });

  it('buys leg A at z = 0 where the policy allows an entry there, as the labels do', () => {
    expect(decide(at(0), GOOD, terms(true), { ...limits, z_entry: 0 }, FLAT)).toEqual({
      action: 'ENTER',
      reason: 'ENTRY',
      target: 1,
    });
  });
});

describe('entryLegs', () => {
  it('gives leg B the other side for beta = 0', () => {
    expect(entryLegs(-1, 0, 'XAUUSD', 'XAGUSD')).toBe('SELL_XAUUSD, BUY_XAGUSD');
  });

  it('sells A and buys B for beta > 0 and z > 0, and gives both the same side for beta < 0', () => {
    expect(entryLegs(-1, 0.8, 'XAUUSD', 'XAGUSD')).toBe('SELL_XAUUSD, BUY_XAGUSD');
    expect(entryLegs(1, 0.8, 'XAUUSD', 'XAGUSD')).toBe('BUY_XAUUSD, SELL_XAGUSD');
    expect(entryLegs(-1, -0.8, 'EURUSD', 'USDCHF')).toBe('SELL_EURUSD, SELL_USDCHF');
  });
});

describe('riskRank', () => {
  it('equals the share of training values below, up to the spacing of the quantiles', () => {
    fc.assert(
      fc.property(
        fc.array(fc.double({ min: 0, max: 1, noNaN: true }), { minLength: 200, maxLength: 400 }),
        (values) => {
          const quantiles = riskQuantiles(values, 100);
          for (const value of values.slice(0, 20)) {
            const below = values.filter((v) => v < value - 1e-6).length / values.length;
            const notAbove = values.filter((v) => v <= value + 1e-6).length / values.length;
            const rank = riskRank(quantiles, value);
            expect(rank).toBeGreaterThanOrEqual(below - 0.02);
            expect(rank).toBeLessThanOrEqual(notAbove + 0.02);
          }
        },
      ),
      { numRuns: 50 },
    );
  });

  it('is 0 below all, 1 above all, the middle for a constant model, and never falls', () => {
    expect(riskRank([0.1, 0.2, 0.3], 0.05)).toBe(0);
    expect(riskRank([0.1, 0.2, 0.3], 0.35)).toBe(1);
    expect(riskRank([0.1, 0.2, 0.3], 0.25)).toBeCloseTo(0.75);
    expect(riskRank([0.2, 0.2, 0.2], 0.2)).toBe(0.5);
    expect(riskRank([], 0.2)).toBe(0.5);
    const quantiles = [0, 0.1, 0.1, 0.1, 0.4];
    const ranks = Array.from({ length: 101 }, (_, i) => riskRank(quantiles, i / 100));
    expect(ranks).toEqual([...ranks].sort((a, b) => a - b));
  });
});
