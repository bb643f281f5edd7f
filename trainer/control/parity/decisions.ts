import type { OpenTime } from '../../../shared/bar.ts';
import { lowerBound } from '../../../shared/bar_file/bar_file.ts';
import { servingSet, type ModelSet } from '../../../shared/bundle/model_set.ts';
import type { DecisionPolicy, ModelScores } from '../../../shared/strategies/pair_reversion/pair_input.ts';
import type { Step } from '../../../shared/strategies/pair_reversion/step.ts';
import type { Position } from '../../../shared/core/position/position.ts';
import type { PairFillCosts } from '../../../shared/core/cost/fill_cost.ts';
import { runBacktest } from '../../learning/trades/backtest.ts';
import { scoreAllBars } from '../../learning/strategies/pair_reversion/backtest/bar_scores.ts';
import type { PairHistory } from '../../learning/history/pair_history.ts';
import { CAUSES, explains, type Cause, type Fields, type LiveAnswer } from './causes.ts';

/** First signal of a pair for a minute, excluding heartbeats. */
export interface LiveDecision extends LiveAnswer {
  readonly time: OpenTime;
}

/** One day of a pair from the journal. */
export interface PairDay {
  /** Minutes whose bars updated the live features; features of the day's bars are kept. */
  readonly history: PairHistory;
  /** The same bars with the features of a version whose bundle has formulas. */
  readonly ofVersion: ReadonlyMap<string, PairHistory>;
  readonly from: OpenTime;
  readonly to: OpenTime;
  /** Ascending. */
  readonly live: readonly LiveDecision[];
  /** Before the first minute of the day. */
  readonly position: Position;
  readonly backfilled: ReadonlySet<number>;
}

export interface ParityPolicy {
  readonly decision: DecisionPolicy;
  readonly costs: PairFillCosts;
}

/** The configurations under which signals were decided. */
export interface ParityPolicies {
  /** Hash of the present one. */
  readonly current: string;
  /** null where neither the journal nor the configuration has it. */
  of(policyHash: string): ParityPolicy | null;
}

/** A minute at which live and backtest differ, with the differing fields. */
export interface Mismatch {
  readonly pair_id: string;
  readonly time: string;
  readonly fields: Fields;
}

export interface DecisionParity {
  /** Minutes that the backtest decides on. */
  readonly compared: number;
  readonly equal: number;
  /** Minutes that differ, or that were decided under another configuration, by cause. */
  readonly explained: Readonly<Partial<Record<Cause, number>>>;
  /** All other minutes that differ. */
  readonly mismatches: readonly Mismatch[];
}

/**
 * Compares each live decision of a day with the backtest on the same bars. After a difference the backtest continues
 * from the live position, so that differences do not propagate.
 * @param sets by version, loaded for `ROWS_PER_SCORE` rows: those that decided live
 */
export async function compareDecisions(
  day: PairDay,
  sets: ReadonlyMap<string, ModelSet>,
  policies: ParityPolicies,
): Promise<DecisionParity> {
  const tally = new Tally(day, policies.current);
  const { time, z, length } = day.history;
  let position = day.position;
  for (const segment of segmentsOf(day, policies.current)) {
    const policy = policies.of(segment.policyHash);
    const end = Math.min(segment.end, length - 1);
    for (let t = segment.start; policy === null && t < end; t++) tally.addUndecided(time[t]!, z[t]!);
    if (policy !== null)
      position = await runSegment(day, sets.get(segment.version), policy, { ...segment, end, position }, tally);
    position = tally.positionAfter(day.history.time[segment.end - 1]!) ?? position;
  }
  tally.addMinutesWithoutBars(day.history.time[day.history.length - 1]);
  return tally.result();
}

/** Bars [start, end) of the history that one version could decide on under one configuration. */
interface Segment {
  readonly version: string;
  readonly policyHash: string;
  readonly start: number;
  readonly end: number;
}

function segmentsOf({ history, ofVersion, from, to, live }: PairDay, current: string): Segment[] {
  const deciders = new Map(live.map(({ time, body }) => [time as number, body]));
  const end = lowerBound(history.time, to);
  const segments: (Segment & { end: number })[] = [];
  for (let t = lowerBound(history.time, from); t < end; t++) {
    const last = segments.at(-1);
    const body = deciders.get(history.time[t]!) ?? (last === undefined ? live[0]?.body : undefined);
    const version = body?.model_version ?? last?.version ?? '';
    const policyHash = body?.policy_hash ?? last?.policyHash ?? current;
    // Not before the formulas of the version are warm.
    if (ofVersion.get(version)?.row[t] === -1) continue;
    if (last?.version === version && last.policyHash === policyHash && last.end === t) last.end = t + 1;
    else segments.push({ version, policyHash, start: t, end: t + 1 });
  }
  return segments;
}

/**
 * @param whole undefined = no models were active: nothing is entered, and exits that need no model still happen
 * @returns the live position behind the segment
 */
async function runSegment(
  { history, ofVersion }: PairDay,
  whole: ModelSet | undefined,
  policy: ParityPolicy,
  { start, end, position }: Segment & { readonly position: Position },
  tally: Tally,
): Promise<Position> {
  const set = whole === undefined ? null : servingSet(whole, history.pair.id);
  const scores = set === null ? null : await scoreAllBars(set, ofVersion.get(set.version) ?? history, start);
  const scoresAt = (t: number): ModelScores | null =>
    scores === null || !tally.isScored(history.time[t]!)
      ? null
      : {
          return_prob: scores.ai1[t]!,
          risk_score: scores.riskScore[t]!,
          result_sigmas: scores.resultSigmas[t]!,
          novelty: scores.novelty[t]!,
        };
  let held = position;
  runBacktest(history, start, end + 1, {
    thresholds: { theta1: set?.theta1 ?? 1, theta2: set?.theta2 ?? 0 },
    policy: policy.decision,
    edge: set?.hasEdge(history.pair.id) ?? false,
    costs: policy.costs,
    ...(set?.expectation && { expectation: set.expectation }),
    scores: scoresAt,
    scale: (t) => scores!.ai3[t]!,
    start: position,
    observe(t, step) {
      tally.add(history.time[t]!, history.z[t]!, scoresAt(t), step);
      return (held = tally.positionAfter(history.time[t]!) ?? held);
    },
  });
  return held;
}

