import type { RolloutStage } from '../../../shared/bundle/rollout.ts';
import { createRng } from '../../../shared/rng.ts';
import { RolloutEvidence } from '../evidence.ts';
import type { RolloutRules } from '../rules.ts';
import { advantageOf, type MinuteAdvantage, type PairedScore } from '../paired_scores.ts';
import { power } from '../power.ts';
import { checkRollout, type VerdictPolicy } from '../verdict.ts';
import { HORIZON, SimulatedPairs } from './market.ts';
import { CHAMPION, IMPROVEMENT, REGRESSIONS, type SimulatedModel } from './models.ts';

const MINUTE_MS = 60_000;
const [OPEN_MINUTES, WEEK_MINUTES] = [5 * 1440, 7 * 1440];

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
  let [stage, stageStartMs] = [rules.stages[0]!, 0];
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
    if (verdict.verdict === 'advance') [stage, stageStartMs] = [verdict.to, nowMs];
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

/** Trading minutes before the time-out. */
function openMinutes({ timeoutMs }: VerdictPolicy): number {
  const minutes = timeoutMs / MINUTE_MS;
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
    readonly statedPower: number;
  };
}

/** Whole rollouts of equal challengers, planted regressions and real improvements. */
export function simulateRollouts(
  rules: RolloutRules,
  counts: RolloutCounts,
  onProgress: (done: number, total: number) => void,
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
  const [promoted, aborted] = [countOf(equal, 'promoted'), countOf(equal, 'aborted')];
  return {
    equal: { rollouts: equal.length, promoted, aborted, wrongShare: (promoted + aborted) / equal.length },
    regressions: regressionsOf(regressions, rules.guards.loss_budget_bps),
    improvements: {
      size: IMPROVEMENT.size,
      rollouts: better.length,
      promoted: countOf(better, 'promoted'),
      aborted: countOf(better, 'aborted'),
      statedPower: statedPower(rules),
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

/** Length of the shadow period that power is stated from, and its seed. */
const SHADOW_DAYS = 250;

/** From a shadow period of the same two models, as before a start. */
function statedPower(rules: RolloutRules): number {
  const { champion, challenger } = IMPROVEMENT;
  const pairs = new SimulatedPairs(champion, challenger, createRng('shadow'));
  const history: MinuteAdvantage[] = [];
  for (let minute = 0; minute < SHADOW_DAYS * 1440; minute++) {
    const { scores } = pairs.minute(minute, 0);
    history.push(scores.length === 0 ? { logLoss: 0, brier: 0 } : advantageOf(scores));
  }
  return power({ history, effect: null, minutes: openMinutes(rules), horizon: HORIZON, rng: createRng('power') })!;
}
