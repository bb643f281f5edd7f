import type { RolloutStage } from '../../../../shared/bundle/rollout.ts';
import { createRng } from '../../../../shared/rng.ts';
import { meanOf } from '../../../../shared/statistics.ts';
import { RolloutEvidence } from '../evidence.ts';
import { stagesMs, type RolloutRules } from '../rules.ts';
import {
  advantageOf,
  NO_ADVANTAGE,
  type MinuteAdvantage,
  type PairedScore,
} from '../../../jobs/comparison/advantage.ts';
import { power } from '../power.ts';
import { PAIR_BLOCK } from '../../../jobs/strategies/pair_reversion/training.ts';
import { checkRollout } from '../verdict.ts';
import { HORIZON, SimulatedPairs } from './market.ts';
import { CHAMPION, IMPROVEMENT, REGRESSIONS, type SimulatedModel } from './models.ts';

const MINUTE_MS = 60_000;
const OPEN_MINUTES = 5 * 1440;
const WEEK_MINUTES = 7 * 1440;

export interface RolloutEnd {
  readonly end: 'promoted' | 'aborted' | 'inconclusive';
  readonly reason: string;
  readonly stage: RolloutStage;
  /** Market time, weekends included. */
  readonly days: number;
  readonly lossBps: number;
  readonly labels: number;
}

/** One rollout from start to end, evaluated after every minute. */
export function simulateRollout(
  champion: SimulatedModel,
  challenger: SimulatedModel,
  rules: RolloutRules,
  seed: string,
): RolloutEnd {
  const pairs = new SimulatedPairs(champion, challenger, createRng(seed));
  const evidence = new RolloutEvidence(rules.guards, HORIZON);
  const immature: (readonly PairedScore[])[] = [];
  let stage = rules.stages[0]!;
  let stageStartMs = 0;
  for (let minute = 0; ; minute++) {
    const seen = pairs.minute(minute, stage.share);
    if (seen.failed) evidence.guards.fail();
    evidence.addGuards(seen);
    const matured = immature[minute % HORIZON];
    if (matured !== undefined) evidence.addScores(minute - HORIZON, matured);
    immature[minute % HORIZON] = seen.scores;
    const nowMs = clockMs(minute);
    const facts = evidence.facts(stage.name, nowMs - stageStartMs, nowMs, minute >= OPEN_MINUTES);
    const verdict = checkRollout(facts, rules);
    if (verdict.verdict === 'advance') {
      stage = verdict.to;
      stageStartMs = nowMs;
    }
    if (verdict.verdict === 'continue' || verdict.verdict === 'advance') continue;
    const at = { stage: stage.name, days: nowMs / (1440 * MINUTE_MS) };
    const { lossBps } = evidence.guards;
    const ends = { promote: 'promoted', abort: 'aborted', inconclusive: 'inconclusive' } as const;
    const reason = 'reason' in verdict ? verdict.reason : '';
    return { end: ends[verdict.verdict], reason, ...at, lossBps, labels: evidence.scores.labels };
  }
}

/** Market time: weeks begin with the rollout. */
function clockMs(minute: number): number {
  return (Math.floor(minute / OPEN_MINUTES) * WEEK_MINUTES + (minute % OPEN_MINUTES)) * MINUTE_MS;
}

/** Trading minutes in this time from the start. */
function openMinutes(ms: number): number {
  const minutes = ms / MINUTE_MS;
  return Math.floor(minutes / WEEK_MINUTES) * OPEN_MINUTES + Math.min(minutes % WEEK_MINUTES, OPEN_MINUTES);
}

export interface RolloutCounts {
  readonly equal: number;
  readonly regressions: number;
  readonly improvements: number;
}

export interface RolloutSimulation {
  readonly equal: {
    readonly rollouts: number;
    readonly promoted: number;
    readonly aborted: number;
    /** Of promotions and aborts together. */
    readonly wrongShare: number;
  };
  readonly regressions: {
    readonly rollouts: number;
    readonly aborted: number;
    readonly withinBudget: number;
    readonly greatestLossBps: number;
    readonly byKind: readonly {
      readonly kind: string;
      readonly rollouts: number;
      readonly aborted: number;
      readonly days: number;
      readonly lossBps: number;
    }[];
  };
  readonly improvements: {
    readonly size: string;
    readonly rollouts: number;
    readonly promoted: number;
    readonly aborted: number;
    /** Mean over shadow periods, and its standard error. */
    readonly statedPower: number;
    readonly statedError: number;
  };
}