class Tally {
  readonly #pairId: string;
  readonly #currentHash: string;
  readonly #backfilled: ReadonlySet<number>;
  readonly #live: Map<number, LiveDecision>;
  /** By minute, of the signal before. */
  readonly #before: Map<number, Position>;
  readonly #unmatched: Set<number>;
  readonly #explained: Partial<Record<Cause, number>> = {};
  readonly #mismatches: Mismatch[] = [];
  #compared = 0;
  #equal = 0;

  constructor({ history, live, backfilled, position }: PairDay, currentHash: string) {
    this.#pairId = history.pair.id;
    this.#currentHash = currentHash;
    this.#backfilled = backfilled;
    this.#live = new Map(live.map((decision) => [decision.time as number, decision]));
    this.#before = new Map(live.map(({ time }, index) => [time, live[index - 1]?.position ?? position]));
    this.#unmatched = new Set(this.#live.keys());
  }

  positionAfter(time: number): Position | undefined {
    return this.#live.get(time)?.position;
  }

  /** Whether the live models scored a minute: they may be absent, or fail. */
  isScored(time: number): boolean {
    return this.#live.get(time)?.body.return_prob !== null;
  }

  /** @param scores null: the backtest decided without models, as live */
  add(time: number, z: number, scores: ModelScores | null, step: Step): void {
    const live = this.#match(time);
    if (live === undefined) return this.#differ(time, live, undecided(live));
    const fields = differences(live, z, scores, step);
    if (Object.keys(fields).length > 0) return this.#differ(time, live, fields);
    if (scores === null) this.#explain('NO_MODEL');
    else if (live.body.policy_hash === this.#currentHash) this.#equal++;
    else this.#explain('POLICY_CHANGED');
  }

  /**
   * A minute of an unknown configuration.
   * @param z of the backtest
   */
  addUndecided(time: number, z: number): void {
    const live = this.#match(time);
    const unknown = { policy_hash: { live: live?.body.policy_hash ?? null, backtest: null } };
    const isEqual = live === undefined || live.body.z_score === z;
    const differentZ = isEqual ? {} : { z_score: { live: live.body.z_score, backtest: z } };
    this.#differ(time, live, { ...undecided(live), ...differentZ, ...unknown });
  }

  #match(time: number): LiveDecision | undefined {
    this.#compared++;
    this.#unmatched.delete(time);
    return this.#live.get(time);
  }

  /**
   * The live signals of minutes that the backtest does not have.
   * @param lastBar of the history: nothing is decided at it, for there is no next one to be filled at
   */
  addMinutesWithoutBars(lastBar: number | undefined): void {
    for (const time of this.#unmatched) {
      if (time === lastBar) continue;
      const live = this.#live.get(time)!;
      const { action, reason } = live.body;
      if (action === 'HOLD' && !(reason in CAUSES)) continue;
      const fields = { action: { live: action, backtest: null }, reason: { live: reason, backtest: null } };
      this.#differ(time, live, fields, false);
    }
  }

  #differ(time: number, live: LiveDecision | undefined, fields: Fields, isInBacktest = true): void {
    const cause =
      live === undefined
        ? this.#backfilled.has(time) && 'BACKFILL'
        : fields['policy_hash'] === undefined && explains(live, this.#before.get(time)!, fields, isInBacktest);
    if (cause) this.#explain(cause);
    else this.#mismatches.push({ pair_id: this.#pairId, time: new Date(time * 1000).toISOString(), fields });
  }

  #explain(cause: Cause): void {
    this.#explained[cause] = (this.#explained[cause] ?? 0) + 1;
  }

  result(): DecisionParity {
    const compared = this.#compared;
    const equal = this.#equal;
    return { compared, equal, explained: this.#explained, mismatches: this.#mismatches };
  }
}

function undecided(live: LiveDecision | undefined): Fields {
  return { reason: { live: live?.body.reason ?? null, backtest: 'decided' } };
}

/**
 * Fields of a signal that the backtest computes too. The virtual account is as old as the journal, and is left out, as
 * is the rollout whose challenger opened the position.
 */
function differences(
  { body, position }: LiveDecision,
  z: number,
  scores: ModelScores | null,
  { decision, position: after }: Step,
): Fields {
  const { account: _live, rollout: _arm, ...held } = position;
  const { account: _backtest, rollout: _opened, ...expected } = after;
  const both: Record<string, readonly [live: unknown, backtest: unknown]> = {
    z_score: [body.z_score, z],
    return_prob: [body.return_prob, scores?.return_prob ?? null],
    risk_score: [body.risk_score, scores?.risk_score ?? null],
    action: [body.action, decision.action],
    reason: [body.reason, decision.reason],
    target: [body.target, decision.target],
    position: [JSON.stringify(held), JSON.stringify({ ...expected, positionId: held.positionId })],
  };
  const unequal = Object.entries(both).filter(([, [live, backtest]]) => live !== backtest);
  return Object.fromEntries(unequal.map(([name, [live, backtest]]) => [name, { live, backtest }]));
}
