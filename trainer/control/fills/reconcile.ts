import { validIntervals } from '../../../shared/signal/signal.ts';
import { barMinutesOf } from '../../../shared/pair.ts';
import { durationText } from '../notify/message.ts';
import type { JournaledSignal } from './journal_signals.ts';
import { accountIdOf } from './account_id.ts';
import type { LiveTrade, RefusedLine } from './live_trades.ts';
import { booksOf, followedSince, LEGS, lotsOf, LOTS_EPSILON, positionsOf, type LivePosition } from './positions.ts';

/** Possible contradictions between the daemon's signals and the fills of accounts. */
export const FINDINGS = {
  SIGNAL_UNKNOWN: 'a fill names a signal that is in no journal',
  SIGNAL_MISMATCH: 'a fill contradicts the signal it names',
  ENTER_WITHOUT_FILL: 'an ENTER was neither filled nor refused by a running program',
  LEG_ALONE: 'a leg was opened without the other one',
  LEG_DOUBLED: 'a leg was opened more than once',
  CLOSE_WITHOUT_OPEN: 'more was closed than had been opened',
  VOLUME_MISMATCH: 'a position was closed in part',
  OPEN_TOO_LONG: 'a position is older than its signal allows',
  CURRENCY_MIXED: 'an account reports money in several currencies, which has no sum',
  TIME_WRONG: 'a fill has a time that it cannot have, as of another clock',
  LINE_REFUSED: 'a line is not a fill, or contradicts a known one',
} as const;
export type FindingCode = keyof typeof FINDINGS;

export interface FillFinding {
  readonly code: FindingCode;
  readonly account: string;
  /** Which account of that kind; empty if a line cannot be parsed. */
  readonly account_id: string;
  /** Empty if a line cannot be parsed. */
  readonly pair_id: string;
  readonly position_id: string;
  readonly time_ms: number;
  readonly seen: string;
}

export interface ReconcileInput {
  /** Trades of one market, ordered by time; complete positions. */
  readonly trades: readonly LiveTrade[];
  /** ENTER signals of that market. */
  readonly entries: readonly JournaledSignal[];
  readonly refusedLines: readonly RefusedLine[];
  readonly nowMs: number;
  /** Wall-clock time of one bar of this market. */
  readonly barMs: number;
  /** Time after which the other leg, or a line, counts as missing. */
  readonly settleMs: number;
}

/** Clocks of two machines differ by so much at most. */
const CLOCK_MS = 60_000;
/** An expert advisor closes a position by itself at most this many bars after its maximum age. */
const GRACE_BARS = 5;

/** Compares fills with signals; what may still be in transit is not reported. Ordered by time. Pure. */
export function reconcile(input: ReconcileInput): FillFinding[] {
  const findings = [
    ...input.trades.flatMap((trade) => againstSignal(trade, input)),
    ...positionsOf(input.trades).flatMap((position) => againstItself(position, input)),
    ...unanswered(input),
    ...booksOf(input.trades).flatMap(inCurrencies),
    ...input.refusedLines.map(({ code, message, place, line, received_ms }) => ({
      code: 'LINE_REFUSED' as const,
      account: '',
      account_id: '',
      pair_id: '',
      position_id: '',
      time_ms: received_ms,
      seen: `${place}: ${code}: ${message} ${line.slice(0, 80)}`,
    })),
  ];
  return findings.sort((a, b) => a.time_ms - b.time_ms);
}

function againstSignal(trade: LiveTrade, { nowMs, settleMs }: ReconcileInput): FillFinding[] {
  const { account, pair_id, position_id, time_ms, signal_action, signal_id, received_ms, kind } = trade;
  const base = { account, account_id: accountIdOf(trade), pair_id, position_id, time_ms };
  const wrongTime = timeFault(trade);
  const ofTime: FillFinding[] =
    wrongTime === null ? [] : [{ ...base, time_ms: received_ms, code: 'TIME_WRONG', seen: wrongTime }];
  if (signal_action === null) {
    if (nowMs - received_ms < settleMs) return ofTime;
    return [
      ...ofTime,
      { ...base, code: 'SIGNAL_UNKNOWN', seen: `${kind} of leg ${trade.leg || 'A and B'} by signal ${signal_id}` },
    ];
  }
  if (kind === 'close') return ofTime;
  if (signal_action !== 'ENTER')
    return [
      ...ofTime,
      { ...base, code: 'SIGNAL_MISMATCH', seen: `${kind} by ${signal_id}, which has ${signal_action}` },
    ];
  const wanted = wantedSide(trade);
  if (trade.side === '' || wanted === null || wanted === trade.side) return ofTime;
  return [
    ...ofTime,
    { ...base, code: 'SIGNAL_MISMATCH', seen: `leg ${trade.leg} ${trade.side}, and the signal has ${wanted}` },
  ];
}

/** A fill comes after its signal and before it is received; the clock of a broker is often hours off. */
function timeFault({ time_ms, signal_ms, received_ms, kind }: LiveTrade): string | null {
  const early = (signal_ms ?? time_ms) - time_ms;
  const late = time_ms - received_ms;
  if (late > CLOCK_MS) return `${kind} ${durationText(late)} after it was received`;
  return early > CLOCK_MS ? `${kind} ${durationText(early)} before its signal` : null;
}

