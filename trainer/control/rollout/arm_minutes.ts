import { SECONDS_PER_BAR, type OpenTime } from '../../../shared/bar.ts';
import { armVersion, type ActiveRollout } from '../../../shared/bundle/rollout.ts';
import { pairFillCostBps } from '../../../shared/core/cost/fill_cost.ts';
import { rollovers } from '../../../shared/core/cost/rollover.ts';
import { swapBpsPerNight } from '../../../shared/core/cost/swap.ts';
import { pairReturn } from '../../../shared/core/position/pair_return.ts';
import { ARMS, type Arm } from '../../../shared/core/rollout/assignment.ts';
import { parsePair } from '../../../shared/pair.ts';
import { pairCosts, type TradingCosts } from '../../../shared/policy/costs.ts';
import type { SignalBody } from '../../../shared/signal/signal.ts';
import type { JournalFile } from '../../../shared/store/journal.ts';

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

/** Answers of both arms to one minute, by the id of the subject. */
export interface ArmMinute<Answer = ArmAnswer> {
  readonly time: OpenTime;
  readonly pairs: Map<string, Partial<Record<Arm, Answer>>>;
}

/** Virtual answers of both arms of a rollout of pairs. See `readArms`. */
export function readArmMinutes(
  journals: readonly JournalFile[],
  rollout: ActiveRollout,
  from: OpenTime,
  costs: Readonly<Record<string, TradingCosts>>,
): ArmMinute[] {
  return readArms(journals, rollout, from, () => {
    const open = new Map<string, SignalBody>();
    return (body: SignalBody, time) => answerOf(body, open, costs, time);
  });
}

/**
 * Virtual answers of both arms of a rollout in ascending time. To be called within a snapshot of the journal.
 * @param answerer of one arm in one journal, whose bodies it receives in order
 */
export function readArms<Body, Answer>(
  journals: readonly JournalFile[],
  rollout: ActiveRollout,
  from: OpenTime,
  answerer: () => (body: Body, time: OpenTime) => Answer,
): ArmMinute<Answer>[] {
  const minutes = new Map<number, ArmMinute<Answer>>();
  for (const journal of journals)
    for (const arm of ARMS) {
      const answerOfArm = answerer();
      for (const { pairId, time, body: text } of journal.shadowsOf(armVersion(rollout[arm], rollout.id), from)) {
        const body = JSON.parse(`${text}}`) as Body;
        const minute = minutes.get(time) ?? { time, pairs: new Map<string, Partial<Record<Arm, Answer>>>() };
        minutes.set(time, minute);
        const answers = minute.pairs.get(pairId) ?? {};
        answers[arm] = answerOfArm(body, time);
        minute.pairs.set(pairId, answers);
      }
    }
  return [...minutes.values()].sort((a, b) => a.time - b.time);
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
