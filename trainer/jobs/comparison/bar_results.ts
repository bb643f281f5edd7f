import type { InstrumentBody } from '../../../shared/signal/instrument_signal.ts';

/**
 * Results of the bars of an instrument from the answers of one arm in order, from the close before to each close. A
 * position pays half of a round trip when it opens, and half when it closes.
 * @param costBps of a round trip
 * @returns net, basis points of the notional of the position's entry: those of the bars of a trade add up to its result
 */
export function barResults(costBps: number): (body: Pick<InstrumentBody, 'action' | 'target' | 'price'>) => number {
  let side = 0;
  let entryPrice = NaN;
  let price = NaN;
  return ({ action, target, price: close }) => {
    const held = side;
    const moved = close === null || Number.isNaN(price) ? 0 : close - price;
    if (close !== null) price = close;
    const isEntry = action === 'ENTER' && close !== null;
    const isExit = action === 'EXIT' && held !== 0;
    const earned = held === 0 ? 0 : (1e4 * held * moved) / entryPrice;
    if (isEntry) entryPrice = price;
    // A position that was entered before these answers has no known entry.
    side = isEntry || (held !== 0 && target !== 0) ? target : 0;
    return earned - (isEntry || isExit ? costBps / 2 : 0);
  };
}
