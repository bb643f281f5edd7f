import { closeTimestamp, type OpenTime } from '../../shared/bar.ts';
import { applyLeverage } from '../../shared/core/position/leverage.ts';
import type { Position } from '../../shared/core/position/position.ts';
import type { Frame } from '../../shared/core/features/feature.ts';
import type { Action } from '../../shared/core/rule/rule.ts';
import type { StandingOrders } from '../../shared/core/rule/standing_conditions.ts';
import type { Pair } from '../../shared/pair.ts';
import { SERVED_RULE_PREFIX } from '../../shared/signal/instrument_signal.ts';
import type { SignalBody } from '../../shared/signal/signal.ts';
import { refusedBy } from '../../shared/strategies/pair_reversion/entry_limits.ts';
import { entryLegs } from '../../shared/strategies/pair_reversion/entry_legs.ts';
import type { Reason } from '../../shared/strategies/pair_reversion/reasons.ts';
import { isHeartbeat, type AnsweredMinute } from '../align/minute.ts';
import { answerOf, hold, modeOf, type AnswerContext, type MinuteAnswer } from './answer.ts';
import { stopOf } from './standing_bits.ts';

/** What the decision on a bar of a pair reads beside what its rule computes. */
export interface PairRuleBar extends StandingOrders {
  /** Bars of both legs, z, hedge ratio and all that the spread is measured by. */
  readonly frame: Readonly<Frame>;
  /** Whether its judgement shows an edge after costs, or the policy requires none. */
  readonly hasEdge: boolean;
}

interface PairRuleStep {
  readonly action: Action;
  readonly reason: Reason;
  /** Behind the bar. */
  readonly position: Position;
}

/** The rule of a pair, which has taken the bar. */
export interface PairRule {
  readonly version: string;
  /** Whether its judgement shows no edge after costs. */
  readonly noEdge: boolean;
  /** Whether enough bars have been taken that its values depend on no earlier ones. */
  readonly isWarm: boolean;
  /** Of a position that it would enter, in bars of the pair. */
  readonly maxAgeBars: number;
  /**
   * Decides on the newest bar and moves the position by it.
   * @param position before this bar
   * @param id signal_id of the answer
   * @returns null where it fails
   */
  decide(position: Position, bar: PairRuleBar, id: string, time: OpenTime): PairRuleStep | null;
}

/**
 * As `answerMinute`, where a rule answers in place of the models: the signal states no scores. The policy's limits of
 * hedge ratio, entry windows and exposure hold whatever the rule says; halts by a live KPI are of the models. No daemon
 * serves rules of pairs yet.
 * @param context its models and scores are not read
 * @param position before this bar
 * @param id signal_id of the answer
 * @returns null where the rule fails
 */
export function answerPairByRule(
  context: AnswerContext,
  rule: PairRule,
  pair: Pair,
  label: string,
  minute: AnsweredMinute,
  position: Position,
  id: string,
): MinuteAnswer | null {
  const { features, policy } = context;
  const { pairIndex, time, outcome } = minute;
  // An open position needs no warm formula to be closed.
  const isReady = features.ready(pairIndex) && (rule.isWarm || position.side !== 0);
  const isShown = isReady && (outcome === 'COMPLETE' || isHeartbeat(minute));
  const frame = isShown ? features.frame(pairIndex) : null;
  const market = isHeartbeat(minute) ? null : frame;
  const step =
    market === null
      ? { ...hold(minute, position), position }
      : rule.decide(position, barOf(context, rule, minute, market), id, time);
  if (step === null) return null;
  const limited = market === null ? step : withinLimits(context, minute, market, position, step);
  const { action, reason, position: taken } = limited;
  const scale = frame === null ? null : 1;
  const { rate, position: after } = applyLeverage(policy.leverage, pair, market, null, scale, position, taken, time);
  const body: SignalBody = {
    timestamp: closeTimestamp(time),
    pair: label,
    z_score: frame?.z ?? null,
    return_prob: null,
    risk_score: null,
    entry: action === 'ENTER' ? entryLegs(after.side, market!.beta, pair.a, pair.b) : '',
    confidence: null,
    risk_flag: null,
    theta1: null,
    theta2: null,
    position_scale: scale === null ? null : rate * scale,
    action,
    reason,
    target: after.side,
    position_id: action === 'EXIT' ? position.positionId : after.positionId,
    max_age_bars: rule.maxAgeBars,
    beta: frame?.beta ?? null,
    price_a: frame?.a.close ?? minute.a?.close ?? null,
    price_b: frame?.b.close ?? minute.b?.close ?? null,
    pair_id: pair.id,
    signal_id: id,
    model_version: `${SERVED_RULE_PREFIX}${rule.version}`,
    feature_schema: context.featureSchema,
    policy_hash: context.policyHash,
    mode: modeOf(minute, { isReady, isHalt: false, isDegraded: context.isDegraded }),
    expected_net_bps: null,
    leverage_reduction_rate: rate,
  };
  return answerOf(context, minute, body, null, after);
}

function barOf({ policy, halted, news }: AnswerContext, { noEdge }: PairRule, minute: AnsweredMinute, frame: Frame) {
  return {
    frame,
    hasEdge: !policy.require_edge || !noEdge,
    stop: stopOf(halted[minute.pairIndex]!),
    news: news[minute.pairIndex] ?? null,
    time: minute.time,
  };
}

/** An entry that the policy refuses is none. */
function withinLimits(
  { policy, exposure: meter, positions }: AnswerContext,
  { pairIndex, time }: AnsweredMinute,
  market: Frame,
  before: Position,
  step: PairRuleStep,
): PairRuleStep {
  if (step.action !== 'ENTER') return step;
  const limits = policy.exposure;
  const exposure =
    limits === undefined ? null : meter.after(limits, positions, pairIndex, step.position.side, market.beta);
  const reason = refusedBy({ market, policy, exposure, time });
  return reason === null ? step : { action: 'HOLD', reason, position: before };
}
