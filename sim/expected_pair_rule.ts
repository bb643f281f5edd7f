import { isWithin } from '../shared/strategies/pair_reversion/decide.oracle.ts';
import { entryLegsOf, labelOf, NO_POSITION, type ExpectedPosition, type Situation } from './expected_answer.ts';
import type { RatioBar, RatioStrategy } from './pair_rules.ts';

/** The arm of a rollout of rules that answers a bar. */
export interface ExpectedArm {
  readonly arm: 'champion' | 'challenger';
  readonly rollout: string;
}

/** Inputs of the daemon where a rule answers a pair's minute in place of the models. */
export interface PairRuleSituation extends Pick<
  Situation,
  | 'id'
  | 'symbols'
  | 'time'
  | 'outcome'
  | 'isLastResort'
  | 'closes'
  | 'isWarm'
  | 'bar'
  | 'noEntryWindows'
  | 'isDegraded'
  | 'policy'
  | 'signalId'
  | 'featureSchema'
  | 'policyHash'
> {
  readonly version: string;
  readonly strategy: RatioStrategy;
  readonly hasEdge: boolean;
  readonly ratios: RatioBar['ratios'];
  readonly arm: ExpectedArm | undefined;
  readonly position: ExpectedRulePosition;
}

/** A position that the challenger of a rollout opened names the rollout. */
export interface ExpectedRulePosition extends ExpectedPosition {
  readonly rollout?: string;
}

interface Outcome {
  readonly action: string;
  readonly reason: string;
  readonly position: ExpectedRulePosition;
}

/**
 * The answer of a rule of a pair by docs/reference/PROTOCOL.md and WRITE_A_PAIR_STRATEGY.md: no scores, and the limits
 * of the policy. Shares no code with `daemon/decide/pair_rule_answer.ts`.
 */
export function expectedPairRuleAnswer(situation: PairRuleSituation): { body: string; position: string } {
  const { symbols, time, bar, arm, position: before } = situation;
  const isHeartbeat = situation.outcome === 'SILENCE' || situation.outcome === 'SHUTDOWN';
  const isShown = situation.isWarm && (situation.outcome === 'COMPLETE' || isHeartbeat);
  const { action, reason, position: after } = outcomeOf(situation);
  const body = {
    timestamp: `${new Date((time + 60) * 1000).toISOString().slice(0, 19)}Z`,
    pair: labelOf(situation.id, symbols),
    z_score: isShown ? bar.z : null,
    return_prob: null,
    risk_score: null,
    entry: action === 'ENTER' ? entryLegsOf(after.side, bar.beta, symbols) : '',
    confidence: null,
    risk_flag: null,
    theta1: null,
    theta2: null,
    position_scale: isShown ? 1 : null,
    action,
    reason,
    target: after.side,
    position_id: action === 'EXIT' ? before.positionId : after.positionId,
    max_age_bars: situation.strategy.maxAgeBars,
    beta: isShown ? bar.beta : null,
    price_a: isShown ? bar.closeA : situation.closes[0],
    price_b: isShown ? bar.closeB : situation.closes[1],
    pair_id: situation.id,
    signal_id: situation.signalId,
    model_version: `rule/${situation.version}`,
    feature_schema: situation.featureSchema,
    policy_hash: situation.policyHash,
    mode: modeOf(situation, isHeartbeat),
    expected_net_bps: null,
    leverage_reduction_rate: 1,
    ...(arm !== undefined && { arm: arm.arm, rollout: arm.rollout }),
  };
  const isOfChallenger = arm?.arm === 'challenger' && after.side !== 0;
  const position = isOfChallenger ? { ...after, rollout: arm.rollout } : after;
  return { body: JSON.stringify(body).slice(0, -1), position: JSON.stringify(position) };
}

/** "Modes" of the protocol: halts by a live KPI are of the models. */
function modeOf({ isWarm, isLastResort, isDegraded }: PairRuleSituation, isHeartbeat: boolean): string {
  if (isHeartbeat && isLastResort) return 'HALT';
  if (!isWarm) return 'WARMUP';
  return isHeartbeat || isDegraded ? 'DEGRADED' : 'OK';
}

function outcomeOf(situation: PairRuleSituation): Outcome {
  const { outcome, isWarm, bar, ratios, strategy, position, signalId, time } = situation;
  const hold = (reason: string, held: ExpectedRulePosition = position): Outcome => ({
    action: 'HOLD',
    reason,
    position: held,
  });
  if (outcome !== 'COMPLETE') return hold(outcome);
  if (!isWarm) return hold('WARMUP');
  const seen: RatioBar = { ratios, z: bar.z };
  if (position.side !== 0) {
    const { rollout: _, ...held } = position;
    const aged = { ...held, ageBars: position.ageBars + 1 };
    if (strategy.exits(seen, position.side)) return { action: 'EXIT', reason: 'Z_EXIT', position: NO_POSITION };
    if (aged.ageBars >= strategy.maxAgeBars) return { action: 'EXIT', reason: 'MAX_AGE', position: NO_POSITION };
    return hold('IN_POSITION', aged);
  }
  const side = strategy.entry(seen);
  if (side === 0) return hold('NO_SETUP');
  const refusal = refusalOf(situation);
  if (refusal !== null) return hold(refusal);
  const { z, alpha, beta, zMean, zStd } = bar;
  const entered = { entryTime: time, entryZ: z, alpha, beta, zMean, zStd, ageBars: 0 };
  return { action: 'ENTER', reason: 'ENTRY', position: { side, positionId: signalId, ...entered } };
}

/** Why the policy refuses an entry; null: it does not. */
function refusalOf({ hasEdge, policy, bar, noEntryWindows, time }: PairRuleSituation): string | null {
  if (policy.require_edge && !hasEdge) return 'NO_EDGE';
  const size = Math.abs(bar.beta);
  if (Number.isNaN(size) || size < policy.beta_min || size > policy.beta_max) return 'BETA_RANGE';
  return noEntryWindows.some((window) => isWithin(window, time + 60)) ? 'SESSION' : null;
}
