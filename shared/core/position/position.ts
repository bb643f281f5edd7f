import type { OpenTime } from '../../bar.ts';

/** −1: leg A sold, 0: flat, 1: leg A bought. Leg B has the side −side · sign(beta). */
export type Side = -1 | 0 | 1;

/** Inputs of the decision from a pair's current bar. */
export interface Market {
  readonly z: number;
  readonly alpha: number;
  readonly beta: number;
  readonly zMean: number;
  readonly zStd: number;
  readonly lnA: number;
  readonly lnB: number;
}

/**
 * Result of a pair's signals if every one were filled at its close, as fractions of the capital,
 * which is the gross notional at full size, by simple returns of the legs. Overnight swaps are not counted.
 */
export interface VirtualAccount {
  /** Of closed positions. */
  readonly settled: number;
  /** At the last complete bar, the open position liquidated. */
  readonly value: number;
  /** The highest value so far. */
  readonly peak: number;
  /** position_scale of the open position as published; 0 when flat. */
  readonly scale: number;
  /** ln of the closes at the entry of the open position; absent where returns are logarithmic. */
  readonly lnA?: number;
  readonly lnB?: number;
}

/** The virtual position of a pair. An open one is measured with alpha, beta, mean and std frozen at its entry. */
export interface Position {
  readonly side: Side;
  /** signal_id of the ENTER; empty when flat. */
  readonly positionId: string;
  readonly entryTime: OpenTime | 0;
  readonly entryZ: number;
  readonly alpha: number;
  readonly beta: number;
  readonly zMean: number;
  readonly zStd: number;
  /** Bars of the pair since the entry bar. */
  readonly ageBars: number;
  /** Id of the rollout whose challenger opened it, and decides until its exit while that rollout is active. */
  readonly rollout?: string;
  /** Only where leverage_reduction_rate has steps. */
  readonly account?: VirtualAccount;
}

export const FLAT: Position = {
  side: 0,
  positionId: '',
  entryTime: 0,
  entryZ: 0,
  alpha: 0,
  beta: 0,
  zMean: 0,
  zStd: 0,
  ageBars: 0,
};

/** The position that a decision to enter opens at the close of bar `time`. */
export function openPosition(side: Side, positionId: string, time: OpenTime, market: Market): Position {
  const { z, alpha, beta, zMean, zStd } = market;
  return { side, positionId, entryTime: time, entryZ: z, alpha, beta, zMean, zStd, ageBars: 0 };
}

/** The position one bar later. */
export function agePosition(position: Position): Position {
  if (position.side === 0) return position;
  // Field by field: a spread takes ten times as long, and labels age a position at each of their bars.
  const { side, positionId, entryTime, entryZ, alpha, beta, zMean, zStd, ageBars } = position;
  return { side, positionId, entryTime, entryZ, alpha, beta, zMean, zStd, ageBars: ageBars + 1 };
}

/** z of the current prices by the frozen parameters of the entry. */
export function frozenZ(position: Position, lnA: number, lnB: number): number {
  return (lnA - position.alpha - position.beta * lnB - position.zMean) / position.zStd;
}

/** Move of ln A − beta · ln B since the entry, by the frozen beta. */
export function frozenSpreadMove(position: Position, lnA: number, lnB: number): number {
  return (frozenZ(position, lnA, lnB) - position.entryZ) * position.zStd;
}

/** Frozen z, in standard deviations on the entry's side of zero: falls as the spread reverts. */
export function adverseZ(position: Position, lnA: number, lnB: number): number {
  return -position.side * frozenZ(position, lnA, lnB);
}
