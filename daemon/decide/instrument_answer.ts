import { closeTimestamp } from '../../shared/bar.ts';
import type { StopKind } from '../../shared/bundle/halts.ts';
import type { NewsWindows } from '../../shared/core/news/news_windows.ts';
import type { DirectionProbabilities } from '../../shared/strategies/direction/direction_input.ts';
import { stepInstrument } from '../../shared/strategies/direction/step_instrument.ts';
import type { InstrumentPosition, InstrumentStep, KeptExits } from '../../shared/strategies/instrument_position.ts';
import type { Pair } from '../../shared/pair.ts';
import {
  encodeInstrumentBody,
  instrumentEntry,
  SERVED_RULE_PREFIX,
  type InstrumentBody,
  type InstrumentReason,
} from '../../shared/signal/instrument_signal.ts';
import type { Mode } from '../../shared/signal/signal.ts';
import { entryVeto } from '../../shared/bundle/direction/direction_model.ts';
import { candidateNovelty, rowNovelty, type DirectionScores } from '../../shared/bundle/direction/direction_scores.ts';
import { isHeartbeat, type AnsweredMinute } from '../align/minute.ts';
import type { GuardedFormulas } from '../features/guarded_formulas.ts';

/** The deterministic answer to one bar of one instrument. */
export interface InstrumentAnswer {
  readonly minute: AnsweredMinute;
  readonly body: InstrumentBody;
  readonly bodyText: string;
  readonly riskProb: null;
  /** The virtual position after this bar. */
  readonly position: InstrumentPosition;
  /** Of the instrument's signals in this boot; 0 until the answer is sealed. */
  seq: number;
}

export interface InstrumentContext {
  readonly scores: DirectionScores;
  /** Of the scores; −1 = not scored. */
  readonly row: number;
  readonly isReady: boolean;
  /** Close of the newest bar; NaN before the first. */
  readonly close: number;
  readonly featureSchema: string;
  readonly policyHash: string;
  /** Whether an instrument without a proven edge holds. */
  readonly requireEdge: boolean;
  /** Entries by answers of the model need at least this novelty, where it is known; absent: any. */
  readonly noveltyMin?: number | undefined;
  readonly isDegraded: boolean;
  /** By a person; null = neither entries are stopped nor the position is to be closed. */
  readonly stop: StopKind | null;
  /** Where news keep it from entering; null = nowhere. */
  readonly news: NewsWindows | null;
  /** Id of the rollout whose challenger answers; absent: what is active does. */
  readonly rollout?: string | undefined;
}

/** @param id signal_id of the answer */
export function answerInstrument(
  context: InstrumentContext,
  instrument: Pair,
  label: string,
  minute: AnsweredMinute,
  before: InstrumentPosition,
  id: string,
): InstrumentAnswer {
  const { scores, row, isReady, close, requireEdge, noveltyMin, stop, news } = context;
  const { time } = minute;
  const { model } = scores;
  const probabilities = row < 0 ? null : probabilitiesAt(scores, row);
  const novelty = probabilities === null ? NaN : noveltyAt(scores, probabilities, row);
  const isDecided = minute.outcome === 'COMPLETE' && isReady;
  const veto = requireEdge ? entryVeto(model, instrument.a) : null;
  const strategy = model?.manifest.strategy ?? null;
  const step = isDecided
    ? stepInstrument(strategy, before, { close, probabilities, veto, novelty, noveltyMin, stop, news, time }, id, time)
    : holding(minute, before);
  return sealedAnswer(context, { instrument, label, minute, before, id }, heldBy(context.rollout, step), {
    probabilities,
    novelty,
    position_scale: probabilities === null ? null : 1,
    exits: strategy,
    version: model?.manifest.version ?? '',
    mode: modeOf(minute, context, model === null || (row >= 0 && probabilities === null)),
  });
}

/**
 * The same where a rule answers. It needs no direction model; where one has scored the bar, the signal states its
 * probabilities.
 * @param formulas of the rule, which have taken the bar
 * @returns null where the rule fails
 */
export function answerByRule(
  context: InstrumentContext,
  formulas: GuardedFormulas,
  instrument: Pair,
  label: string,
  minute: AnsweredMinute,
  before: InstrumentPosition,
  id: string,
): InstrumentAnswer | null {
  const { scores, row, close, requireEdge, noveltyMin, stop, news } = context;
  const { manifest } = formulas.rule;
  const { time } = minute;
  // Stop, target and age of an open position need no formula.
  const isReady = context.isReady && (formulas.isWarm || before.side !== 0);
  const hasEdge = !requireEdge || !manifest.edge.no_edge;
  const novelty = noveltyMin === undefined || before.side !== 0 ? NaN : noveltyForRule(scores, manifest.direction, row);
  const bar = { close, hasEdge, novelty, noveltyMin, stop, news, time };
  const step =
    minute.outcome === 'COMPLETE' && isReady ? formulas.decide(before, bar, id, time) : holding(minute, before);
  if (step === null) return null;
  return sealedAnswer(context, { instrument, label, minute, before, id }, heldBy(context.rollout, step), {
    probabilities: row < 0 ? null : probabilitiesAt(scores, row),
    // A rule need not enter where the model calls a side, which is what the field is of.
    novelty: NaN,
    position_scale: isReady ? 1 : null,
    exits: formulas.exits,
    version: `${SERVED_RULE_PREFIX}${manifest.version}`,
    mode: modeOf(minute, { ...context, isReady }, false),
  });
}