/** Whole rollouts of equal challengers, planted regressions and real improvements. */
export function simulateRollouts(
  rules: RolloutRules,
  counts: RolloutCounts,
  onProgress: (done: number, total: number) => void,
  periods = SHADOW_PERIODS,
): RolloutSimulation {
  const total = counts.equal + counts.regressions + counts.improvements;
  let done = 0;
  const run = (champion: SimulatedModel, challenger: SimulatedModel, name: string, count: number): RolloutEnd[] =>
    Array.from({ length: count }, (_, i) => {
      const end = simulateRollout(champion, challenger, rules, `${name} ${i}`);
      onProgress(++done, total);
      return end;
    });
  const equal = run(CHAMPION, CHAMPION, 'equal', counts.equal);
  const better = run(IMPROVEMENT.champion, IMPROVEMENT.challenger, 'improvement', counts.improvements);
  const regressions = REGRESSIONS.map(({ kind, model }, i) => {
    const rollouts =
      Math.floor(counts.regressions / REGRESSIONS.length) + (i < counts.regressions % REGRESSIONS.length ? 1 : 0);
    return { kind, ends: run(CHAMPION, model, kind, rollouts) };
  });
  const promoted = countOf(equal, 'promoted');
  const aborted = countOf(equal, 'aborted');
  return {
    equal: { rollouts: equal.length, promoted, aborted, wrongShare: (promoted + aborted) / Math.max(1, equal.length) },
    regressions: regressionsOf(regressions, rules.guards.loss_budget_bps),
    improvements: {
      size: IMPROVEMENT.size,
      rollouts: better.length,
      promoted: countOf(better, 'promoted'),
      aborted: countOf(better, 'aborted'),
      ...(better.length === 0 ? { statedPower: 0, statedError: 0 } : statedPower(rules, periods)),
    },
  };
}

function countOf(ends: readonly RolloutEnd[], end: RolloutEnd['end']): number {
  return ends.filter((one) => one.end === end).length;
}

function regressionsOf(
  kinds: readonly { readonly kind: string; readonly ends: readonly RolloutEnd[] }[],
  budgetBps: number,
): RolloutSimulation['regressions'] {
  const ends = kinds.flatMap((one) => one.ends);
  const greatest = (of: readonly RolloutEnd[], value: (end: RolloutEnd) => number): number =>
    of.reduce((most, end) => Math.max(most, value(end)), 0);
  return {
    rollouts: ends.length,
    aborted: countOf(ends, 'aborted'),
    withinBudget: ends.filter(({ end, lossBps }) => end === 'aborted' && lossBps <= budgetBps).length,
    greatestLossBps: greatest(ends, ({ lossBps }) => lossBps),
    byKind: kinds
      .filter((one) => one.ends.length > 0)
      .map(({ kind, ends: own }) => ({
        kind,
        rollouts: own.length,
        aborted: countOf(own, 'aborted'),
        days: greatest(own, ({ days }) => days),
        lossBps: greatest(own, ({ lossBps }) => lossBps),
      })),
  };
}

/** Shadow periods that power is stated from, their length, and the paths of the bootstrap for each. */
export interface ShadowPeriods {
  readonly count: number;
  readonly days: number;
  readonly repeats: number;
}

/** Periods differ more than the paths of one: many periods with few paths state the mean best. */
const SHADOW_PERIODS: ShadowPeriods = { count: 48, days: 250, repeats: 50 };

/** Mean power and its standard error: that of one shadow period has the error of the period's own mean scores. */
interface StatedPower {
  readonly statedPower: number;
  readonly statedError: number;
}

/** As before a start: from shadow periods of the same two models, at the e-value that promotion needs. */
export function statedPower(rules: RolloutRules, periods = SHADOW_PERIODS): StatedPower {
  const stated = Array.from({ length: periods.count }, (_, shadow) => shadowPower(rules, shadow, periods));
  const mean = meanOf(stated);
  const squares = stated.reduce((sum, one) => sum + (one - mean) ** 2, 0);
  return { statedPower: mean, statedError: Math.sqrt(squares / (stated.length - 1) / stated.length) };
}

function shadowPower(rules: RolloutRules, shadow: number, { days, repeats }: ShadowPeriods): number {
  const pairs = new SimulatedPairs(IMPROVEMENT.champion, IMPROVEMENT.challenger, createRng(`shadow ${shadow}`));
  const history: MinuteAdvantage[] = [];
  for (let minute = 0; minute < days * 1440; minute++) {
    const { scores } = pairs.minute(minute, 0);
    history.push(scores.length === 0 ? NO_ADVANTAGE : advantageOf(scores));
  }
  return power({
    history,
    stageMinutes: openMinutes(stagesMs(rules)),
    minutes: openMinutes(rules.timeoutMs),
    promotionEValue: rules.promotionEValue,
    horizon: HORIZON,
    block: PAIR_BLOCK,
    rng: createRng(`power ${shadow}`),
    repeats,
  })!;
}

/** Standard error of the share of promoted rollouts less the stated power. */
export function powerError({ rollouts, promoted, statedError }: RolloutSimulation['improvements']): number {
  const share = (promoted + 1) / (rollouts + 2);
  return Math.sqrt((share * (1 - share)) / Math.max(1, rollouts) + statedError ** 2);
}
