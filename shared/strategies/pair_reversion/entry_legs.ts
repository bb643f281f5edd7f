import type { Side } from '../../core/position/position.ts';

/**
 * The legs of an entry as published, e.g. `SELL_XAUUSD, BUY_XAGUSD`. Leg A has the target's side, leg B −side ·
 * sign(beta): for beta < 0 both legs have the same side.
 */
export function entryLegs(target: Side, beta: number, symbolA: string, symbolB: string): string {
  const word = (side: number): string => (side > 0 ? 'BUY' : 'SELL');
  return `${word(target)}_${symbolA}, ${word(beta < 0 ? target : -target)}_${symbolB}`;
}
