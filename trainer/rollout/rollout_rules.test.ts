import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { loadSettings } from '../../shared/policy/policy.ts';
import { candidateLevel } from './false_discoveries.ts';
import { Guards, type GuardMinute } from './guards.ts';
import { advantageOf, brierLoss, logLoss, minuteAdvantage, type PairedScore } from './paired_scores.ts';
import { power } from './power.ts';
import { rolloutRules } from './rules.ts';
import { checkRollout, outlookOf, type RolloutFacts } from './verdict.ts';
import { createRng } from '../../shared/rng.ts';

const HOUR = 3_600_000;
const rules = rolloutRules(loadSettings().retrain);
const probability = fc.double({ min: 0.001, max: 0.999, noNaN: true });
const score = fc.record({
  champion: probability,
  challenger: probability,
  label: fc.constantFrom(0 as const, 1 as const),
});

const FACTS: RolloutFacts = {
  stage: 'rollout',
  inStageMs: 7 * 24 * HOUR,
  sinceStartMs: 11 * 24 * HOUR,
  labels: 10_000,
  hasFullWeek: true,
  harm: 1,
  benefit: 25,
  breach: null,
};
const verdictOf = (change: Partial<RolloutFacts>): string => checkRollout({ ...FACTS, ...change }, rules).verdict;

describe('the verdict on a rollout', () => {
  it('has the stages of the specification', () => {
    const stages = rules.stages.map(({ name, share, durationMs }) => [name, share, durationMs]);
    expect(stages).toEqual([
      ['test', 0.1, 24 * HOUR],
      ['pilot', 0.3, 72 * HOUR],
      ['rollout', 0.7, 168 * HOUR],
      ['full', 1, null],
    ]);
  });

  it.each(['ongoing', 'full'] as const)('has a last stage without an end by the duration %s', (duration) => {
    const { retrain } = loadSettings();
    const [test, pilot, rollout, full] = retrain.deployment_stages;
    const deployment_stages: typeof retrain.deployment_stages = [test, pilot, rollout, { ...full, duration }];
    const { stages } = rolloutRules({ ...retrain, deployment_stages });
    expect(stages.at(-1)).toEqual({ name: 'full', share: 1, durationMs: null });
  });

  it('promotes by evidence only, with labels and a full trading week', () => {
    expect(verdictOf({})).toBe('promote');
    expect(verdictOf({ benefit: 19.9 })).toBe('continue');
    expect(verdictOf({ hasFullWeek: false })).toBe('continue');
    expect(verdictOf({ labels: 3 * rules.minLabels - 1 })).toBe('continue');
    expect(verdictOf({ inStageMs: 168 * HOUR - 1 })).toBe('continue');
  });

  it('advances after the stage and its labels, and never skips a stage', () => {
    const test = { stage: 'test', inStageMs: 24 * HOUR, sinceStartMs: 24 * HOUR, labels: rules.minLabels } as const;
    expect(checkRollout({ ...FACTS, ...test }, rules)).toMatchObject({
      verdict: 'advance',
      to: { name: 'pilot', share: 0.3 },
    });
    expect(verdictOf({ ...test, inStageMs: 24 * HOUR - 1 })).toBe('continue');
    expect(verdictOf({ ...test, labels: rules.minLabels - 1 })).toBe('continue');
  });

  it('has an outlook without open conditions exactly when the verdict is to advance or promote', () => {
    const facts = fc.record({
      stage: fc.constantFrom('test' as const, 'pilot' as const, 'rollout' as const),
      inStageMs: fc.constantFrom(0, 24 * HOUR, 72 * HOUR, 168 * HOUR),
      labels: fc.constantFrom(...[0, 1, 2, 3].map((stages) => stages * rules.minLabels)),
      hasFullWeek: fc.boolean(),
      benefit: fc.constantFrom(1, 19, 20, 25),
    });
    fc.assert(
      fc.property(facts, (given) => {
        const all = { ...FACTS, sinceStartMs: 0, ...given };
        const goesOn = ['advance', 'promote'].includes(checkRollout(all, rules).verdict);
        expect(outlookOf(all, rules).blocked.length === 0).toBe(goesOn);
      }),
    );
    expect(outlookOf({ ...FACTS, stage: 'test', inStageMs: HOUR, labels: 7 }, rules)).toEqual({
      next: 'stage pilot',
      blocked: ['1.0 of 24.0 h in the stage', `7 of ${rules.minLabels} matured labels`],
    });
  });

  it('is inconclusive after the time-out, and never promotes without evidence', () => {
    expect(verdictOf({ sinceStartMs: rules.timeoutMs, benefit: 1 })).toBe('inconclusive');
    expect(verdictOf({ sinceStartMs: rules.timeoutMs - 1, benefit: 1 })).toBe('continue');
  });

  it('aborts at once by harm or a guard, in any other state', () => {
    const facts = fc.record({
      stage: fc.constantFrom('test' as const, 'pilot' as const, 'rollout' as const, 'full' as const),
      inStageMs: fc.nat(1e9),
      sinceStartMs: fc.nat(4e9),
      labels: fc.nat(1e6),
      hasFullWeek: fc.boolean(),
      benefit: fc.double({ min: 0, max: 1e6, noNaN: true }),
    });
    fc.assert(
      fc.property(facts, (any) => {
        expect(checkRollout({ ...any, harm: 20, breach: null }, rules).verdict).toBe('abort');
        expect(checkRollout({ ...any, harm: 1, breach: { guard: 'loss', seen: '' } }, rules).verdict).toBe('abort');
      }),
    );
  });
});

