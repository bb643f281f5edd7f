import { closeTimestamp, type OpenTime } from '../shared/bar.ts';
import type { BatchScores, ModelSet } from '../shared/bundle/model_set.ts';
import { decide, entryLegs, type Decision, type DecisionPolicy } from '../shared/core/decide/decide.ts';
import type { FeatureEngine } from '../shared/core/features/features.ts';
import { agePosition, FLAT, openPosition, type Market, type Position } from '../shared/core/position/position.ts';
import { pairLabel, type Pair } from '../shared/pair.ts';
import { encodeBody } from '../shared/signal/encode.ts';
import type { Mode, SignalBody } from '../shared/signal/signal.ts';
import { heartbeatId, signalId } from '../shared/signal/signal_id.ts';
import type { PairMinute } from './align/align.ts';

/** A heartbeat of a pair: nothing came since the minute `time`, and either its bars stay away or the daemon ends. */
export interface Heartbeat {
  readonly pairIndex: number;
  readonly time: OpenTime;
  readonly a: null;
  readonly b: null;
  readonly outcome: 'SILENCE' | 'SHUTDOWN';
  /** The mode is HALT: silent for long, or the last word of a daemon. */
  readonly isHalted: boolean;
  readonly backfill: false;
}

/** Halted by a live figure: nothing is entered. A position that is open goes on to its exit, by the rules it was entered by. */
const HALTED: Decision = { action: 'HOLD', reason: 'KPI_HALT', target: 0 };

/** What the daemon answers: a minute that ended, or the time after one. */
export type AnsweredMinute = PairMinute | Heartbeat;

export function isHeartbeat(minute: AnsweredMinute): minute is Heartbeat {
  return minute.outcome === 'SILENCE' || minute.outcome === 'SHUTDOWN';
}

/** What the daemon keeps of a pair between two bars, beside its features. */
export interface PairState {
  readonly pair: Pair;
  readonly label: string;
  position: Position;
  /** The virtual position of the shadow set. */
  shadowPosition: Position;
  /** Of the last signal in this boot. */
  seq: number;
  /** Heartbeats since the pair's last minute. */
  heartbeats: number;
  /** The signal_id of the minute that will probably come next, made when nobody waits. */
  foreseen: { time: OpenTime; modelsHash: string; id: string };
}

export function createPairState(pair: Pair): PairState {
  return {
    pair,
    label: pairLabel(pair),
    position: FLAT,
    shadowPosition: FLAT,
    seq: 0,
    heartbeats: 0,
    foreseen: { time: 0 as OpenTime, modelsHash: '', id: '' },
  };
}

/** What is the same for all pairs of a batch. */
export interface AnswerContext {
  readonly features: FeatureEngine;
  readonly policy: DecisionPolicy;
  readonly policyHash: string;
  readonly featureSchema: string;
  readonly models: ModelSet | null;
  /** null when nothing could be scored. */
  readonly scores: BatchScores | null;
  readonly isDegraded: boolean;
  /** By pair index: 1 = a live figure under these models halts it. */
  readonly halted: Uint8Array;
}

/** The deterministic answer to one minute of one pair. */
export interface Answer {
  readonly state: PairState;
  readonly minute: AnsweredMinute;
  readonly time: OpenTime;
  readonly body: SignalBody;
  readonly bodyText: string;
  readonly riskProb: number | null;
  /** The virtual position after this minute. */
  readonly position: Position;
}

/**
 * Decides on a minute. Its features have been moved already; the position is the caller's to keep.
 * @param position the virtual position before this minute
 * @param row of the scores; −1 when nothing can be decided: a leg is missing or empty, or the pair is not warm yet
 * @param id the signal_id, where it is not this answer's own: a shadow set answers under the id of what was published
 */
export function answerMinute(
  context: AnswerContext,
  state: PairState,
  minute: AnsweredMinute,
  position: Position,
  row: number,
  id?: string,
): Answer {
  const body = bodyBase(context, state, minute, position, id);
  let after = position;
  if (row < 0) rest(context, body, minute);
  else {
    score(context, body, minute, row);
    if (isHeartbeat(minute)) body.reason = minute.outcome;
    else after = settle(context, body, state, minute, position, row);
  }
  if (isHeartbeat(minute)) body.mode = silentMode(context, body, minute);
  return {
    state,
    minute,
    time: minute.time,
    body,
    bodyText: encodeBody(body),
    riskProb: row < 0 ? null : (context.scores?.risk_prob[row] ?? null),
    position: after,
  };
}

/** What was measured and scored at the pair's last bar. */
function score(context: AnswerContext, body: SignalBody, minute: AnsweredMinute, row: number): void {
  const { scores } = context;
  const frame = context.features.frame(minute.pairIndex);
  body.z_score = frame.z;
  body.beta = frame.beta;
  body.price_a = frame.a.close;
  body.price_b = frame.b.close;
  if (scores === null) {
    body.mode = 'HALT';
    return;
  }
  const risk = scores.risk_score[row]!;
  body.return_prob = scores.return_prob[row]!;
  body.risk_score = risk;
  body.confidence = scores.return_prob[row]! * (1 - risk);
  body.risk_flag = risk >= context.models!.theta2 ? 1 : 0;
  body.position_scale = scores.position_scale[row]!;
  body.mode = modeOf(context, minute);
}