/** A position that the challenger of a rollout has opened names the rollout. */
function heldBy(rollout: string | undefined, step: InstrumentStep<InstrumentReason>): InstrumentStep<InstrumentReason> {
  if (rollout === undefined || step.action !== 'ENTER') return step;
  return { ...step, position: { ...step.position, rollout } };
}

/** Of a minute that nothing is decided on. */
function holding(minute: AnsweredMinute, position: InstrumentPosition): InstrumentStep<InstrumentReason> {
  return { action: 'HOLD', reason: holdReason(minute), position };
}

interface AnsweredBar {
  readonly instrument: Pair;
  readonly label: string;
  readonly minute: AnsweredMinute;
  readonly before: InstrumentPosition;
  readonly id: string;
}

/** What a signal states of the model or rule that has answered. */
interface AnsweringStrategy extends Pick<InstrumentBody, 'position_scale' | 'mode'> {
  readonly probabilities: DirectionProbabilities | null;
  /** NaN = not known, or no candidate of an entry. */
  readonly novelty: number;
  /** Of a position that it would enter; null = there is none. */
  readonly exits: KeptExits | null;
  readonly version: string;
}

function sealedAnswer(
  { close, featureSchema, policyHash }: InstrumentContext,
  { instrument, label, minute, before, id }: AnsweredBar,
  { action, reason, position }: InstrumentStep<InstrumentReason>,
  { probabilities, novelty, position_scale, exits: own, version, mode }: AnsweringStrategy,
): InstrumentAnswer {
  const exits = position.exits ?? before.exits ?? own;
  const body: InstrumentBody = {
    timestamp: closeTimestamp(minute.time),
    pair: label,
    z_score: null,
    return_prob: null,
    risk_score: null,
    entry: action === 'ENTER' ? instrumentEntry(position.side, instrument.a) : '',
    confidence: probabilities === null ? null : Math.max(probabilities.ML_UP_PROB, probabilities.ML_DOWN_PROB),
    risk_flag: null,
    theta1: null,
    theta2: null,
    position_scale,
    ml_up_prob: probabilities?.ML_UP_PROB ?? null,
    ml_down_prob: probabilities?.ML_DOWN_PROB ?? null,
    ml_range_prob: probabilities?.ML_RANGE_PROB ?? null,
    action,
    reason,
    target: position.side,
    position_id: action === 'EXIT' ? before.positionId : position.positionId,
    max_age_bars: exits?.max_age_bars ?? null,
    stop: exits?.stop ?? null,
    take_profit: exits?.target ?? null,
    price: minute.a?.close ?? (Number.isNaN(close) ? null : close),
    pair_id: instrument.id,
    signal_id: id,
    model_version: version,
    feature_schema: featureSchema,
    policy_hash: policyHash,
    mode,
  };
  if (!Number.isNaN(novelty)) body.novelty = novelty;
  return { minute, body, bodyText: encodeInstrumentBody(body), riskProb: null, position, seq: 0 };
}

function probabilitiesAt({ probabilities }: DirectionScores, row: number): DirectionProbabilities | null {
  if (probabilities === null) return null;
  const at = 3 * row;
  return {
    ML_UP_PROB: probabilities[at]!,
    ML_DOWN_PROB: probabilities[at + 1]!,
    ML_RANGE_PROB: probabilities[at + 2]!,
  };
}

function noveltyAt({ model, features }: DirectionScores, probabilities: DirectionProbabilities, row: number): number {
  return model === null || features === undefined ? NaN : candidateNovelty(model, probabilities, features, row);
}

/**
 * NaN for a rule that does not read the answers of the model which has scored the bar.
 * @param read version of the model that it reads
 */
function noveltyForRule({ model, features }: DirectionScores, read: string | undefined, row: number): number {
  if (model === null || features === undefined || row < 0 || model.manifest.version !== read) return NaN;
  return rowNovelty(model, features, row);
}

function holdReason({ outcome }: AnsweredMinute): InstrumentReason {
  return outcome === 'COMPLETE' ? 'WARMUP' : outcome;
}

function modeOf(minute: AnsweredMinute, { isReady, isDegraded }: InstrumentContext, isHalt: boolean): Mode {
  if (isHeartbeat(minute) && minute.isHalted) return 'HALT';
  if (!isReady) return 'WARMUP';
  if (isHalt) return 'HALT';
  return isDegraded || isHeartbeat(minute) ? 'DEGRADED' : 'OK';
}
