import { SECONDS_PER_BAR, type OpenTime } from '../../bar.ts';
import { isEntryClosed, type EntryWindow } from '../cost/entry_window.ts';
import type { LeveragePolicy } from '../position/leverage.ts';
import { adverseZ, type Market, type Position, type Side } from '../position/position.ts';

export type Action = 'ENTER' | 'EXIT' | 'HOLD';

/** The reason of a signal: the closed list of docs/reference/PROTOCOL.md#reasons. */
export const REASONS = {
  ENTRY: 'ENTER: the spread is far out, the models expect it to revert, and the moment is calm.',
  Z_EXIT: 'EXIT: the spread has come back.',
  STOP: 'EXIT: the spread moved further out by the stop distance.',
  MAX_AGE: 'EXIT: the position reached its maximum age.',
  RISK_EXIT: 'EXIT: the risk score reached risk_exit.',
  CLOSE_ALL: 'EXIT: a person has the position closed; nothing is entered until a person resumes.',
  IN_POSITION: 'HOLD: a position is open and nothing ends it.',
  NO_SETUP: 'HOLD: |z| is below z_entry.',
  STOPPED: 'HOLD: a person has stopped the entries; nothing is entered until a person resumes.',
  BETA_RANGE: 'HOLD: |beta| is outside [beta_min, beta_max].',
  KPI_HALT:
    'HOLD: under these models a live KPI of the pair, or of all pairs, is past its limit; nothing is entered until a person or a new bundle clears it.',
  NO_EDGE: 'HOLD: the models have shown no edge after costs for this pair.',
  SESSION: 'HOLD: the entry would be filled in one of no_entry_windows.',
  PROB_LOW: 'HOLD: return_prob is not above theta1.',
  RISK_HIGH: 'HOLD: risk_score is not below theta2.',
  COST_HIGH: 'HOLD: the expected result after the current costs is not above min_expected_net_bps.',
  NO_MODEL: 'HOLD: no verified model set is loaded.',
  WARMUP: 'HOLD: the pair has not seen enough bars yet.',
  LEG_MISSING: 'HOLD: the bar of one leg did not come in time.',
  LEG_EMPTY: 'HOLD: one leg did not trade in this minute.',
  BAR_SUSPECT: 'HOLD: the bar of a leg does not fit its recent bars; the next one confirms or refutes it.',
  SILENCE: 'HOLD: no bar of the pair came for a while; a heartbeat that repeats the values of its last bar.',
  SHUTDOWN: 'HOLD: the daemon ends and no other waits to take over; its last signal of the pair, always in mode HALT.',
} as const;
export type Reason = keyof typeof REASONS;

export interface DecisionPolicy {
  /** |z| from which a bar is an entry candidate, in standard deviations. */
  readonly z_entry: number;
  /** Frozen z at which an open position has reverted. */
  readonly z_exit: number;
  /** Maximum distance of a position beyond its entry z, in standard deviations. */
  readonly stop: number;
  readonly max_age_bars: number;
  readonly beta_min: number;
  readonly beta_max: number;
  /** risk_score at which an open position is left. */
  readonly risk_exit: number;
  /** Whether a pair without a proven edge holds. */
  readonly require_edge: boolean;
  /** Absent where nothing reduces the size of positions; no decision depends on it. */
  readonly leverage?: LeveragePolicy;
  /** Windows without entries. */
  readonly no_entry_windows: readonly EntryWindow[];
  /** The expected result of an entry, in basis points after costs, must be above it. */
  readonly min_expected_net_bps: number;
  /** 1: as decided the first version, without swaps in the expected result; absent: as now. */
  readonly rules?: 1;
}

export interface Thresholds {
  /** return_prob must be above it. */
  readonly theta1: number;
  /** risk_score must be below it. */
  readonly theta2: number;
}

