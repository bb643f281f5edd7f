/**
 * Powers of what a number measures: `close` is price^1, `close / open` has none, `close · volume` has both. null is the
 * unit of a number that is written in the formula: it fits any other.
 */
export interface Measure {
  readonly price: number;
  readonly volume: number;
}
export type Unit = Measure | null;

export const PLAIN: Measure = { price: 0, volume: 0 };
export const PRICE: Measure = { price: 1, volume: 0 };
export const VOLUME: Measure = { price: 0, volume: 1 };

/** The unit of a product of `x` and a power of `y`. */
export function product(x: Unit, y: Unit, power = 1): Unit {
  if (x === null && y === null) return null;
  const first = x ?? PLAIN;
  const second = y ?? PLAIN;
  return { price: first.price + power * second.price, volume: first.volume + power * second.volume };
}

/** The common unit; undefined when two differ. */
export function common(units: readonly Unit[]): Unit | undefined {
  let found: Unit = null;
  for (const unit of units) {
    if (unit === null) continue;
    if (found !== null && (found.price !== unit.price || found.volume !== unit.volume)) return undefined;
    found = unit;
  }
  return found;
}

/** `price`, `price · volume`, `price^2 · volume^-1`; `number` without unit. */
export function unitName(unit: Unit): string {
  if (unit === null) return 'number';
  const names = (['price', 'volume'] as const).flatMap((name) => {
    const power = unit[name];
    if (power === 0) return [];
    return [power === 1 ? name : `${name}^${power}`];
  });
  return names.join(' · ') || 'number';
}
