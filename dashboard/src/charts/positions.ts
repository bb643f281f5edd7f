import { moneyOf, type Money } from '../../../shared/fill/money.ts';
import type { Trade } from '../api.ts';

/** One position of one program: the fills that opened and closed it. */
export interface TradedPosition {
  readonly key: string;
  readonly subject: string;
  readonly account: string;
  /** Which account of that kind: several on paper follow the same signals. */
  readonly accountId: string;
  readonly positionId: string;
  readonly opens: readonly Trade[];
  readonly closes: readonly Trade[];
  /** Of the first fill, epoch ms. */
  readonly openedMs: number;
  /** Of the last close; null while a leg is open. */
  readonly closedMs: number | null;
  /** Closes of the bars of its entry and exit on the market's clock, epoch ms; null where no signal says. */
  readonly openedBarMs: number | null;
  readonly closedBarMs: number | null;
  /** Net of costs, of what is closed, by currency. */
  readonly money: Money;
  /** The same; null where it is in several currencies. */
  readonly pnl: number | null;
  /** Of the exit; empty while open. */
  readonly reason: string;
  /** Mean of its fills, basis points; positive is worse. */
  readonly slippageBps: number | null;
  readonly model: string;
}

/** Positions of fills, newest first. Refused entries are none. */
export function positionsOf(trades: readonly Trade[]): TradedPosition[] {
  const filled = trades.filter(({ kind }) => kind !== 'refused');
  const groups = new Map<string, Trade[]>();
  for (const trade of filled) {
    const key = `${trade.account_id} ${trade.position_id}`;
    const group = groups.get(key);
    if (group === undefined) groups.set(key, [trade]);
    else group.push(trade);
  }
  return [...groups]
    .map(([key, own]) => positionOf(key, own))
    .filter(({ opens }) => opens.length > 0)
    .sort((a, b) => b.openedMs - a.openedMs);
}

function positionOf(key: string, fills: readonly Trade[]): TradedPosition {
  const inOrder = [...fills].sort((a, b) => a.time_ms - b.time_ms);
  const opens = inOrder.filter(({ kind }) => kind === 'open');
  const closes = inOrder.filter(({ kind }) => kind === 'close');
  const sizeOf = (some: readonly Trade[]): number => some.reduce((sum, { lots }) => sum + lots, 0);
  const isClosed = closes.length > 0 && sizeOf(closes) >= sizeOf(opens) - 1e-6;
  const money = moneyOf(closes);
  const sums = Object.values(money);
  const slippages = inOrder.flatMap(({ slippage_bps }) => slippage_bps ?? []);
  const [first] = inOrder;
  const model = opens.find((open) => open['model_version'] !== null)?.['model_version'];
  return {
    key,
    subject: first!.pair_id,
    account: first!.account,
    accountId: first!.account_id,
    positionId: first!.position_id,
    opens,
    closes,
    openedMs: first!.time_ms,
    closedMs: isClosed ? closes.at(-1)!.time_ms : null,
    openedBarMs: barOf(opens.find((open) => open['signal_bar'] !== null)),
    closedBarMs: isClosed ? fillBarOf(closes.at(-1)!) : null,
    money,
    pnl: sums.length > 1 ? null : (sums[0] ?? 0),
    reason: closes.at(-1)?.reason ?? '',
    slippageBps: slippages.length === 0 ? null : slippages.reduce((sum, one) => sum + one, 0) / slippages.length,
    model: typeof model === 'string' ? model : '',
  };
}

/** When it was opened, epoch ms: in a simulated market by its own clock, as far as a signal says. */
export function openedAtMs({ openedMs, openedBarMs }: TradedPosition, isSimulated: boolean): number {
  return isSimulated ? (openedBarMs ?? openedMs) : openedMs;
}

/** Holding time, so far for an open position. In a simulated market, by its own clock: null for an open position. */
export function heldMs(position: TradedPosition, isSimulated: boolean, nowMs: number): number | null {
  const { openedMs, closedMs, openedBarMs, closedBarMs } = position;
  if (!isSimulated) return (closedMs ?? nowMs) - openedMs;
  return openedBarMs === null || closedBarMs === null ? null : closedBarMs - openedBarMs;
}

/** Close of the bar of the signal that a fill follows, epoch ms on the market's clock. */
function barOf(trade: Trade | undefined): number | null {
  const bar = trade?.['signal_bar'];
  return typeof bar === 'string' ? Date.parse(bar) : null;
}

/** The same; null of an exit of the account's own, which names the signal of the entry. */
export function fillBarOf(fill: Trade): number | null {
  return fill.kind === 'close' && fill.signal_id === fill.position_id ? null : barOf(fill);
}
