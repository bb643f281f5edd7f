import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { loadSettings } from '../../../shared/policy/policy.ts';
import { candidateLevel, rolloutRules } from './rules.ts';
import { advantageOf, type MinuteAdvantage, NO_ADVANTAGE } from '../../jobs/comparison/advantage.ts';
import type { GuardMinute } from '../../jobs/comparison/compared_bars.ts';
import { Guards } from './guards.ts';
import { PairedScores } from './paired_scores.ts';
import { power } from './power.ts';
import { PAIR_BLOCK } from '../../jobs/strategies/pair_reversion/training.ts';
import { checkRollout, outlookOf, type RolloutFacts } from './verdict.ts';
import type { Rng } from '../../../shared/ports.ts';
import { createRng } from '../../../shared/rng.ts';
import { RolloutEvidence } from './evidence.ts';

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
  meanLogLoss: 0.001,
  meanBrier: 0,
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

  it('promotes by evidence only, with labels and a full trading week', () => {
    expect(verdictOf({})).toBe('promote');
    expect(verdictOf({ benefit: 19.9 })).toBe('continue');
    expect(verdictOf({ meanLogLoss: -1e-9 })).toBe('continue');
    expect(verdictOf({ meanBrier: -1e-9 })).toBe('continue');
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
      meanLogLoss: fc.constantFrom(-0.01, 0, 0.01),
      meanBrier: fc.constantFrom(-0.01, 0, 0.01),
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
      meanLogLoss: fc.double({ min: -1, max: 1, noNaN: true }),
      meanBrier: fc.double({ min: -1, max: 1, noNaN: true }),
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
  it('are mean differences of clipped log loss and Brier score on one scale, their sums unclipped', () => {
    fc.assert(
      fc.property(fc.array(score, { minLength: 1, maxLength: 10 }), (scores) => {
        const logLossOf = (p: number, label: number): number => -Math.log(label === 1 ? p : 1 - p);
        const brierOf = (p: number, label: number): number => (label - p) ** 2;
        const clip = (p: number): number => Math.min(0.98, Math.max(0.02, p));
        const sum = (loss: typeof brierOf, of = (p: number) => p, flip = false): number =>
          scores.reduce((total, { champion, challenger, label }) => {
            const outcomes = flip ? [0, 1] : [label];
            const differences = outcomes.map((outcome) => loss(of(champion), outcome) - loss(of(challenger), outcome));
            return total + (flip ? Math.max(...differences.map(Math.abs)) : differences[0]!);
          }, 0);
        const found = advantageOf(scores);
        const logLossScale = Math.log(49);
        const brierScale = 0.98 ** 2 - 0.02 ** 2;
        const n = scores.length;
        expect(found.labels).toBe(n);
        expect(found.logLossSum).toBeCloseTo(sum(logLossOf), 9);
        expect(found.brierSum).toBeCloseTo(sum(brierOf), 9);
        expect(found.logLoss).toBeCloseTo(sum(logLossOf, clip) / n / logLossScale, 9);
        expect(found.brier).toBeCloseTo(sum(brierOf, clip) / n / brierScale, 9);
        expect(found.logLossBound).toBeCloseTo(sum(logLossOf, clip, true) / n / logLossScale, 9);
        expect(found.brierBound).toBeCloseTo(sum(brierOf, clip, true) / n / brierScale, 9);
        expect(Math.abs(found.logLoss)).toBeLessThanOrEqual(found.logLossBound + 1e-12);
        expect(Math.max(found.logLossBound, found.brierBound)).toBeLessThanOrEqual(1);
      }),
    );
  });

  it('are positive for the better answer, and stay finite at 0 and 1', () => {
    expect(advantageOf([{ champion: 0.5, challenger: 0.8, label: 1 }]).brier).toBeGreaterThan(0);
    expect(advantageOf([{ champion: 0.5, challenger: 0.8, label: 0 }]).logLoss).toBeLessThan(0);
    const wrong = advantageOf([{ champion: 0.5, challenger: 0, label: 1 }]);
    expect(wrong.logLossSum).toBeCloseTo(Math.log(2) - Math.log(1e6), 9);
    expect(advantageOf([{ champion: 1, challenger: 0, label: 1 }])).toMatchObject({
      logLoss: -1,
      brier: -1,
      logLossBound: 1,
    });
  });
});

/** Evidence after minutes of one subject, whose outcomes last for a number of minutes. */
function scored(
  run: string,
  minutes: number,
  answers: (truth: number, rng: Rng) => readonly [champion: number, challenger: number],
  horizon = 20,
): PairedScores {
  const rng = createRng(run);
  const scores = new PairedScores(horizon);
  let draw = 0;
  for (let minute = 0; minute < minutes; minute++) {
    if (minute % (horizon / 4) === 0) draw = rng.uniform();
    const truth = 0.3 + 0.4 * rng.uniform();
    const [champion, challenger] = answers(truth, rng);
    scores.add(minute, [{ champion, challenger, label: draw < truth ? 1 : 0 }]);
  }
  return scores;
}

