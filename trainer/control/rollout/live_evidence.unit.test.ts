import { expect, it } from 'vitest';
import type { OpenTime } from '../../../shared/bar.ts';
import { loadSettings } from '../../../shared/policy/policy.ts';
import type { ArmMinute } from '../../jobs/comparison/arms.ts';
import type { ArmAnswer } from '../../jobs/strategies/pair_reversion/arm_answers.ts';
import { pairAxes, type Labels } from '../../jobs/strategies/pair_reversion/live_comparison.ts';
import type { RolloutEvidence } from './evidence.ts';
import { evidenceOf as evidenceOfAxes } from './live_evidence.ts';
import { rolloutRules } from './rules.ts';

const MINUTES = 'XAUUSD_XAGUSD';
const HOURLY = 'EURUSD_GBPUSD@1h';
const PAIRS = [MINUTES, HOURLY];
const LAST = 20_000;
const rules = rolloutRules(loadSettings().retrain);
const stages = [{ from: '1970-01-01T00:00:00Z', share: 0.1 }];

/** One of five candidates passes θ2. */
function answersAt(minute: number) {
  const riskScore = Math.floor(minute + minute / 60) % 5 === 0 ? 0.1 : 0.9;
  const answer = (returnProb: number): ArmAnswer => ({
    returnProb,
    riskScore,
    theta2: 0.5,
    z: 2.5,
    entered: false,
    resultBps: 0,
  });
  return { champion: answer(0.5), challenger: answer(0.6) };
}

/** Candidates at every bar of both pairs; each label is known after 60 bars of its pair. */
function evidenceOf(
  pairs: readonly string[],
  { answers = answersAt, unknown = [] }: { answers?: typeof answersAt; unknown?: readonly number[] } = {},
): RolloutEvidence {
  const minutes: ArmMinute<ArmAnswer>[] = [];
  const labels = new Map(pairs.map((pair) => [pair, new Map<number, 0 | 1>()]));
  for (let minute = 1; minute <= LAST; minute++) {
    const time = (minute * 60) as OpenTime;
    const due = pairs.filter((pair) => pair === MINUTES || minute % 60 === 0);
    if (due.length === 0) continue;
    minutes.push({ time, pairs: new Map(due.map((pair) => [pair, answers(minute)])) });
    for (const pair of due)
      if (minute + (pair === MINUTES ? 60 : 3600) <= LAST && !unknown.includes(minute))
        labels.get(pair)!.set(time, (minute % 2) as 0 | 1);
  }
  return evidenceOfAxes(pairAxes(minutes, labels as Labels, { stages }, pairs), rules);
}

it('a label of an hourly pair matures after hours, without counting as missing or delaying the others', () => {
  expect(pairAxes([], new Map(), { stages }, PAIRS)).toHaveLength(2);
  const evidence = evidenceOf(PAIRS);
  const hours = Math.floor((LAST - 3600) / 60);
  expect(evidence.scores.labels).toBe(LAST - 60 + hours);
  expect(evidence.guards.breach()).toBeNull();
});

it('pairs of each timeframe are evaluated on a separate axis', () => {
  const both = evidenceOf(PAIRS);
  const minutes = evidenceOf([MINUTES]);
  const hours = evidenceOf([HOURLY]);
  expect(both.scores.harm / ((minutes.scores.harm + hours.scores.harm) / 2)).toBeCloseTo(1, 9);
  expect(both.scores.benefit / ((minutes.scores.benefit + hours.scores.benefit) / 2)).toBeCloseTo(1, 9);
});

it('scores behind a label that may still come wait for it; one that is overdue is missing, and they go on', () => {
  expect(evidenceOf([MINUTES], { unknown: [LAST - 150] }).scores.labels).toBe(LAST - 151);
  expect(evidenceOf([MINUTES], { unknown: [LAST - 1000] }).scores.labels).toBe(LAST - 61);
});

it('the share that passes is that of the challenger’s candidates', () => {
  const passing = (arm: 'champion' | 'challenger') =>
    evidenceOf([MINUTES], {
      answers(minute) {
        const answers = answersAt(minute);
        return { ...answers, [arm]: { ...answers[arm], riskScore: 0.1 } };
      },
    }).guards.breach();
  expect(passing('champion')).toBeNull();
  expect(passing('challenger')).toMatchObject({ guard: 'pass_rate' });
});
