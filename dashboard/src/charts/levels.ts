import type { Signal } from '../api.ts';

export interface Levels {
  readonly stop: number | null;
  readonly target: number | null;
}

export const NO_LEVELS: Levels = { stop: null, target: null };

/** Stop and take profit of an instrument's open position at each signal, starting with the entry signal. */
export function levelsOf(signals: readonly Signal[]): Levels[] {
  let open = NO_LEVELS;
  return signals.map(({ action, target: side, stop, take_profit, price }) => {
    if (action === 'ENTER' && isNumber(price) && isNumber(stop) && isNumber(take_profit))
      open = { stop: price * (1 - side * stop), target: price * (1 + side * take_profit) };
    const now = open;
    if (action === 'EXIT' || (side === 0 && action === 'HOLD')) open = NO_LEVELS;
    return action === 'HOLD' && side === 0 ? NO_LEVELS : now;
  });
}

const isNumber = (value: number | null | undefined): value is number => typeof value === 'number';
