import type { StopKind } from '../../shared/bundle/halts.ts';
import { closeTimestamp } from '../../shared/bar.ts';
import { servingSet, type BatchScores, type ModelSet } from '../../shared/bundle/model_set.ts';
import { quotedBps, type PairFillCosts } from '../../shared/core/cost/fill_cost.ts';
import type { NewsWindows } from '../../shared/core/news/news_windows.ts';
import type { ExposureAfter, ExposureMeter } from '../../shared/core/position/exposure.ts';
import { candidateExposure } from '../../shared/strategies/pair_reversion/candidate_exposure.ts';
import { entryLegs } from '../../shared/strategies/pair_reversion/entry_legs.ts';
import type { Decision } from '../../shared/strategies/pair_reversion/decide.ts';
import type { DecisionPolicy, EntryTerms, Scores } from '../../shared/strategies/pair_reversion/pair_input.ts';
import { isCandidate, scoresOf } from '../../shared/strategies/pair_reversion/scores.ts';
import { step } from '../../shared/strategies/pair_reversion/step.ts';
import type { Frame } from '../../shared/core/features/feature.ts';
import type { FeatureEngine } from '../../shared/core/features/features.ts';
import { applyLeverage } from '../../shared/core/position/leverage.ts';
import type { Position } from '../../shared/core/position/position.ts';
import type { Arm } from '../../shared/core/rollout/assignment.ts';
import type { Pair } from '../../shared/pair.ts';
import type { BodyEncoder } from '../../shared/signal/body_encoder/body_encoder.ts';
import type { Mode, SignalBody } from '../../shared/signal/signal.ts';
import { HALTED, stopOf } from './standing_bits.ts';
import { isHeartbeat, type AnsweredMinute } from '../align/minute.ts';
import type { InstrumentAnswer } from './instrument_answer.ts';

/** What an answer reads beside its minute and position: the same for all pairs of a batch without rollout and stop. */
export interface AnswerContext {
  readonly features: FeatureEngine;
  /** Whether the features of a pair are warm, with the formulas of the models. */
  isReady(pairIndex: number): boolean;
  readonly policy: DecisionPolicy;
  readonly policyHash: string;
  /** By pair index. */
  readonly costs: readonly PairFillCosts[];
  readonly featureSchema: string;
  readonly models: ModelSet | null;
  /** null when nothing could be scored. */
  readonly scores: BatchScores | null;
  readonly isDegraded: boolean;
  /** By pair index: bits HALTED, STOPPED and CLOSING. */
  readonly halted: Uint8Array;
  readonly encoder: BodyEncoder;
  readonly exposure: ExposureMeter;
  /** By pair index: where news keep it from entering; empty where the policy asks for none. */
  readonly news: readonly (NewsWindows | null)[];
  /** By pair index: the virtual positions that these answers belong to. */
  readonly positions: readonly Position[];
  /** Only while a rollout is active. */
  readonly rollout?: RolloutArm | undefined;
}

/** An arm of a rollout. */
export interface RolloutArm {
  readonly id: string;
  readonly arm: Arm;
}

/** The deterministic answer to one minute of one pair. */
export interface MinuteAnswer {
  readonly minute: AnsweredMinute;
  readonly body: SignalBody;
  readonly bodyText: string;
  readonly riskProb: number | null;
  /** The virtual position after this minute. */
  readonly position: Position;
  /** Of the pair's signals in this boot; 0 until the answer is sealed. */
  seq: number;
}

/** The answer to a bar of any subject. */
export type Answer = MinuteAnswer | InstrumentAnswer;

/**
 * Decides on a minute whose features are up to date, and writes the signal's body.
 * @param position the virtual position before this minute
 * @param row of the scores; −1 when nothing can be decided: a leg is missing or empty, or the pair is not warm yet
 * @param id signal_id of the answer
 */
