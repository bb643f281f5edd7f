import type { OpenTime } from '../../shared/bar.ts';
import { lowerBound } from '../../shared/bar_file/bar_file.ts';
import { servingSet, type ModelSet } from '../../shared/bundle/model_set.ts';
import type { DecisionPolicy } from '../../shared/core/decide/decide.ts';
import type { Step } from '../../shared/core/decide/step.ts';
import type { Position } from '../../shared/core/position/position.ts';
import type { PairFillCosts } from '../../shared/core/cost/fill_cost.ts';
import type { SignalBody } from '../../shared/signal/signal.ts';
import { runBacktest } from '../backtest/backtest.ts';
import { scoreAllBars } from '../backtest/bar_scores.ts';
import type { PairHistory } from '../dataset/pair_history.ts';

/** Why a live decision may differ from the backtest's: docs/reference/LIVE_VS_BACKTEST.md. */
export const CAUSES = {
  BACKFILL: 'the bars came as backfill: features move, nothing is decided',
  BAR_SUSPECT: 'the bar of a leg was held back as suspect: the minute is dropped',
  KPI_HALT: 'a live KPI halts the entries of the pair',
  LEG_MISSING: 'the bar of a leg came after straggler_timeout_ms: the minute is dropped',
  NO_MODEL: 'no model set was active',
  POLICY_CHANGED: 'the signal was decided under another configuration',
  WARMUP: 'the daemon had not seen enough bars yet',
} as const;
export type Cause = keyof typeof CAUSES;

/** The first signal of a pair for a minute; heartbeats of the same minute are left out. */
export interface LiveDecision {
  readonly time: OpenTime;
  readonly body: SignalBody;
  readonly position: Position;
}

/** The day of one pair, from the journal. */
export interface PairDay {
  /** Minutes whose bars moved the live features; the features of the day's bars are kept. */
  readonly history: PairHistory;
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
  readonly policyHash: string;
  readonly costs: PairFillCosts;
}

/** A minute at which live and backtest differ, with the fields that do. */
export interface Mismatch {
  readonly pair_id: string;
  readonly time: string;
  readonly fields: Fields;
}
type Fields = Readonly<Record<string, { readonly live: unknown; readonly backtest: unknown }>>;

export interface DecisionParity {
  /** Minutes that the backtest decides on. */
  readonly compared: number;
  readonly equal: number;
  /** Minutes that differ, by cause. */
  readonly explained: Readonly<Partial<Record<Cause, number>>>;
  /** All other minutes that differ. */
  readonly mismatches: readonly Mismatch[];
}

/**
 * Compares each live decision of a day with the backtest's on the same bars. Where they differ, the backtest continues
 * from the live position, so that no difference causes another one.
 * @param sets by version, loaded for `ROWS_PER_SCORE` rows: those that decided live
 */
export async function compareDecisions(
  day: PairDay,
  sets: ReadonlyMap<string, ModelSet>,
  policy: ParityPolicy,
): Promise<DecisionParity> {
  const tally = new Tally(day, policy.policyHash);
  let position = day.position;
  for (const segment of segmentsOf(day)) {
    const set = sets.get(segment.version);
    const end = Math.min(segment.end, day.history.length - 1);
    for (let t = segment.start; set === undefined && t < end; t++) tally.add(day.history.time[t]!, null);
    if (set !== undefined) position = await runSegment(day, set, policy, { ...segment, end, position }, tally);
    position = tally.positionAfter(day.history.time[segment.end - 1]!) ?? position;
  }
  tally.addMinutesWithoutBars(day.history.time[day.history.length - 1]);
  return tally.result();
}

/** Bars [start, end) of the history that one version decided on. */
interface Segment {
  readonly version: string;
  readonly start: number;
  readonly end: number;
}

function segmentsOf({ history, from, to, live }: PairDay): Segment[] {
  const versions = new Map(live.map(({ time, body }) => [time as number, body.model_version]));
  const end = lowerBound(history.time, to);
  const segments: { version: string; start: number; end: number }[] = [];
  for (let t = lowerBound(history.time, from); t < end; t++) {
    const last = segments.at(-1);
    const version = versions.get(history.time[t]!) ?? last?.version ?? live[0]?.body.model_version ?? '';
    if (last?.version === version) last.end = t + 1;
    else segments.push({ version, start: t, end: t + 1 });
  }
  return segments;
}

/** @returns the live position behind the segment */
async function runSegment(
  { history }: PairDay,
  whole: ModelSet,
  policy: ParityPolicy,
  { start, end, position }: Segment & { readonly position: Position },
  tally: Tally,
): Promise<Position> {
  const set = servingSet(whole, history.pair.id);
  const { theta1, theta2 } = set;
  const scores = await scoreAllBars(set, history, start);
  let held = position;
  runBacktest(history, start, end + 1, {
    thresholds: { theta1, theta2 },
    policy: policy.decision,
    edge: set.hasEdge(history.pair.id),
    costs: policy.costs,
    ...(set.expectation && { expectation: set.expectation }),
    scores: (t) => ({
      return_prob: scores.ai1[t]!,
      risk_score: scores.riskScore[t]!,
      result_sigmas: scores.resultSigmas[t]!,
    }),
    scale: (t) => scores.ai3[t]!,
    start: position,
    observe(t, step) {
      const [return_prob, risk_score] = [scores.ai1[t]!, scores.riskScore[t]!];
      tally.add(history.time[t]!, { z_score: history.z[t]!, return_prob, risk_score, step });
      return (held = tally.positionAfter(history.time[t]!) ?? held);
    },
  });
  return held;
}

