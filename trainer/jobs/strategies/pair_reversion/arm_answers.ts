import { SECONDS_PER_BAR, type OpenTime } from '../../../../shared/bar.ts';
import type { ActiveRollout } from '../../../../shared/bundle/rollout.ts';
import { pairFillCostBps } from '../../../../shared/core/cost/fill_cost.ts';
import { rollovers } from '../../../../shared/core/cost/rollover.ts';
import { swapBpsPerNight } from '../../../../shared/core/cost/swap.ts';
import { pairReturn } from '../../../../shared/core/position/pair_return.ts';
import { parsePair } from '../../../../shared/pair.ts';
import { pairCosts, type TradingCosts } from '../../../../shared/policy/costs.ts';
import type { SignalBody } from '../../../../shared/signal/signal.ts';
import type { JournalFile } from '../../../../shared/store/journal.ts';
import { readArms, type ArmMinute } from '../../comparison/arms.ts';

/** One virtual answer of an arm. */
export interface ArmAnswer {
  readonly returnProb: number | null;
  readonly riskScore: number | null;
  readonly theta2: number | null;
  readonly z: number | null;
  readonly entered: boolean;
  /** Net result of the position that this bar closed, bps of full-size gross notional; 0 without one. */
  readonly resultBps: number;
}

/** Virtual answers of both arms of a rollout of pairs. See `readArms`. */
export function readArmMinutes(
  journals: readonly JournalFile[],
  rollout: ActiveRollout,
  from: OpenTime,
  costs: Readonly<Record<string, TradingCosts>>,
): ArmMinute<ArmAnswer>[] {
  return readArms(journals, rollout, from, () => {
    const open = new Map<string, SignalBody>();
    return (body: SignalBody, time) => answerOf(body, open, costs, time);
  });
}

function answerOf(
  body: SignalBody,
  open: Map<string, SignalBody>,
  costs: Readonly<Record<string, TradingCosts>>,
  time: OpenTime,
): ArmAnswer {
  const { pair_id, action } = body;
  const entry = open.get(pair_id);
  const resultBps = action === 'EXIT' && entry !== undefined ? closedResult(entry, body, costs, time) : 0;
  if (action === 'ENTER') open.set(pair_id, body);
  if (action === 'EXIT') open.delete(pair_id);
  const { return_prob: returnProb, risk_score: riskScore, theta2, z_score: z } = body;
  return { returnProb, riskScore, theta2, z, entered: action === 'ENTER', resultBps };
}

/**
 * From close to close with the hedge ratio of the entry, after the costs of both fills and overnight swaps, at the
 * published scale.
 */
function closedResult(
  entry: SignalBody,
  exit: SignalBody,
  costs: Readonly<Record<string, TradingCosts>>,
  time: OpenTime,
): number {
  const { beta, target, position_scale: scale } = entry;
  const prices = [entry.price_a, entry.price_b, exit.price_a, exit.price_b];
  if (beta === null || scale === null || prices.includes(null)) return 0;
  const [entryA, entryB, exitA, exitB] = prices as [number, number, number, number];
  const gross = pairReturn(target, beta, exitA / entryA, exitB / entryB);
  const ofPair = pairCosts(costs, parsePair(entry.pair_id));
  const fillAt = (closeTime: number, side: number): number =>
    pairFillCostBps(ofPair, beta, closeTime + SECONDS_PER_BAR, NaN, NaN, side);
  const entryTime = Date.parse(entry.timestamp) / 1000 - SECONDS_PER_BAR;
  const nights = rollovers(entryTime + SECONDS_PER_BAR, time + SECONDS_PER_BAR).reduce(
    (sum, one) => sum + one.swapDays,
    0,
  );
  const swapBps = nights * swapBpsPerNight(target, beta, ofPair.a, ofPair.b);
  return scale * (1e4 * gross - fillAt(entryTime, target) - fillAt(time, -target) - swapBps);
}