/** @returns the position after this bar */
function settle(
  context: AnswerContext,
  body: SignalBody,
  state: PairState,
  minute: AnsweredMinute,
  position: Position,
  row: number,
): Position {
  const { policy, scores } = context;
  const models = scores === null ? null : context.models;
  const { pair } = state;
  const frame = context.features.frame(minute.pairIndex);
  const scored =
    scores === null ? null : { return_prob: scores.return_prob[row]!, risk_score: scores.risk_score[row]! };
  const thresholds = { theta1: models?.theta1 ?? 1, theta2: models?.theta2 ?? 0 };
  const before = agePosition(position);
  const isHeld = models !== null && before.side === 0 && isHalted(context, minute);
  const decision = isHeld
    ? HALTED
    : decide(frame, scored, models?.hasEdge(pair.id) ?? false, thresholds, policy, before);
  const after = positionAfter(decision, before, body.signal_id, minute.time, frame);
  body.action = decision.action;
  body.reason = decision.reason;
  body.target = decision.target;
  body.position_id = decision.action === 'EXIT' ? before.positionId : after.positionId;
  if (decision.action === 'ENTER') body.entry = entryLegs(decision.target, frame.beta, pair.a, pair.b);
  return after;
}

/** Nothing can be decided. */
function rest(context: AnswerContext, body: SignalBody, minute: AnsweredMinute): void {
  body.reason = minute.outcome === 'COMPLETE' ? 'WARMUP' : minute.outcome;
  body.mode = context.features.ready(minute.pairIndex) ? modeOf(context, minute) : 'WARMUP';
}

function silentMode(context: AnswerContext, body: SignalBody, minute: Heartbeat): Mode {
  if (minute.isHalted || body.mode === 'HALT') return 'HALT';
  return context.features.ready(minute.pairIndex) ? 'DEGRADED' : 'WARMUP';
}

function modeOf(context: AnswerContext, minute: AnsweredMinute): Mode {
  if (context.models === null || isHalted(context, minute)) return 'HALT';
  return context.isDegraded ? 'DEGRADED' : 'OK';
}

function isHalted({ halted }: AnswerContext, { pairIndex }: AnsweredMinute): boolean {
  return halted[pairIndex] === 1;
}

/** HOLD with nothing known but the prices. */
function bodyBase(
  context: AnswerContext,
  state: PairState,
  minute: AnsweredMinute,
  position: Position,
  id: string | undefined,
): SignalBody {
  const { models, policy, policyHash, featureSchema } = context;
  return {
    timestamp: closeTimestamp(minute.time),
    pair: state.label,
    z_score: null,
    return_prob: null,
    risk_score: null,
    entry: '',
    confidence: null,
    risk_flag: null,
    theta1: models?.theta1 ?? null,
    theta2: models?.theta2 ?? null,
    position_scale: null,
    action: 'HOLD',
    reason: 'WARMUP',
    target: position.side,
    position_id: position.positionId,
    max_age_bars: policy.max_age_bars,
    beta: null,
    price_a: minute.a?.close ?? null,
    price_b: minute.b?.close ?? null,
    pair_id: state.pair.id,
    signal_id: id ?? ownId(context, state, minute),
    model_version: models?.version ?? '',
    feature_schema: featureSchema,
    policy_hash: policyHash,
    mode: 'OK',
  };
}

function ownId({ models, policyHash }: AnswerContext, state: PairState, minute: AnsweredMinute): string {
  const { pair, heartbeats, foreseen } = state;
  const modelsHash = hashOf(models);
  if (isHeartbeat(minute)) {
    const kind = minute.outcome === 'SILENCE' ? 'silence' : 'shutdown';
    return heartbeatId(pair.id, minute.time, kind, heartbeats, modelsHash, policyHash);
  }
  if (foreseen.time === minute.time && foreseen.modelsHash === modelsHash) return foreseen.id;
  return signalId(pair.id, minute.time, modelsHash, policyHash);
}

/** Makes the signal_id of a minute to come: a SHA-256 less on its way. */
export function foreseeSignalId(state: PairState, time: OpenTime, models: ModelSet | null, policyHash: string): void {
  const modelsHash = hashOf(models);
  state.foreseen.time = time;
  state.foreseen.modelsHash = modelsHash;
  state.foreseen.id = signalId(state.pair.id, time, modelsHash, policyHash);
}

function hashOf(models: ModelSet | null): string {
  return models?.modelsHash ?? 'none';
}

function positionAfter(decision: Decision, before: Position, id: string, time: OpenTime, market: Market): Position {
  if (decision.action === 'ENTER') return openPosition(decision.target, id, time, market);
  return decision.action === 'EXIT' ? FLAT : before;
}
