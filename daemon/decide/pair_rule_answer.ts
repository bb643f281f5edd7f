import { closeTimestamp, type OpenTime } from '../../shared/bar.ts';
import type { PairRuleStep } from '../../shared/bundle/rule/rule_model.ts';
import { applyLeverage } from '../../shared/core/position/leverage.ts';
import type { Position } from '../../shared/core/position/position.ts';
import type { Frame } from '../../shared/core/features/feature.ts';
import type { Pair } from '../../shared/pair.ts';
import { SERVED_RULE_PREFIX } from '../../shared/signal/instrument_signal.ts';
import type { SignalBody } from '../../shared/signal/signal.ts';
import { refusedBy } from '../../shared/strategies/pair_reversion/entry_limits.ts';
import { entryLegs } from '../../shared/strategies/pair_reversion/entry_legs.ts';
import { isHeartbeat, type AnsweredMinute } from '../align/minute.ts';
import type { GuardedPairFormulas } from '../features/guarded_formulas.ts';
import { answerOf, hold, modeOf, type AnswerContext, type MinuteAnswer, type RolloutArm } from './answer.ts';
import { stopOf } from './standing_bits.ts';

/** The formulas that answer a bar of a pair in place of the models. */
export interface PairRuleChoice {
  readonly formulas: GuardedPairFormulas;
  /** While a rollout compares rules of the pair. */
  readonly rollout: RolloutArm | undefined;
}

/** What answers for pairs in place of the models. */
export interface PairRuleAnswers {
  /** Whether there is any. */
  readonly isPresent: boolean;
  /** @param position before the bar. @returns null where the models answer */
  choose(index: number, time: OpenTime, position: Position): PairRuleChoice | null;
  /** Ends the rules of a pair that have failed, before the batch that is being answered. */
  endFaulty(index: number): void;
}

/**
 * As `answerMinute`, where a rule answers in place of the models: the signal states no scores. The policy's limits of
 * hedge ratio, entry windows and exposure hold whatever the rule says; halts by a live KPI are of the models.
 * @param context its models and scores are not read
 * @param formulas of the rule, which have taken the bar
 * @param position before this bar
 * @param id signal_id of the answer
 * @returns null where the rule fails
 */
export function answerPairByRule(
  context: AnswerContext,
  formulas: GuardedPairFormulas,
  pair: Pair,
  label: string,
  minute: AnsweredMinute,
  position: Position,
  id: string,
): MinuteAnswer | null {
  const { features, policy } = context;
  const { pairIndex, time, outcome } = minute;
  // An open position needs no warm formula to be closed.
  const isReady = features.ready(pairIndex) && (formulas.isWarm || position.side !== 0);
  const isShown = isReady && (outcome === 'COMPLETE' || isHeartbeat(minute));
  const frame = isShown ? features.frame(pairIndex) : null;
  const market = isHeartbeat(minute) ? null : frame;
  const step =
    market === null
      ? { ...hold(minute, position), position }
      : formulas.decide(position, barOf(context, formulas, minute, market), id, time);
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
    max_age_bars: formulas.maxAgeBars,
    beta: frame?.beta ?? null,
    price_a: frame?.a.close ?? minute.a?.close ?? null,
    price_b: frame?.b.close ?? minute.b?.close ?? null,
    pair_id: pair.id,
    signal_id: id,
    model_version: `${SERVED_RULE_PREFIX}${formulas.rule.manifest.version}`,
    feature_schema: context.featureSchema,
    policy_hash: context.policyHash,
    mode: modeOf(minute, { isReady, isHalt: false, isDegraded: context.isDegraded }),
    expected_net_bps: null,
    leverage_reduction_rate: rate,
  };
  return answerOf(context, minute, body, null, after);
}

function barOf(
  { policy, halted, news }: AnswerContext,
  { rule }: GuardedPairFormulas,
  minute: AnsweredMinute,
  frame: Frame,
) {
  return {
    frame,
    hasEdge: !policy.require_edge || !rule.manifest.edge.no_edge,
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
