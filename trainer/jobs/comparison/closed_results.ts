import type { InstrumentBody } from '../../../shared/signal/instrument_signal.ts';

type ClosedBody = Pick<InstrumentBody, 'pair_id' | 'action' | 'target' | 'price'>;

/**
 * Results of the positions of an instrument, or of several, from the answers of one arm in order: from close to close.
 * @param costBps of a round trip
 * @returns net result of the position that a bar closed, basis points of its notional; null where it closed none, or
 * one whose entry is not known
 */
export function closedResults(costBps: number): (body: ClosedBody) => number | null {
  const open = new Map<string, ClosedBody>();
  return (body) => {
    const { pair_id, action, price } = body;
    const entry = open.get(pair_id);
    if (action === 'ENTER') open.set(pair_id, body);
    if (action !== 'EXIT') return null;
    open.delete(pair_id);
    if (entry === undefined || entry.price === null || price === null) return null;
    return 1e4 * entry.target * (price / entry.price - 1) - costBps;
  };
}