/** Conditions of an entry beside the policy. */
export interface Gate extends Thresholds {
  /** The models have shown an edge after costs for the pair. */
  readonly hasEdge: boolean;
  /** A live KPI halts the pair under these models. */
  readonly isHalted: boolean;
  /** A person has stopped the entries of the pair, or also has its position closed; null or absent = neither. */
  readonly stop?: 'entries' | 'close' | null;
}

/** Answers of the models to a bar. */
export interface ModelScores {
  readonly return_prob: number;
  readonly risk_score: number;
  /** Of a model of the result, in standard deviations of the spread before costs; absent or NaN without one. */
  readonly result_sigmas?: number;
}

export interface Scores extends ModelScores {
  /** By `expectedNetBps`; NaN for a bar that is no candidate. */
  readonly expected_net_bps: number;
}

export interface Decision {
  readonly action: Action;
  readonly reason: Reason;
  /** The side of the virtual position after this bar. */
  readonly target: Side;
}

/**
 * Decides at the close of a bar: a pure function of its arguments, the same one live, in replay and in backtest.
 * `position` is the one before this bar, already aged by it; `time` is the bar's open. Without `scores`
 * nothing is entered; exits that need no model still happen.
 */
export function decide(
  market: Market,
  scores: Scores | null,
  gate: Gate,
  policy: DecisionPolicy,
  position: Position,
  time: OpenTime,
): Decision {
  if (position.side !== 0) {
    const reason = exitReason(market, scores, policy, position) ?? (gate.stop === 'close' ? 'CLOSE_ALL' : null);
    if (reason === null) return { action: 'HOLD', reason: 'IN_POSITION', target: position.side };
    return { action: 'EXIT', reason, target: 0 };
  }
  const refusal = refusalReason(market, scores, gate, policy, time);
  if (refusal !== null) return { action: 'HOLD', reason: refusal, target: 0 };
  return { action: 'ENTER', reason: 'ENTRY', target: market.z > 0 ? -1 : 1 };
}

function exitReason(market: Market, scores: Scores | null, policy: DecisionPolicy, position: Position): Reason | null {
  const out = adverseZ(position, market.lnA, market.lnB);
  if (out <= policy.z_exit) return 'Z_EXIT';
  if (out >= Math.abs(position.entryZ) + policy.stop) return 'STOP';
  if (position.ageBars >= policy.max_age_bars) return 'MAX_AGE';
  if (scores !== null && scores.risk_score >= policy.risk_exit) return 'RISK_EXIT';
  return null;
}

function refusalReason(
  market: Market,
  scores: Scores | null,
  gate: Gate,
  policy: DecisionPolicy,
  time: OpenTime,
): Reason | null {
  if (gate.stop != null) return 'STOPPED';
  if (scores === null) return 'NO_MODEL';
  if (gate.isHalted) return 'KPI_HALT';
  if (policy.require_edge && !gate.hasEdge) return 'NO_EDGE';
  const hedge = Math.abs(market.beta);
  if (!(hedge >= policy.beta_min && hedge <= policy.beta_max)) return 'BETA_RANGE';
  if (!(Math.abs(market.z) >= policy.z_entry)) return 'NO_SETUP';
  if (isEntryClosed(policy.no_entry_windows, time + SECONDS_PER_BAR)) return 'SESSION';
  if (!(scores.return_prob > gate.theta1)) return 'PROB_LOW';
  if (!(scores.risk_score < gate.theta2)) return 'RISK_HIGH';
  if (!(scores.expected_net_bps > policy.min_expected_net_bps)) return 'COST_HIGH';
  return null;
}

/**
 * The legs of an entry as published, e.g. `SELL_XAUUSD, BUY_XAGUSD`. Leg A has the target's side, leg B −side ·
 * sign(beta): for beta < 0 both legs have the same side.
 */
export function entryLegs(target: Side, beta: number, symbolA: string, symbolB: string): string {
  // Stryker disable next-line EqualityOperator: the side of an entry is never 0
  const word = (side: number): string => (side > 0 ? 'BUY' : 'SELL');
  return `${word(target)}_${symbolA}, ${word(beta < 0 ? target : -target)}_${symbolB}`;
}
