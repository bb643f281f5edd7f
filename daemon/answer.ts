import { crc32 } from 'node:zlib';
import { closeTimestamp, type OpenTime } from '../shared/bar.ts';
import type { BatchScores, ModelSet } from '../shared/bundle/model_set.ts';
import { decide, entryLegs, type Decision, type DecisionPolicy } from '../shared/core/decide/decide.ts';
import { PairFeatures } from '../shared/core/features/features.ts';
import type { Windows } from '../shared/core/features/windows.ts';
import { agePosition, FLAT, openPosition, type Market, type Position } from '../shared/core/position/position.ts';
import { pairLabel, type Pair } from '../shared/pair.ts';
import { encodeBody } from '../shared/signal/encode.ts';
import type { Mode, SignalBody } from '../shared/signal/signal.ts';
import { signalId } from '../shared/signal/signal_id.ts';
import type { PairMinute } from './align/align.ts';

/** What the daemon keeps of a pair between two bars. */
export interface PairState {
  readonly pair: Pair;
  readonly label: string;
  readonly features: PairFeatures;
  /** The feature values as bytes, for their checksum. */
  readonly featureBytes: Uint8Array;
  position: Position;
  /** Of the last signal in this boot. */
  seq: number;
}

export function createPairState(pair: Pair, windows: Windows): PairState {
  const features = new PairFeatures(windows);
  const { buffer, byteOffset, byteLength } = features.values;
  const featureBytes = new Uint8Array(buffer, byteOffset, byteLength);
  return { pair, label: pairLabel(pair), features, featureBytes, position: FLAT, seq: 0 };
}

/** What is the same for all pairs of a batch. */
export interface AnswerContext {
  readonly policy: DecisionPolicy;
  readonly policyHash: string;
  readonly featureSchema: string;
  readonly models: ModelSet | null;
  /** null when nothing could be scored. */
  readonly scores: BatchScores | null;
  readonly isDegraded: boolean;
}

/** The deterministic answer to one minute of one pair. */
export interface Answer {
  readonly state: PairState;
  readonly time: OpenTime;
  readonly body: SignalBody;
  readonly bodyText: string;
  readonly featuresCrc: string | null;
  readonly riskProb: number | null;
}

/**
 * Decides on a minute and moves the pair's position. Its features have been moved already.
 * @param row of the scores; undefined when nothing can be decided: a leg is missing or empty, or the pair is not warm yet
 */
export function answerMinute(
  context: AnswerContext,
  state: PairState,
  minute: PairMinute,
  row: number | undefined,
): Answer {
  const body = row === undefined ? restingBody(context, state, minute) : decidedBody(context, state, minute, row);
  return {
    state,
    time: minute.time,
    body,
    bodyText: encodeBody(body),
    featuresCrc: minute.outcome === 'COMPLETE' ? crc32(state.featureBytes).toString(16).padStart(8, '0') : null,
    riskProb: row === undefined ? null : (context.scores?.risk_prob[row] ?? null),
  };
}

function decidedBody(context: AnswerContext, state: PairState, minute: PairMinute, row: number): SignalBody {
  const { policy, scores } = context;
  const models = scores === null ? null : context.models;
  const { pair } = state;
  const { frame } = state.features;
  const scored =
    scores === null
      ? null
      : {
          return_prob: scores.return_prob[row]!,
          risk_score: scores.risk_score[row]!,
          position_scale: scores.position_scale[row]!,
        };
  const thresholds = { theta1: models?.theta1 ?? 1, theta2: models?.theta2 ?? 0 };
  const before = agePosition(state.position);
  const decision = decide(frame, scored, models?.hasEdge(pair.id) ?? false, thresholds, policy, before);
  const base = bodyBase(context, state, minute);
  state.position = positionAfter(decision, before, base.signal_id, minute.time, frame);
  return {
    ...base,
    z_score: frame.z,
    return_prob: scored?.return_prob ?? null,
    risk_score: scored?.risk_score ?? null,
    entry: decision.action === 'ENTER' ? entryLegs(decision.target, frame.beta, pair.a, pair.b) : '',
    confidence: scored === null ? null : scored.return_prob * (1 - scored.risk_score),
    risk_flag: scored === null ? null : scored.risk_score >= thresholds.theta2 ? 1 : 0,
    position_scale: scored?.position_scale ?? null,
    action: decision.action,
    reason: decision.reason,
    target: decision.target,
    position_id: decision.action === 'EXIT' ? before.positionId : state.position.positionId,
    beta: frame.beta,
    mode: modeOf(models, context.isDegraded),
  };
}

function restingBody(context: AnswerContext, state: PairState, minute: PairMinute): SignalBody {
  return {
    ...bodyBase(context, state, minute),
    reason: minute.outcome === 'COMPLETE' ? 'WARMUP' : minute.outcome,
    mode: state.features.ready ? modeOf(context.models, context.isDegraded) : 'WARMUP',
  };
}

function modeOf(models: ModelSet | null, isDegraded: boolean): Mode {
  if (models === null) return 'HALT';
  return isDegraded ? 'DEGRADED' : 'OK';
}

/** HOLD with nothing known but the prices. The fields stand in the order of the text. */
function bodyBase(context: AnswerContext, state: PairState, minute: PairMinute): SignalBody {
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
    target: state.position.side,
    position_id: state.position.positionId,
    max_age_bars: policy.max_age_bars,
    beta: null,
    price_a: minute.a?.close ?? null,
    price_b: minute.b?.close ?? null,
    pair_id: state.pair.id,
    signal_id: signalId(state.pair.id, minute.time, models?.modelsHash ?? 'none', policyHash),
    model_version: models?.version ?? '',
    feature_schema: featureSchema,
    policy_hash: policyHash,
    mode: 'OK',
  };
}

function positionAfter(decision: Decision, before: Position, id: string, time: OpenTime, market: Market): Position {
  if (decision.action === 'ENTER') return openPosition(decision.target, id, time, market);
  return decision.action === 'EXIT' ? FLAT : before;
}