export function answerMinute(
  context: AnswerContext,
  pair: Pair,
  label: string,
  minute: AnsweredMinute,
  position: Position,
  row: number,
  id: string,
): MinuteAnswer {
  const { features, policy } = context;
  const models = context.models === null ? null : servingSet(context.models, pair.id);
  const { pairIndex, time } = minute;
  const isReady = context.isReady(pairIndex);
  const standing = context.halted[pairIndex]!;
  const isHalted = (standing & HALTED) !== 0;
  const frame = row < 0 ? null : features.frame(pairIndex);
  const scores = row < 0 ? null : context.scores;
  const scored = scores === null ? null : scoresAtRow(scores, row, frame!, models, context, minute);
  const isDecided = frame !== null && !isHeartbeat(minute);
  const news = context.news[pairIndex] ?? null;
  const exposure = isDecided ? candidateExposure(policy, context.exposure, context.positions, pairIndex, frame) : null;
  const { decision, position: taken } = isDecided
    ? step(
        frame,
        scored,
        entryTermsOf(models, pair, isHalted, stopOf(standing), exposure, news),
        policy,
        position,
        id,
        time,
      )
    : { decision: hold(minute, position), position };
  const fullScale = scores === null ? null : scores.position_scale[row]!;
  const market = isDecided ? frame : null;
  const risk = scored === null ? null : scored.risk_score;
  const { leverage } = policy;
  const { rate, position: after } = applyLeverage(leverage, pair, market, risk, fullScale, position, taken, time);
  const body: SignalBody = {
    timestamp: closeTimestamp(time),
    pair: label,
    z_score: frame?.z ?? null,
    return_prob: scored?.return_prob ?? null,
    risk_score: scored?.risk_score ?? null,
    entry: decision.action === 'ENTER' ? entryLegs(decision.target, frame!.beta, pair.a, pair.b) : '',
    confidence: scored === null ? null : scored.return_prob * (1 - scored.risk_score),
    risk_flag: scored === null ? null : scored.risk_score >= models!.theta2 ? 1 : 0,
    theta1: models?.theta1 ?? null,
    theta2: models?.theta2 ?? null,
    position_scale: fullScale === null ? null : rate * fullScale,
    action: decision.action,
    reason: decision.reason,
    target: decision.target,
    position_id: decision.action === 'EXIT' ? position.positionId : after.positionId,
    max_age_bars: policy.max_age_bars,
    beta: frame?.beta ?? null,
    price_a: frame?.a.close ?? minute.a?.close ?? null,
    price_b: frame?.b.close ?? minute.b?.close ?? null,
    pair_id: pair.id,
    signal_id: id,
    model_version: models?.version ?? '',
    feature_schema: context.featureSchema,
    policy_hash: context.policyHash,
    mode: modeOf(minute, {
      isReady,
      isHalt: models === null || isHalted || (frame !== null && scores === null),
      isDegraded: context.isDegraded,
    }),
    expected_net_bps: scored === null || Number.isNaN(scored.expected_net_bps) ? null : scored.expected_net_bps,
    leverage_reduction_rate: rate,
  };
  const novelty = scored?.novelty ?? NaN;
  if (!Number.isNaN(novelty)) body.novelty = novelty;
  return answerOf(context, minute, body, scores === null ? null : scores.risk_prob[row]!, after);
}

/** During a rollout the body names the arm, and a position that the challenger opened names the rollout. */
export function answerOf(
  { rollout, encoder }: AnswerContext,
  minute: AnsweredMinute,
  body: SignalBody,
  riskProb: number | null,
  position: Position,
): MinuteAnswer {
  if (rollout === undefined)
    return { minute, body, bodyText: encoder.encode(minute.pairIndex, body), riskProb, position, seq: 0 };
  const { id, arm } = rollout;
  body.arm = arm;
  body.rollout = id;
  const held = arm === 'challenger' && position.side !== 0 ? { ...position, rollout: id } : position;
  return { minute, body, bodyText: encoder.encode(minute.pairIndex, body), riskProb, position: held, seq: 0 };
}

function scoresAtRow(
  { return_prob, risk_score, result_sigmas, novelty }: BatchScores,
  row: number,
  frame: Frame,
  models: ModelSet | null,
  { policy, costs }: AnswerContext,
  { pairIndex, time }: AnsweredMinute,
): Scores {
  return scoresOf(
    frame,
    return_prob[row]!,
    risk_score[row]!,
    policy,
    models!.expectation ?? null,
    costs[pairIndex]!,
    time,
    quotedBps(frame.a),
    quotedBps(frame.b),
    result_sigmas[row]!,
    novelty !== undefined && isCandidate(frame, policy) ? novelty(row) : NaN,
  );
}

function entryTermsOf(
  models: ModelSet | null,
  { id }: Pair,
  isHalted: boolean,
  stop: StopKind | null,
  exposure: ExposureAfter | null,
  news: NewsWindows | null,
): EntryTerms {
  if (models === null) return { theta1: 1, theta2: 0, hasEdge: false, isHalted, stop, exposure, news };
  const hasEdge = models.hasEdge(id);
  return { theta1: models.theta1, theta2: models.theta2, hasEdge, isHalted, stop, exposure, news };
}

/** Nothing can be decided: not warm, no complete minute, or a heartbeat. */
export function hold({ outcome }: AnsweredMinute, position: Position): Decision {
  return { action: 'HOLD', reason: outcome === 'COMPLETE' ? 'WARMUP' : outcome, target: position.side };
}

interface ModeInputs {
  readonly isReady: boolean;
  /** No models, nothing scored, or halted by a live KPI. */
  readonly isHalt: boolean;
  readonly isDegraded: boolean;
}

export function modeOf(minute: AnsweredMinute, { isReady, isHalt, isDegraded }: ModeInputs): Mode {
  if (isHeartbeat(minute) && minute.isHalted) return 'HALT';
  if (!isReady) return 'WARMUP';
  if (isHalt) return 'HALT';
  return isDegraded || isHeartbeat(minute) ? 'DEGRADED' : 'OK';
}