interface BacktestAnswer {
  readonly z_score: number;
  readonly return_prob: number;
  readonly risk_score: number;
  readonly step: Step;
}

class Tally {
  readonly #pairId: string;
  readonly #policyHash: string;
  readonly #backfilled: ReadonlySet<number>;
  readonly #live: Map<number, LiveDecision>;
  readonly #unmatched: Set<number>;
  readonly #explained: Partial<Record<Cause, number>> = {};
  readonly #mismatches: Mismatch[] = [];
  #compared = 0;
  #equal = 0;

  constructor({ history, live, backfilled }: PairDay, policyHash: string) {
    this.#pairId = history.pair.id;
    this.#policyHash = policyHash;
    this.#backfilled = backfilled;
    this.#live = new Map(live.map((decision) => [decision.time as number, decision]));
    this.#unmatched = new Set(this.#live.keys());
  }

  positionAfter(time: number): Position | undefined {
    return this.#live.get(time)?.position;
  }

  /** @param answer null where no model set was active */
  add(time: number, answer: BacktestAnswer | null): void {
    this.#compared++;
    this.#unmatched.delete(time);
    const live = this.#live.get(time);
    const fields = live === undefined || answer === null ? null : differences(live, answer);
    if (fields !== null && Object.keys(fields).length === 0) this.#equal++;
    else this.#differ(time, live, fields ?? { reason: { live: live?.body.reason ?? null, backtest: 'decided' } });
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
      if (action !== 'HOLD' || causeOf(live, this.#policyHash) !== null)
        this.#differ(time, live, {
          action: { live: action, backtest: null },
          reason: { live: reason, backtest: null },
        });
    }
  }

  #differ(time: number, live: LiveDecision | undefined, fields: Fields): void {
    const isBackfill = live === undefined && this.#backfilled.has(time);
    const cause = isBackfill ? 'BACKFILL' : live === undefined ? null : causeOf(live, this.#policyHash);
    if (cause !== null && canExplain(cause, live, fields)) this.#explained[cause] = (this.#explained[cause] ?? 0) + 1;
    else this.#mismatches.push({ pair_id: this.#pairId, time: new Date(time * 1000).toISOString(), fields });
  }

  result(): DecisionParity {
    const [compared, equal] = [this.#compared, this.#equal];
    return { compared, equal, explained: this.#explained, mismatches: this.#mismatches };
  }
}

/**
 * Fields of a signal that the backtest computes too. The virtual account is as old as the journal, and is left out, as
 * is the rollout whose challenger opened the position.
 */
function differences({ body, position }: LiveDecision, answer: BacktestAnswer): Fields {
  const { decision, position: after } = answer.step;
  const { account: _live, rollout: _arm, ...held } = position;
  const { account: _backtest, rollout: _opened, ...expected } = after;
  const both: Record<string, readonly [live: unknown, backtest: unknown]> = {
    z_score: [body.z_score, answer.z_score],
    return_prob: [body.return_prob, answer.return_prob],
    risk_score: [body.risk_score, answer.risk_score],
    action: [body.action, decision.action],
    reason: [body.reason, decision.reason],
    target: [body.target, decision.target],
    position: [JSON.stringify(held), JSON.stringify({ ...expected, positionId: held.positionId })],
  };
  const unequal = Object.entries(both).filter(([, [live, backtest]]) => live !== backtest);
  return Object.fromEntries(unequal.map(([name, [live, backtest]]) => [name, { live, backtest }]));
}

/** What the decision alone makes of the bar and its scores. */
const DECIDED: readonly string[] = ['action', 'reason', 'target', 'position'];

/**
 * Whether a cause can change these fields. A halt, or the absence of models, leaves the bar's z as it is; a halt also
 * its scores, and it only refuses entries: the pair stays flat.
 */
function canExplain(cause: Cause, live: LiveDecision | undefined, fields: Fields): boolean {
  const names = Object.keys(fields);
  if (cause === 'NO_MODEL') return !names.includes('z_score');
  if (cause !== 'KPI_HALT' || live === undefined) return true;
  const isFlat = live.body.action === 'HOLD' && live.body.target === 0 && live.position.side === 0;
  const changed = fields['action'] === undefined ? ['reason'] : DECIDED;
  const isEntry = fields['action'] === undefined || fields['action'].backtest === 'ENTER';
  return isFlat && isEntry && names.every((name) => changed.includes(name));
}

/** null when nothing of the closed list explains a difference. */
function causeOf({ body }: LiveDecision, policyHash: string): Cause | null {
  if (body.policy_hash !== policyHash) return 'POLICY_CHANGED';
  const { reason } = body;
  return reason in CAUSES ? (reason as Cause) : null;
}
