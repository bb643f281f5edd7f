import { createConsumer } from '../../shared/signal/consumer.ts';
import type { Signal } from '../../shared/signal/signal.ts';

/** A line of trace.jsonl: a text that was checked, or a position that the expert advisor closed by itself. */
export type TraceLine =
  | { readonly now_ms: number; readonly verdict: string; readonly text: string; readonly pair_id?: string }
  | { readonly now_ms: number; readonly closed: string; readonly reason: string };

/** Expected line of result.json, without times and account. */
export interface ExpectedFill {
  readonly kind: 'open' | 'close' | 'refused';
  readonly signal_id: string;
  readonly position_id: string;
  readonly pair_id: string;
  readonly reason: string;
  readonly leg: string;
  readonly side: string;
  readonly lots: number;
  readonly requested_price: number | null;
  readonly filled_price: number | null;
  readonly pnl: number | null;
}

type Decision = Pick<
  ExpectedFill,
  'kind' | 'signal_id' | 'position_id' | 'pair_id' | 'reason' | 'leg' | 'side' | 'lots'
>;

/** What a fill says about its decision: without prices, times and account. */
export function decisionOf(fill: Decision): unknown[] {
  const { kind, signal_id, position_id, pair_id, reason, leg, side, lots } = fill;
  return [kind, signal_id, position_id, pair_id, reason, leg, side, lots];
}

export interface PaperRules {
  readonly equity: number;
  readonly risk: number;
  readonly spreadBps: number;
  readonly slippageBps: number;
  readonly maxOpenPairs: number;
  readonly maxHedgeError: number;
}

interface Held {
  readonly positionId: string;
  readonly legs: readonly { leg: string; side: number; lots: number; price: number }[];
}

const floorTo = (lots: number, up: number): number => Number((Math.floor(lots / 0.01 + up + 1e-6) * 0.01).toFixed(8));

/**
 * An independent implementation of paper trading on simulated signals, on top of the reference consumer: the fills that
 * an expert advisor must make of these texts. Throws when it checked a text with another result.
 */
export function paperTrades(trace: readonly TraceLine[], rules: PaperRules): ExpectedFill[] {
  const consumer = createConsumer({ markets: ['live', 'simulated', 'replay'], maxClockSkewMs: 2000 });
  const prices = new Map<string, [number, number]>();
  const held = new Map<string, Held>();
  const fills: ExpectedFill[] = [];
  let realized = 0;

  const quote = (pairId: string, leg: number, side: number): number =>
    prices.get(pairId)![leg]! * (1 + (side * rules.spreadBps) / 20000);
  const slipped = (price: number, side: number): number => price * (1 + (side * rules.slippageBps) / 10000);
  const floating = (): number => {
    let sum = 0;
    for (const [pairId, { legs }] of held)
      legs.forEach(({ side, lots, price }, index) => (sum += side * (quote(pairId, index, -side) - price) * lots));
    return sum;
  };

  function close(pairId: string, signalId: string, reason: string): void {
    const position = held.get(pairId);
    if (position === undefined) return;
    position.legs.forEach(({ leg, side, lots, price }, index) => {
      const requested = quote(pairId, index, -side);
      const filled = slipped(requested, -side);
      const pnl = side * (filled - price) * lots;
      realized += pnl;
      fills.push({
        kind: 'close',
        signal_id: signalId === '' ? position.positionId : signalId,
        position_id: position.positionId,
        pair_id: pairId,
        reason,
        leg,
        side: side > 0 ? 'SELL' : 'BUY',
        lots,
        requested_price: requested,
        filled_price: filled,
        pnl,
      });
    });
    held.delete(pairId);
  }

  // The machine was paused between the check and the order: the signal has expired.
  const expired = new Set(
    trace.flatMap((line) => ('closed' in line && line.reason === 'EXPIRED' ? [line.closed] : [])),
  );

  for (const line of trace) {
    if ('closed' in line) {
      consumer.closed(line.closed);
      for (const [pairId, { positionId }] of [...held]) if (positionId === line.closed) close(pairId, '', line.reason);
      continue;
    }
    const verdict = consumer.take(line.text, line.now_ms, line.pair_id === undefined ? undefined : [line.pair_id]);
    const printed =
      verdict.verdict === 'refuse' ? `refuse ${verdict.code}` : words(verdict.orders.map(({ order }) => order));
    if (printed !== line.verdict.trim())
      throw new Error(`${line.verdict} where the reference says ${printed}: ${line.text}`);
    if (verdict.verdict === 'refuse') continue;
    const signal = JSON.parse(line.text) as Signal;
    const pairId = signal.pair_id;
    if (signal.price_a !== null && signal.price_b !== null) prices.set(pairId, [signal.price_a, signal.price_b]);
    for (const order of verdict.orders) {
      if (order.order === 'close') close(pairId, signal.signal_id, signal.reason);
      if (order.order !== 'open') continue;
      const [priceA, priceB] = prices.get(pairId)!;
      const ratio = (order.legs[1].weight * priceA) / priceB;
      const gross = (rules.equity + realized + floating()) * rules.risk * order.scale;
      const lotsA = floorTo(gross / (1 + order.legs[1]!.weight) / priceA, 0);
      const lotsB = floorTo(lotsA * ratio, 0.5);
      const refusal =
        expired.has(order.positionId) ||
        held.size >= rules.maxOpenPairs ||
        lotsA < 0.01 ||
        lotsB < 0.01 ||
        Math.abs(lotsB / (lotsA * ratio) - 1) > rules.maxHedgeError;
      const common = { signal_id: order.positionId, position_id: order.positionId, pair_id: pairId };
      if (refusal) {
        fills.push({
          ...common,
          kind: 'refused',
          reason: '',
          leg: '',
          side: '',
          lots: 0,
          requested_price: null,
          filled_price: null,
          pnl: null,
        });
        consumer.closed(order.positionId);
        continue;
      }
      const legs = order.legs.map(({ side: word }, index) => {
        const side = word === 'BUY' ? 1 : -1;
        const requested = quote(pairId, index, side);
        const price = slipped(requested, side);
        const leg = { leg: index === 0 ? 'A' : 'B', side, lots: index === 0 ? lotsA : lotsB, price };
        fills.push({
          ...common,
          kind: 'open',
          reason: 'ENTRY',
          leg: leg.leg,
          side: word,
          lots: leg.lots,
          requested_price: requested,
          filled_price: price,
          pnl: null,
        });
        return leg;
      });
      held.set(pairId, { positionId: order.positionId, legs });
    }
  }
  return fills;
}

function words(orders: readonly string[]): string {
  return orders.filter((order) => order !== 'hold').join(' ');
}