/** With z above zero leg A is sold; leg B is on the other side if β is above zero. */
function wantedSide({ leg, z_score, beta }: LiveTrade): 'BUY' | 'SELL' | null {
  if (leg === '' || z_score === null || beta === null) return null;
  const sideOfA = z_score > 0 ? -1 : 1;
  const side = leg === 'A' ? sideOfA : -sideOfA * Math.sign(beta);
  return side > 0 ? 'BUY' : 'SELL';
}

function againstItself(position: LivePosition, { nowMs, barMs, settleMs }: ReconcileInput): FillFinding[] {
  const { account, positionId, pairId, opens, closes } = position;
  const all = [...opens, ...closes];
  if (all.length === 0) return [];
  const lastMs = Math.max(...all.map(({ time_ms }) => time_ms));
  const isSettled = nowMs - lastMs >= settleMs;
  const found = (code: FindingCode, seen: string): FillFinding => ({
    code,
    account,
    account_id: accountIdOf(position),
    pair_id: pairId,
    position_id: positionId,
    time_ms: lastMs,
    seen,
  });
  const findings: FillFinding[] = [];
  const openMs = Math.min(...opens.map(({ time_ms }) => time_ms));
  const closeMs = Math.min(...closes.map(({ time_ms }) => time_ms));
  if (opens.length > 0 && openMs - closeMs > CLOCK_MS)
    findings.push(found('TIME_WRONG', `closed ${durationText(openMs - closeMs)} before it was opened`));
  const left: number[] = [];
  for (const leg of LEGS) {
    const opened = lotsOf(opens, leg);
    const closed = lotsOf(closes, leg);
    left.push(opened - closed);
    const times = opens.filter((fill) => fill.leg === leg).length;
    if (times > 1) findings.push(found('LEG_DOUBLED', `leg ${leg} ${times} times, ${opened} lots`));
    if (closed > opened + LOTS_EPSILON)
      findings.push(found('CLOSE_WITHOUT_OPEN', `leg ${leg}: ${closed} lots closed, ${opened} opened`));
  }
  if (!isSettled) return findings;
  const [heldA, heldB] = left.map((lots) => lots > LOTS_EPSILON) as [boolean, boolean];
  // Both legs or none: a single held leg is half a pair, whether the other one was never opened or was closed alone.
  if (heldA !== heldB) {
    const wasHalf = LEGS.some((leg) => lotsOf(opens, leg) === 0);
    const text = `leg ${heldA ? 'A' : 'B'} holds ${left[heldA ? 0 : 1]} lots alone`;
    findings.push(found(wasHalf ? 'LEG_ALONE' : 'VOLUME_MISMATCH', text));
  } else if (heldA && closes.length > 0) {
    findings.push(found('VOLUME_MISMATCH', `leg A ${left[0]} and leg B ${left[1]} lots are left`));
  }
  const [first] = opens;
  const maxAgeBars = opens.find(({ max_age_bars }) => max_age_bars !== null)?.max_age_bars ?? null;
  if ((heldA || heldB) && first !== undefined && maxAgeBars !== null) {
    const ownBarMs = barMinutesOf(pairId) * barMs;
    const bars = Math.floor((nowMs - first.time_ms) / ownBarMs);
    if (nowMs - first.time_ms >= (maxAgeBars + GRACE_BARS) * ownBarMs + settleMs)
      findings.push(found('OPEN_TOO_LONG', `${bars} bars, and ${maxAgeBars} are allowed`));
  }
  return findings;
}

/** An account has one currency: a program that reports another has not looked, or looks at another account. */
function inCurrencies(own: readonly LiveTrade[]): FillFinding[] {
  const found = [...Map.groupBy(own, ({ currency }) => currency)].filter(([currency]) => currency !== '');
  if (found.length < 2) return [];
  const [usual, ...others] = found
    .sort(([, a], [, b]) => b.length - a.length)
    .map(([currency, fills]) => {
      return { text: `${fills.length} in ${currency}`, last: fills.at(-1)! };
    });
  return others.map(({ text, last }) => ({
    code: 'CURRENCY_MIXED',
    account: last.account,
    account_id: accountIdOf(last),
    pair_id: last.pair_id,
    position_id: last.position_id,
    time_ms: last.time_ms,
    seen: `fills ${usual!.text}, ${text}`,
  }));
}

function unanswered({ trades, entries, nowMs, barMs, settleMs }: ReconcileInput): FillFinding[] {
  const findings: FillFinding[] = [];
  for (const own of booksOf(trades)) {
    const [{ account, place }] = own as [LiveTrade];
    const since = followedSince(own);
    const answered = new Set(own.map(({ position_id }) => position_id));
    for (const { body, generatedAtMs } of entries) {
      const validMs = validIntervals(barMinutesOf(body.pair_id)) * barMs;
      const isOver = generatedAtMs + validMs + settleMs <= nowMs;
      const isAsked = generatedAtMs >= (since.get(body.pair_id) ?? Infinity);
      if (!isAsked || !isOver || answered.has(body.signal_id)) continue;
      findings.push({
        code: 'ENTER_WITHOUT_FILL',
        account,
        account_id: accountIdOf({ account, place }),
        pair_id: body.pair_id,
        position_id: body.signal_id,
        time_ms: generatedAtMs,
        seen: `${body.entry}, nothing in ${place}`,
      });
    }
  }
  return findings;
}