/** Whether the scores alone would promote. */
function isPromoted(scores: PairedScores): boolean {
  const { benefit, meanLogLoss, meanBrier } = scores;
  return checkRollout({ ...FACTS, benefit, meanLogLoss, meanBrier }, rules).verdict === 'promote';
}

describe('a challenger that is', () => {
  const runs = 60;
  const shareOf = (name: string, of: (run: string) => boolean): number =>
    Array.from({ length: runs }, (_, run) => of(`${name} ${run}`)).filter(Boolean).length / runs;
  const shifted = (truth: number, by: number): number => 1 / (1 + (1 / truth - 1) * Math.exp(-by));

  it.each([
    // Nearer to the truth in 19 of 20 minutes, and certain of either outcome in the others.
    ['rarely certain, and wrong then as often as right', 0.05, 0.0005, 0.12],
    ['rarely as certain as the clipped scores can tell', 0.05, 0.02, 0.03],
    // Brier hardly notices it, log loss does.
    ['very rarely certain beyond the clip', 0.012, 1e-6, 0.04],
  ])('%s is promoted in at most one run of twenty', (name, share, certain, worse) => {
    const means: number[] = [];
    const promoted = shareOf(name, (run) => {
      const scores = scored(run, 3000, (truth, rng) => {
        const champion = shifted(truth, rng.uniform() < 0.5 ? 0.5 : -0.5);
        const side = rng.uniform() < 0.5;
        if (rng.uniform() < share) return [champion, side ? certain : 1 - certain];
        return [champion, shifted(truth, 0.4 * (rng.uniform() - 0.5))];
      });
      means.push(-scores.meanLogLoss);
      return isPromoted(scores);
    });
    expect(means.reduce((sum, mean) => sum + mean, 0) / runs).toBeGreaterThan(worse);
    expect(promoted).toBeLessThanOrEqual(0.05);
  });

  it('equal is promoted or aborted in at most 5 % of runs each, looked at after every minute', () => {
    let better = 0;
    let worse = 0;
    for (let run = 0; run < 100; run++) {
      const rng = createRng(`equal ${run}`);
      const scores = new PairedScores(20);
      let draw = 0;
      let benefit = 0;
      let harm = 0;
      for (let minute = 0; minute < 1500; minute++) {
        // An outcome is shared by the minutes of a horizon: labels overlap as much as they can.
        if (minute % 20 === 0) draw = rng.uniform();
        const truth = 0.3 + 0.4 * rng.uniform();
        const answer = (): number => shifted(truth, rng.normal() * 0.7);
        scores.add(minute, [{ champion: answer(), challenger: answer(), label: draw < truth ? 1 : 0 }]);
        benefit = Math.max(benefit, scores.isNotWorse ? scores.benefit : 0);
        harm = Math.max(harm, scores.harm);
      }
      if (benefit >= rules.promotionEValue) better++;
      if (harm >= 20) worse++;
    }
    expect([better <= 5, worse <= 5]).toEqual([true, true]);
  });

  it('better is promoted, and not once its benefit is lost again', () => {
    const better = scored('better', 6000, (truth) => [shifted(truth, 0.8), truth]);
    expect([better.benefit > 20, isPromoted(better)]).toEqual([true, true]);
    const evidence = new RolloutEvidence(rules.guards, 20);
    const rng = createRng('fading');
    let most = 0;
    for (let minute = 0; minute < 9000; minute++) {
      const truth = 0.3 + 0.4 * rng.uniform();
      const isBetter = minute < 4000;
      const [champion, challenger] = isBetter ? [shifted(truth, 0.9), truth] : [truth, shifted(truth, 0.9)];
      evidence.addScores(minute, [{ champion, challenger, label: rng.uniform() < truth ? 1 : 0 }]);
      most = Math.max(most, evidence.scores.benefit);
    }
    const facts = evidence.facts('rollout', FACTS.inStageMs, FACTS.sinceStartMs, true);
    expect(most).toBeGreaterThan(20);
    expect(facts.benefit).toBeLessThan(1);
    expect(facts.harm).toBeGreaterThanOrEqual(evidence.scores.harm);
  });

  it('worse stays proved, although the challenger is better later', () => {
    const evidence = new RolloutEvidence(rules.guards, 20);
    const rng = createRng('recovering');
    let most = 0;
    for (let minute = 0; minute < 6000; minute++) {
      const truth = 0.3 + 0.4 * rng.uniform();
      const isWorse = minute < 3000;
      const [champion, challenger] = isWorse ? [truth, shifted(truth, 0.9)] : [shifted(truth, 0.9), truth];
      evidence.addScores(minute, [{ champion, challenger, label: rng.uniform() < truth ? 1 : 0 }]);
      most = Math.max(most, evidence.scores.harm);
    }
    const { harm } = evidence.facts('rollout', FACTS.inStageMs, FACTS.sinceStartMs, true);
    expect(most).toBeGreaterThan(10);
    expect(evidence.scores.harm).toBeLessThan(most / 2);
    expect(harm).toBe(most);
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

  it('count missing answers only once enough of them were due, and as a share of these', () => {
    const { missing_min_due: least, missing_share_max: most } = rules.guards;
    expect(least).toBeGreaterThan(10);
    const guards = new Guards(rules.guards, 60);
    guards.add({ ...QUIET, minute: 0, due: least - 1, missing: least - 1 });
    expect(guards.breach()).toBeNull();
    guards.add({ ...QUIET, minute: 1, due: 1, missing: 0 });
    expect(guards.breach()?.guard).toBe('missing');
    // At the limit, and one above it.
    const due = 100 * least;
    const allowed = Math.floor(most * due);
    const atLimit = new Guards(rules.guards, 60);
    atLimit.add({ ...QUIET, minute: 0, due, missing: allowed });
    expect(atLimit.breach()).toBeNull();
    atLimit.add({ ...QUIET, minute: 1, due: 0, missing: 1 });
    expect(atLimit.breach()?.guard).toBe('missing');
  });

  it('find a dropped challenger at once', () => {
    const guards = new Guards(rules.guards, 60);
    guards.fail();
    expect(guards.breach()?.guard).toBe('failure');
  });
});

describe('power', () => {
  const minuteOf = (rng: Rng, mean: number): MinuteAdvantage => {
    const value = mean + 0.6 * (rng.uniform() - 0.5);
    const logLoss = value;
    const brier = value;
    return {
      ...NO_ADVANTAGE,
      logLoss,
      brier,
      logLossBound: 0.5,
      brierBound: 0.5,
      labels: 1,
      logLossSum: value,
      brierSum: value,
    };
  };
  const history = (mean: number): MinuteAdvantage[] => {
    const rng = createRng(`power ${mean}`);
    return Array.from({ length: 20_000 }, () => minuteOf(rng, mean));
  };
  const ask = (mean: number, minutes: number, promotionEValue = 20, stageMinutes = 0): number =>
    power({
      history: history(mean),
      stageMinutes,
      minutes,
      promotionEValue,
      horizon: 20,
      block: PAIR_BLOCK,
      rng: createRng('ask'),
    })!;

  it('grows with the effect and the time, and is near 0 without an effect', () => {
    expect(ask(0, 600)).toBeLessThanOrEqual(0.05);
    expect(ask(0.15, 1500)).toBeGreaterThan(ask(0.15, 300));
    expect(ask(0.15, 1500)).toBeGreaterThan(0.9);
  });

  it('is the share of promoted rollouts at the e-value that the candidate needs, which rises', () => {
    const thresholds = [[], [false], [false, false, false]].map((outcomes) => {
      const { promotionEValue } = rolloutRules(loadSettings().retrain, outcomes);
      return promotionEValue;
    });
    expect(thresholds).toEqual([20, expect.closeTo(60, 9), expect.closeTo(200, 9)]);
    const shares = thresholds.map((needed) => {
      const stated = ask(0.07, 2000, needed, 600);
      let promoted = 0;
      for (let run = 0; run < 200; run++) {
        const rng = createRng(`rollout ${needed} ${run}`);
        const scores = new PairedScores(20);
        let isDone = false;
        for (let minute = 0; minute < 2000 && !isDone; minute++) {
          scores.addAdvantage(minute, minuteOf(rng, 0.07));
          isDone = minute >= 599 && scores.benefit >= needed && scores.isNotWorse;
        }
        if (isDone) promoted++;
      }
      return [stated, promoted / 200] as const;
    });
    for (const [stated, found] of shares)
      expect(Math.abs(stated - found)).toBeLessThanOrEqual(3 * Math.sqrt((2 * 0.25) / 200));
    expect(shares[0]![0] - shares[2]![0]).toBeGreaterThan(0.2);
  });

  it('is none for a challenger whose mean score is worse', () => {
    const mixed = history(0.15).map((one) => ({ ...one, logLossSum: -1 }));
    const question = { stageMinutes: 0, minutes: 1500, promotionEValue: 20, horizon: 20, block: PAIR_BLOCK };
    expect(power({ ...question, history: mixed, rng: createRng('ask') })).toBe(0);
  });

  it('is unknown without a history', () => {
    const question = { stageMinutes: 0, minutes: 10, promotionEValue: 20, horizon: 20, block: PAIR_BLOCK };
    expect(power({ ...question, history: [], rng: createRng('none') })).toBeNull();
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