describe('the paired scores of a minute', () => {
  it('are the differences of log loss and Brier score over the largest possible ones, within [−1, 1]', () => {
    fc.assert(
      fc.property(fc.array(score, { minLength: 1, maxLength: 10 }), (scores) => {
        const loss = (p: number, label: number): number => -Math.log(label === 1 ? p : 1 - p);
        const difference = ({ champion, challenger, label }: PairedScore): number =>
          loss(champion, label) - loss(challenger, label);
        const largest = ({ champion, challenger }: PairedScore): number =>
          Math.max(...[0, 1].map((label) => Math.abs(loss(champion, label) - loss(challenger, label))));
        const total = (of: (one: PairedScore) => number): number => scores.reduce((sum, one) => sum + of(one), 0);
        const expected = total(difference) / Math.max(0.01, total(largest));
        expect(minuteAdvantage(scores, logLoss)).toBeCloseTo(expected, 9);
        for (const value of Object.values(advantageOf(scores))) expect(Math.abs(value)).toBeLessThanOrEqual(1 + 1e-12);
      }),
    );
  });

  it('are positive for the better answer, and stay finite at 0 and 1', () => {
    expect(minuteAdvantage([{ champion: 0.5, challenger: 0.8, label: 1 }], brierLoss)).toBeGreaterThan(0);
    expect(minuteAdvantage([{ champion: 0.5, challenger: 0.8, label: 0 }], logLoss)).toBeLessThan(0);
    expect(minuteAdvantage([{ champion: 0.5, challenger: 0, label: 1 }], logLoss)).toBe(-1);
  });
});

const QUIET: Omit<GuardMinute, 'minute'> = {
  share: 0.5,
  championBps: 0,
  challengerBps: 0,
  entries: [],
  candidates: 0,
  passed: 0,
  due: 10,
  missing: 0,
};

describe('the guards of a rollout', () => {
  /** The guard that a repeated minute breaches, and after how many. */
  function breachOf(change: Partial<GuardMinute>, minutes = 2000): string | null {
    const guards = new Guards(rules.guards, 60);
    for (let minute = 0; minute < minutes; minute++) guards.add({ ...QUIET, minute, ...change });
    return guards.breach()?.guard ?? null;
  }

  it('stay quiet while both arms are alike', () => {
    const entries = [{ champion: true, challenger: true }];
    expect(breachOf({ entries, candidates: 5, passed: 1, championBps: 1, challengerBps: 1 })).toBeNull();
  });

  it.each([
    ['loss', { championBps: 0, challengerBps: -0.1 }],
    ['entries', { entries: [{ champion: false, challenger: true }] }],
    ['entries', { entries: [{ champion: true, challenger: false }] }],
    ['pass_rate', { candidates: 5, passed: 4 }],
    ['missing', { missing: 1 }],
  ] as [string, Partial<GuardMinute>][])('find %s', (guard, change) => {
    expect(breachOf(change)).toBe(guard);
  });

  it('weight losses by the share of the stage, and stop within the budget', () => {
    const guards = new Guards(rules.guards, 60);
    let minute = 0;
    while (guards.breach() === null) guards.add({ ...QUIET, minute: minute++, share: 0.1, challengerBps: -1 });
    expect(guards.lossBps).toBeCloseTo(0.1 * minute, 9);
    expect(guards.lossBps).toBeLessThanOrEqual(rules.guards.loss_budget_bps);
  });

  it('find a dropped challenger at once', () => {
    const guards = new Guards(rules.guards, 60);
    guards.fail();
    expect(guards.breach()?.guard).toBe('failure');
  });
});

describe('power', () => {
  const history = (mean: number): { logLoss: number; brier: number }[] => {
    const rng = createRng(`power ${mean}`);
    return Array.from({ length: 3000 }, () => {
      const value = mean + 0.3 * (2 * rng.uniform() - 1);
      return { logLoss: value, brier: value };
    });
  };
  const ask = (mean: number, minutes: number): number | null =>
    power({ history: history(mean), effect: null, minutes, horizon: 20, rng: createRng('ask') });

  it('grows with the effect and the time, and is near 0 without an effect', () => {
    expect(ask(0, 600)).toBeLessThanOrEqual(0.05);
    expect(ask(0.15, 1500)!).toBeGreaterThan(ask(0.15, 300)!);
    expect(ask(0.15, 1500)!).toBeGreaterThan(0.9);
  });

  it('is unknown without a history', () => {
    expect(power({ history: [], effect: null, minutes: 10, horizon: 20, rng: createRng('none') })).toBeNull();
  });
});

describe('the level of a candidate', () => {
  it('gives levels whose sum without a discovery is at most the rate, higher after each discovery', () => {
    let spent = 0;
    for (let t = 0; t < 1000; t++) spent += candidateLevel(0.1, Array<boolean>(t).fill(false));
    expect(spent).toBeLessThanOrEqual(0.1);
    expect(candidateLevel(0.1, [])).toBeCloseTo(0.05, 12);
    expect(candidateLevel(0.1, [true, false])).toBeCloseTo((0.1 * 2) / 12, 12);
  });

  it('keeps the share of false promotions below the rate when every candidate is worthless', () => {
    const runs = 2000;
    let falseRuns = 0;
    const rng = createRng('candidates');
    for (let run = 0; run < runs; run++) {
      const history: boolean[] = [];
      // The largest e-value by Ville's inequality: 1/u.
      for (let t = 0; t < 30; t++) history.push(rng.uniform() <= candidateLevel(0.1, history));
      if (history.includes(true)) falseRuns++;
    }
    expect(falseRuns / runs).toBeLessThanOrEqual(0.1 + 3 * Math.sqrt((0.1 * 0.9) / runs));
  });
});
